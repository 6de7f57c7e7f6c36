// One viewport: a stack, the picture of it that is shown, and what is written over it. Until the engine is there, or
// where it cannot run, the server's rendered pictures stand in.

import { NotAnswered, renderedUrl } from "./dicomweb.js";
import { counterpart } from "./geometry.js";
import { Overlay } from "./overlay.js";
import { firstIndex } from "./stacks.js";
import { windowOf, windowWords } from "./windows.js";

const AHEAD = 6; // pictures fetched in the direction of scrolling

export class Pane {
  constructor(viewer, name, template) {
    this.viewer = viewer;
    this.name = name;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.surface = this.element.querySelector("[data-viewer-screen]");
    this.preview = this.element.querySelector("[data-viewer-preview]");
    this.message = this.element.querySelector("[data-viewer-message]");
    this.overlay = new Overlay(this.element, viewer.words);
    this.index = 0;
    this.shown = null; // the picture that is seen
    this.window = null; // null: each picture's own
    this.direction = 1;
  }

  get picture() {
    return this.stack?.pictures[this.index] ?? null;
  }

  /** Whether the engine has drawn what is shown, so that places on the screen mean something. */
  get isDrawn() {
    return Boolean(this.shown) && this.screen?.picture === this.shown;
  }

  get of() {
    return this.viewer.studies.get(this.stack?.study);
  }

  /** The engine has come: draw with it from now on. */
  useScreen(screen) {
    this.screen = screen;
    screen.onchange = () => this.isDrawn && !this.working && this.describe();
    if (this.picture) this.show(this.index);
  }

  async open(stack, index = firstIndex(stack)) {
    this.stack = stack;
    this.index = index;
    this.shown = null;
    this.window = null;
    this.element.classList.toggle("viewer-pane-empty", !stack.pictures.length);
    this.describe();
    if (stack.pictures.length) return this.show(index);
    return this.tell(this.viewer.words.kinds[stack.kind], linkOf(stack, this.viewer));
  }

  step(by) {
    if (!this.stack?.pictures.length) return Promise.resolve();
    this.direction = Math.sign(by) || 1;
    return this.show(this.index + by);
  }

  /** The latest wish wins: while a picture is fetched, those between are passed over. */
  async show(index) {
    const { pictures } = this.stack;
    this.index = Math.min(pictures.length - 1, Math.max(0, index));
    this.viewer.moved(this);
    this.overlay.count(this);
    if (this.working) return this.working;
    this.working = this.work().finally(() => { this.working = null; });
    return this.working;
  }

  async work() {
    while (this.picture && (this.shown !== this.picture || this.drawn !== Boolean(this.screen))) {
      const { stack, picture, index, screen } = this;
      const slow = setTimeout(() => this.element.classList.add("viewer-pane-waiting"), 200);
      const problem = await this.draw(screen, stack, picture, index).catch((caught) => caught);
      clearTimeout(slow);
      this.element.classList.remove("viewer-pane-waiting");
      if (this.stack !== stack || this.picture !== picture) continue;
      this.shown = picture;
      this.drawn = Boolean(screen);
      this.element.dataset.shown = index + 1;
      this.element.dataset.by = screen ? "engine" : "server";
      this.element.classList.toggle("viewer-pane-failed", Boolean(problem));
      this.tell(problem ? this.viewer.wordsFor(problem) : "");
      this.describe();
    }
    this.fetchAhead();
  }

  async draw(screen, stack, picture, index) {
    if (!screen) return this.drawByServer(picture);
    await this.viewer.engine.load(picture);
    if (this.picture !== picture) return undefined;
    await screen.show(stack.pictures, index, this.window);
    this.preview.hidden = true;
    return undefined;
  }

  async drawByServer(picture) {
    this.preview.src = renderedUrl(picture);
    this.preview.hidden = false;
    await this.preview.decode().catch(() => { throw new NotAnswered(0, this.preview.src); });
  }

  fetchAhead() {
    if (!this.screen) return;
    const { stack, index, direction } = this;
    const wanted = Array.from({ length: AHEAD }, (_, at) => stack.pictures[index + direction * (at + 1)]);
    const next = wanted.find((picture) => picture && !this.viewer.engine.has(picture) && !this.skipped?.has(picture));
    if (!next) return;
    this.viewer.engine.load(next).catch(() => (this.skipped ??= new Set()).add(next)).then(() => {
      if (this.stack === stack && !this.working) this.fetchAhead();
    });
  }

  /** Shows what lies where another pane is. */
  follow(other) {
    if (!this.stack?.pictures.length || !other.stack?.pictures.length) return;
    const index = counterpart(other.stack.pictures, other.index, this.stack.pictures);
    if (index !== this.index) this.show(index);
  }

  useWindow(preset) {
    if (!this.isDrawn) return;
    this.window = windowOf(preset, this.shown, this.viewer.statisticsFor(this.shown.id), this.screen.window());
    this.screen.setWindow(this.window);
    this.describe();
  }

  keepWindow() {
    this.window = this.screen.window();
  }

  reset() {
    this.window = null;
    if (this.isDrawn) this.screen.reset();
    this.describe();
  }

  describe() {
    this.overlay.describe(this);
  }

  tell(text, link = null) {
    const [words, way] = [this.message.querySelector("p"), this.message.querySelector("a")];
    words.textContent = text;
    way.hidden = !link;
    if (link) Object.assign(way, { href: link.url, textContent: link.text, target: link.target ?? "" });
    this.message.hidden = !text;
  }

  /** What a listener is told of the picture that is seen. */
  detail() {
    const picture = this.shown ?? this.picture;
    const window = (this.isDrawn && this.screen.window()) || picture.tone.windows[0] || null;
    return {
      studyInstanceUid: picture.study,
      seriesInstanceUid: picture.series,
      sopInstanceUid: picture.instance,
      frame: picture.frame,
      windowCenter: window?.center ?? null,
      windowWidth: window?.width ?? null,
    };
  }

  windowWords() {
    const window = (this.isDrawn && this.screen.window()) || this.picture?.tone.windows[0];
    return window && this.picture.shape.samples === 1 ? windowWords(window) : "";
  }
}

function linkOf(stack, { words, instanceUrl }) {
  if (stack.kind === "pdf") return { url: `${stack.url}/rendered`, text: words.openPdf, target: "_blank" };
  return instanceUrl && stack.instance ? { url: instanceUrl + stack.instance, text: words.openObject } : null;
}

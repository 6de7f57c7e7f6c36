// A viewer: studies and their stacks, one or two panes, tools, keys, and the events that tell others.

import { Cine } from "./cine.js";
import { NotAnswered } from "./dicomweb.js";
import { text } from "./dicom_json.js";
import { bindKeys } from "./keys.js";
import { Pane } from "./pane.js";
import { bindPointer } from "./pointer.js";
import { Strip } from "./strip.js";
import { loadStudy, wantedAlone, wantedBeside } from "./studies.js";
import { Toolbar } from "./toolbar.js";

const NARROW = 720; // px: below, one pane and the small tool bar
let count = 0;

export class Viewer {
  constructor(root) {
    this.root = root;
    this.name = `viewer-${count++}`;
    this.words = JSON.parse(root.dataset.words);
    this.instanceUrl = root.dataset.instanceUrl ?? "";
    this.studies = new Map(); // Study Instance UID → {uid, prior, date, currentDate, stacks}
    this.paneTemplate = root.querySelector("[data-viewer-pane]");
    this.place = root.querySelector("[data-viewer-panes]");
    this.panes = [];
    this.layout = 1;
    this.linked = false;
    this.tool = "window";
    this.told = new Set(); // events of which a toast has said that nobody keeps them
    this.strip = new Strip(root.querySelector("[data-viewer-strip]"), root.querySelector("[data-viewer-thumb]"), this.words, (stack) => this.openIn(this.active, stack));
    this.cine = new Cine(this);
    this.toolbar = new Toolbar(this);
    bindKeys(this);
  }

  async start() {
    this.addPane();
    if (this.isNarrow()) this.setTool("scroll"); // for one finger
    const drawing = this.startEngine();
    const { study } = this.root.dataset;
    const loading = await this.addStudy(study, { prior: false }, wantedAlone).catch((problem) => this.active.tell(this.wordsFor(problem)));
    this.first = loading?.first ?? null;
    if (loading?.first) this.openIn(this.active, loading.first);
    else if (loading) this.active.tell(this.words.noPictures);
    await drawing;
    new ResizeObserver(() => this.resized()).observe(this.root);
    this.root.dispatchEvent(new CustomEvent("viewer:ready", { bubbles: true }));
  }

  async startEngine() {
    const { root, words } = this;
    try {
      const drawing = await import("./screen.js");
      this.engine = new drawing.Engine({ name: this.name, words: words.measured });
      this.drawing = drawing;
      this.engine.tools.use(this.tool);
      drawing.onMeasured((found) => this.measured(found));
    } catch (problem) {
      // Without WebGL and modules of its own the viewer still shows the server's pictures.
      root.classList.add("viewer-plain");
      console.warn(problem);
      return;
    }
    this.panes.forEach((pane) => this.giveScreen(pane));
  }

  giveScreen(pane) {
    if (!this.engine || pane.screen) return;
    pane.useScreen(this.engine.screen(pane.surface, `${this.name}-${pane.name}`));
    bindPointer(this, pane);
  }

  statisticsFor(id) {
    return this.drawing.statisticsFor(id);
  }

  // --- studies

  addStudy(uid, of, wanted) {
    const study = { uid, ...of, stacks: [] };
    this.studies.set(uid, study);
    return loadStudy(uid, wanted, (stacks) => {
      if (this.studies.get(uid) !== study) return; // taken away meanwhile
      study.stacks.push(...stacks);
      const day = text(stacks[0]?.pictures[0]?.dataset ?? stacks[0]?.dataset, "00080020");
      study.date ||= day;
      if (!study.prior) this.currentDate ||= day;
      study.currentDate = this.currentDate;
      this.strip.add(stacks, study);
      this.changed();
    });
  }

  /** Puts a prior study beside the current one; an empty UID takes it away. */
  async compare(uid) {
    for (const [known, { prior }] of this.studies) {
      if (!prior) continue;
      this.studies.delete(known);
      this.strip.remove(known);
    }
    this.comparing = uid;
    for (const pane of this.panes) {
      if (pane.stack && !this.studies.has(pane.stack.study) && this.first) this.openIn(pane, this.first);
    }
    if (!uid) return this.setLayout(1);
    if (!this.isNarrow()) this.setLayout(2);
    const pane = this.panes.at(-1);
    const given = this.toolbar.priorOf(uid);
    try {
      const like = wantedBeside(this.panes[0].stack);
      const { first } = await this.addStudy(uid, { prior: true, date: given.date }, like);
      if (!first || this.comparing !== uid) return undefined;
      await this.openIn(pane, first);
      if (pane !== this.panes[0] && pane.picture) {
        this.setLinked(true);
        pane.follow(this.panes[0]);
      }
    } catch (problem) {
      pane.tell(this.wordsFor(problem));
    }
    return undefined;
  }

  async openIn(pane, stack) {
    this.cine.stop();
    const opened = pane.open(stack);
    this.changed();
    await opened;
    this.changed();
  }

  openBeside(by) {
    const stack = this.strip.beside(this.active.stack, by);
    if (stack) this.openIn(this.active, stack);
  }

  // --- panes

  addPane() {
    const pane = new Pane(this, this.panes.length, this.paneTemplate);
    this.panes.push(pane);
    this.place.append(pane.element);
    pane.element.addEventListener("focusin", () => this.activate(pane));
    // cornerstone takes the focus into its element, where it swallows every key, Tab too: it goes to the pane instead.
    pane.surface.addEventListener("focus", () => pane.element.focus({ preventScroll: true }));
    pane.element.addEventListener("pointerdown", () => pane.element.focus({ preventScroll: true }), true);
    this.giveScreen(pane);
    this.activate(this.active ?? pane);
    return pane;
  }

  activate(pane) {
    if (this.active === pane) return;
    this.active = pane;
    this.changed();
  }

  isNarrow() {
    return this.root.clientWidth < NARROW;
  }

  setLayout(panes) {
    this.layout = panes;
    if (panes === 2 && this.panes.length < 2) {
      const pane = this.addPane();
      if (!this.comparing) this.openIn(pane, this.strip.beside(this.panes[0].stack, 1) ?? this.panes[0].stack);
    }
    this.arrange();
  }

  arrange() {
    const two = this.layout === 2 && !this.isNarrow();
    this.place.classList.toggle("viewer-panes-two", two);
    this.panes[1]?.element.toggleAttribute("hidden", !two);
    if (!two && this.active === this.panes[1]) this.activate(this.panes[0]);
    if (!two) this.setLinked(false);
    this.engine?.resize();
    this.changed();
  }

  resized() {
    this.root.classList.toggle("viewer-narrow", this.isNarrow());
    this.arrange();
  }

  /** A pane goes to another picture: the linked one follows. */
  moved(pane) {
    if (this.linked && !this.following) {
      this.following = true;
      for (const other of this.panes) if (other !== pane) other.follow(pane);
      this.following = false;
    }
    this.toolbar.moved();
  }

  setLinked(linked) {
    this.linked = linked && this.panes.length > 1 && this.layout === 2;
    if (this.linked) this.panes.find((one) => one !== this.active)?.follow(this.active);
    this.toolbar.update();
  }

  changed() {
    for (const pane of this.panes) pane.element.classList.toggle("viewer-pane-active", pane === this.active && this.panes.length > 1);
    this.strip.mark(this.panes.filter((pane) => !pane.element.hidden), this.active);
    this.toolbar.update();
  }

  // --- tools

  setTool(name) {
    this.tool = name;
    this.engine?.tools.use(name);
    this.toolbar.update();
  }

  preset(preset) {
    this.active.useWindow(preset);
    this.toolbar.update();
  }

  remove() {
    this.drawing?.removeMeasurement();
    this.engine?.rendering.render();
  }

  // --- what others hear

  keyImage() {
    const pane = this.active;
    if (!pane.picture) return;
    this.say("viewer:keyimage", pane.detail());
  }

  measured({ id, picture, label, value, unit, text: words }) {
    const pane = this.panes.find((one) => one.shown?.id === picture.id) ?? this.active;
    const detail = { ...pane.detail(), ...idsOf(picture), measurementUid: id, label, value, unit, text: words };
    this.say("viewer:measurement", detail);
  }

  /** On a page of its own nobody keeps it; a toast says so, for measurements once. */
  say(name, detail) {
    this.root.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
    if (!("alone" in this.root.dataset) || this.told.has(name)) return;
    if (name === "viewer:measurement") this.told.add(name);
    document.dispatchEvent(new CustomEvent("toast", { detail: { text: this.words.notKept[name] } }));
  }

  wordsFor(problem) {
    const { problems } = this.words;
    if (!(problem instanceof NotAnswered)) return problems.decode;
    if (problem.status === 401) return problems.signedOut;
    if ([403, 404].includes(problem.status)) return problems.gone;
    return problem.status === 406 || problem.status === 422 ? problems.decode : problems.noAnswer;
  }
}

const idsOf = (picture) => ({ studyInstanceUid: picture.study, seriesInstanceUid: picture.series, sopInstanceUid: picture.instance, frame: picture.frame });

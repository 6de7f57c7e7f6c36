// One viewport of cornerstone: the only module beside images.js and annotations.js that knows how it draws.

import { cache, Enums, getShouldUseCPURendering, init as startCore, RenderingEngine } from "@cornerstonejs/core";

import { prepareWorkers } from "./decode.js";
import { fetched, fromFirstCentre, remember, startImages, statisticsFor } from "./images.js";
import { indexOf } from "./measure.js";
import { annotationsOf, onMeasured, prepareTools, removeMeasurement, ToolBox } from "./annotations.js";
import { isColour, ownWindow, rangeOf, windowOfRange } from "./windows.js";

export { onMeasured, removeMeasurement, statisticsFor };

const MEGABYTE = 1024 * 1024;
const CACHE_BYTES = (navigator.deviceMemory ?? 8) < 4 ? 192 * MEGABYTE : 768 * MEGABYTE;
const CONTEXTS = 2; // of WebGL: as many as there are viewports

/** What all viewports of a page share. */
export class Engine {
  constructor({ name, words }) {
    startCore({ rendering: { webGlContextCount: CONTEXTS } });
    startImages();
    prepareWorkers({ script: new URL(WORKER, import.meta.url), codecs: new URL(CODECS, import.meta.url) });
    prepareTools(words);
    cache.setMaxCacheSize(CACHE_BYTES);
    this.rendering = new RenderingEngine(name);
    this.loading = new Map(); // picture → a promise
    this.screens = [];
    this.tools = new ToolBox(name, this.rendering.id);
  }

  screen(element, name) {
    const made = new Screen(this, element, name);
    this.screens.push(made);
    return made;
  }

  /** Fetches and decodes a picture, so that showing it takes no time. Raises what its loading raised. */
  load(picture) {
    if (this.has(picture)) return Promise.resolve();
    if (!this.loading.has(picture)) {
      const coming = fetched(picture).then((image) => cache.putImageLoadObject(picture.id, { promise: Promise.resolve(image) }));
      this.loading.set(picture, coming.finally(() => this.loading.delete(picture)));
    }
    return this.loading.get(picture);
  }

  has(picture) {
    return Boolean(cache.getImageLoadObject(picture.id));
  }

  /** After a change of size: what filled its viewport fills the new one, what was zoomed stays as it was. */
  resize() {
    const filling = this.screens.filter((screen) => screen.isFitted());
    this.rendering.resize(true, true);
    filling.forEach((screen) => screen.fit());
  }
}

class Screen {
  constructor(engine, element, name) {
    this.engine = engine;
    this.element = element;
    this.name = name;
    engine.rendering.enableElement({ viewportId: name, type: Enums.ViewportType.STACK, element, defaultOptions: { background: [0, 0, 0] } });
    engine.tools.add(name);
    this.viewport = engine.rendering.getViewport(name);
    this.inverted = false;
    element.addEventListener(Enums.Events.VOI_MODIFIED, () => this.onchange?.());
    element.addEventListener(Enums.Events.CAMERA_MODIFIED, () => this.onchange?.());
  }

  /** Shows a picture of a stack. Its frame must have been loaded. */
  async show(pictures, index, window) {
    if (this.pictures !== pictures) {
      this.pictures = pictures;
      this.inverted = false;
      remember(pictures);
      await this.viewport.setStack(pictures.map(({ id }) => id), index);
    } else {
      await this.viewport.setImageIdIndex(index);
    }
    this.picture = pictures[index];
    this.setWindow(window);
  }

  /** A window, or null for the picture's own. */
  setWindow(window) {
    const own = isColour(this.picture) ? { center: 128, width: 256 } : ownWindow(this.picture, statisticsFor(this.picture.id));
    const { lower, upper } = rangeOf(window ?? own);
    // Without WebGL cornerstone draws on the processor, which knows no other curve than a straight line.
    const curve = getShouldUseCPURendering() ? {} : { VOILUTFunction: window ? "LINEAR" : this.picture.tone.curve };
    this.viewport.setProperties({ voiRange: { lower, upper }, ...curve, invert: this.isInverted() });
    this.viewport.render();
  }

  isInverted() {
    return (this.picture.shape.photometric === "MONOCHROME1") !== this.inverted;
  }

  window() {
    const range = this.viewport.getProperties().voiRange;
    return range ? windowOfRange(range) : null;
  }

  invert() {
    this.inverted = !this.inverted;
    this.viewport.setProperties({ invert: this.isInverted() });
    this.viewport.render();
  }

  rotate(degrees = 90) {
    const { rotation = 0 } = this.viewport.getViewPresentation();
    this.viewport.setViewPresentation({ rotation: (rotation + degrees) % 360 });
    this.viewport.render();
  }

  flip(axis) {
    const camera = this.viewport.getCamera();
    const side = axis === "across" ? "flipHorizontal" : "flipVertical";
    this.viewport.setCamera({ [side]: !camera[side] });
    this.viewport.render();
  }

  zoomBy(factor) {
    this.viewport.setZoom(this.viewport.getZoom() * factor);
    this.viewport.render();
  }

  zoom() {
    return this.viewport.getZoom();
  }

  isFitted() {
    return Boolean(this.picture) && Math.abs(this.zoom() - 1) < 0.01 && Math.hypot(...this.viewport.getPan()) < 1;
  }

  fit() {
    this.viewport.setZoom(1);
    this.viewport.setPan([0, 0]);
    this.viewport.render();
  }

  reset() {
    this.inverted = false;
    this.viewport.setViewPresentation({ rotation: 0 });
    this.viewport.setCamera({ flipHorizontal: false, flipVertical: false });
    this.viewport.resetCamera();
    this.setWindow(null);
  }

  /** Column and row, continuous, under a point of the element in CSS pixels. */
  indexAt([x, y]) {
    return indexOf(this.picture, fromFirstCentre(this.picture, this.viewport.canvasToWorld([x, y])));
  }

  /** Where the right and the lower edge of the viewport point, in columns and rows of the picture. */
  directions() {
    const [origin, right, below] = [[0, 0], [10, 0], [0, 10]].map((point) => this.viewport.canvasToWorld(point));
    const towards = (to) => {
      const [x, y] = [to[0] - origin[0], to[1] - origin[1]];
      const length = Math.hypot(x, y) || 1;
      return [x / length, y / length];
    };
    return { right: towards(right), below: towards(below) };
  }

  /** The value at a column and row: {value} in units, {rgb}, or null outside of the picture. */
  valueAt([column, row]) {
    const { rows, columns } = this.picture.shape;
    const [x, y] = [Math.round(column), Math.round(row)];
    const image = cache.getImage(this.picture.id);
    if (x < 0 || y < 0 || x >= columns || y >= rows || !image) return null;
    const pixels = image.getPixelData();
    const at = y * columns + x;
    const found = image.color ? { rgb: [...pixels.subarray(at * 3, at * 3 + 3)] } : { value: pixels[at] };
    return { x, y, ...found };
  }

  measurements() {
    return annotationsOf(this.element);
  }
}

// The tools of the mouse and the finger, and what is measured with them.

import { BaseTool, addTool, AngleTool, annotation, EllipticalROITool, Enums, init as startTools, LengthTool, PanTool, RectangleROITool, ToolGroupManager, WindowLevelTool, ZoomTool } from "@cornerstonejs/tools";
import { cache, eventTarget } from "@cornerstonejs/core";

import { fromFirstCentre, pictureOf } from "./images.js";
import { described } from "./measure.js";

const YELLOW = "rgb(255, 224, 112)";
const YELLOW_CHOSEN = "rgb(255, 240, 180)";
const KINDS = { length: LengthTool, angle: AngleTool, ellipse: EllipticalROITool, rectangle: RectangleROITool };
const SETTLED_AFTER = 250; // ms without a further update of a measurement

const { Primary, Auxiliary, Secondary } = Enums.MouseBindings;

/** Dragging up and down goes through the stack; the viewport's element hears "viewer:scroll", in pixels. */
class ScrollTool extends BaseTool {
  static toolName = "ViewerScroll";

  constructor(props = {}, defaults = { supportedInteractionTypes: ["Mouse", "Touch"], configuration: {} }) {
    super(props, defaults);
  }

  mouseDragCallback({ detail: { element, deltaPoints } }) {
    element.dispatchEvent(new CustomEvent("viewer:scroll", { detail: deltaPoints.canvas[1] }));
  }

  touchDragCallback(event) {
    this.mouseDragCallback(event);
  }
}

const TOOLS = { window: WindowLevelTool, pan: PanTool, zoom: ZoomTool, scroll: ScrollTool, ...KINDS };

let words = {};

export function prepareTools(labels) {
  words = labels;
  startTools();
  Object.values(TOOLS).forEach(addTool);
  const styles = { color: YELLOW, colorHighlighted: YELLOW_CHOSEN, colorSelected: YELLOW_CHOSEN, colorLocked: YELLOW };
  const { global } = annotation.config.style.getDefaultToolStyles();
  annotation.config.style.setDefaultToolStyles({ global: {
    ...global,
    ...styles,
    ...Object.fromEntries(Object.entries(styles).map(([name, value]) => [name.replace("color", "textBoxColor"), value])),
    lineWidth: "1.5",
    textBoxFontFamily: "Inter, system-ui, sans-serif",
    textBoxFontSize: "13px",
  } });
}

export class ToolBox {
  constructor(name, engineId) {
    this.engineId = engineId;
    this.group = ToolGroupManager.createToolGroup(name);
    for (const [kind, Tool] of Object.entries(TOOLS)) {
      const measuring = kind in KINDS;
      this.group.addTool(Tool.toolName, measuring ? { getTextLines: (data, target) => linesOf(kind, data, target), calculateStats: false } : {});
      if (measuring) this.group.setToolPassive(Tool.toolName);
    }
    this.use("window");
  }

  add(viewportId) {
    this.group.addViewport(viewportId, this.engineId);
  }

  /** What the left button or one finger does; the middle one pans, the right one and two fingers zoom. */
  use(name) {
    for (const [kind, Tool] of Object.entries(TOOLS)) {
      const bindings = kind === name ? [{ mouseButton: Primary }] : [];
      if (kind === "pan") bindings.push({ mouseButton: Auxiliary });
      if (kind === "zoom") bindings.push({ mouseButton: Secondary }, { numTouchPoints: 2 });
      if (bindings.length) this.group.setToolActive(Tool.toolName, { bindings });
      else if (kind in KINDS) this.group.setToolPassive(Tool.toolName, { removeAllBindings: true });
      else this.group.setToolDisabled(Tool.toolName);
    }
  }
}

const idOfTarget = (target) => String([target].flat()[0]).replace(/^imageId:/, "");
const kindOf = (toolName) => Object.keys(KINDS).find((kind) => KINDS[kind].toolName === toolName);

const remembered = new WeakMap(); // data of an annotation → what was said of it, and for which points

function descriptionOf(kind, data, id) {
  const picture = pictureOf(id);
  if (!picture || data.handles.points.length < (kind === "angle" ? 3 : 2)) return null;
  const points = data.handles.points.map((point) => fromFirstCentre(picture, point));
  const key = `${id} ${points.join(" ")}`;
  const before = remembered.get(data);
  if (before?.key === key) return before.found;
  const found = described(kind, points, picture, cache.getImage(id)?.getPixelData(), words);
  remembered.set(data, { key, found });
  return found;
}

const linesOf = (kind, data, target) => descriptionOf(kind, data, idOfTarget(target))?.lines ?? [];

function describe(one) {
  const kind = kindOf(one.metadata.toolName);
  const id = one.metadata.referencedImageId;
  const found = kind && descriptionOf(kind, one.data, id);
  return found ? { id: one.annotationUID, kind, picture: pictureOf(id), ...found } : null;
}

export function annotationsOf(element) {
  const all = Object.values(KINDS).flatMap((Tool) => annotation.state.getAnnotations(Tool.toolName, element) ?? []);
  return all.map(describe).filter(Boolean);
}

/** Takes off what is chosen, or the last one that was drawn. */
export function removeMeasurement() {
  const all = annotation.state.getAllAnnotations();
  const chosen = annotation.selection.getAnnotationsSelected();
  const [uid] = chosen.length ? chosen : all.slice(-1).map((one) => one.annotationUID);
  if (uid) annotation.state.removeAnnotation(uid);
  return Boolean(uid);
}

/** Calls `told(measurement)` when one was drawn or changed, and has come to rest: many updates come before that. */
export function onMeasured(told) {
  const drawn = new Set();
  const waiting = new Map();
  const later = (one) => {
    const uid = one.annotationUID;
    clearTimeout(waiting.get(uid));
    waiting.set(uid, setTimeout(() => {
      waiting.delete(uid);
      const found = annotation.state.getAnnotation(uid) && describe(one);
      if (found) told(found);
    }, SETTLED_AFTER));
  };
  eventTarget.addEventListener(Enums.Events.ANNOTATION_COMPLETED, ({ detail }) => {
    drawn.add(detail.annotation.annotationUID);
    later(detail.annotation);
  });
  eventTarget.addEventListener(Enums.Events.ANNOTATION_MODIFIED, ({ detail }) => {
    if (drawn.has(detail.annotation.annotationUID)) later(detail.annotation);
  });
}

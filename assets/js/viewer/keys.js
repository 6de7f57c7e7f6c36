// The keyboard of the viewer. Keys act with the focus in the viewer; on a page of its own (data-alone) also when
// nothing has it, unless single letters are switched off.

const TOOLS = { w: "window", p: "pan", z: "zoom", s: "scroll", l: "length", a: "angle", e: "ellipse", r: "rectangle" };
const DOINGS = { k: "key", i: "invert", t: "rotate", h: "flip-across", v: "flip-down", x: "link", d: "layout", f: "reset", u: "overlay", " ": "play", Delete: "remove", Backspace: "remove", "+": "larger", "-": "smaller", "[": "series-before", "]": "series-after" };
const STEPS = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };

const takesText = (element) => element.closest?.("textarea, select, [contenteditable], input:not([type=checkbox], [type=radio], [type=button])");

export function bindKeys(viewer) {
  const { root } = viewer;
  const act = (event) => {
    if (event.defaultPrevented || event.altKey || event.metaKey || event.isComposing || takesText(event.target)) return;
    if (event.ctrlKey || (event.target.closest("button, a") && [" ", "Enter"].includes(event.key))) return;
    if (!handle(viewer, event.key.length === 1 ? event.key.toLowerCase() : event.key)) return;
    event.preventDefault();
    event.stopPropagation(); // The page's lists have J, K and arrows of their own.
  };
  root.addEventListener("keydown", act);
  if (!("alone" in root.dataset)) return;
  document.addEventListener("keydown", (event) => {
    const nobody = event.target === document.body || event.target.id === "main";
    if (nobody && document.documentElement.dataset.shortcuts !== "off" && !document.querySelector("dialog[open]")) act(event);
  }, true);
}

function handle(viewer, key) {
  if (key in TOOLS) viewer.setTool(TOOLS[key]);
  else if (key in DOINGS) viewer.toolbar.do(DOINGS[key]);
  else if (key === "Escape" && viewer.tool !== "window") viewer.setTool("window");
  else if (/^[1-9]$/.test(key)) viewer.toolbar.choosePreset(Number(key) - 1);
  else if (key in STEPS) scroll(viewer, STEPS[key]);
  else return false;
  return true;
}

function scroll({ active, cine }, step) {
  cine.stop();
  if (Number.isFinite(step)) active.step(step);
  else if (active.stack?.pictures.length) active.show(step < 0 ? 0 : active.stack.pictures.length - 1);
}

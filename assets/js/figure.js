// The body figure as a field: a click or Enter chooses a region, arrows move between them, and the segmented
// control of the side keeps step in both directions.

const OTHER = { right: "left", left: "right" };

const figureOf = (element) => element.closest?.("[data-figure]");
const regionsOf = (figure) => [...figure.querySelectorAll("[data-region]")];
const sideOf = (key) => key.match(/^(right|left)-/)?.[1] ?? null;
const partOf = (key) => key.replace(/^(right|left)-/, "");

const chosenKeys = (figure) => regionsOf(figure)
  .filter((region) => region.getAttribute("aria-pressed") === "true").map((region) => region.dataset.region);

function show(figure, keys) {
  const chosen = regionsOf(figure).filter((region) => keys.includes(region.dataset.region));
  for (const region of regionsOf(figure)) region.setAttribute("aria-pressed", String(chosen.includes(region)));
  figure.querySelector("[data-figure-words]").textContent = chosen.map((region) => region.getAttribute("aria-label")).join(", ");
  const field = figure.querySelector("[data-figure-value]");
  field.value = keys.join(" ");
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

function sideInputs(figure) {
  return document.querySelectorAll(`input[type=radio][name="${CSS.escape(figure.dataset.sideField ?? "")}"]`);
}

function choose(region) {
  const figure = figureOf(region);
  const key = region.dataset.region;
  show(figure, [key]);
  moveTo(figure, region);
  for (const input of sideInputs(figure)) {
    if (input.value === sideOf(key) && !input.checked) {
      input.checked = true;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }
}

// The side was chosen: the region keeps its part and changes its side.
function followSide(figure, side) {
  const parts = new Set(chosenKeys(figure).filter(sideOf).map(partOf));
  if (!parts.size) return;
  const sides = side === "both" ? Object.keys(OTHER) : [side];
  const keys = [...parts].flatMap((part) => sides.map((one) => `${one}-${part}`));
  if (keys.join() !== chosenKeys(figure).join()) show(figure, keys);
}

function moveTo(figure, region) {
  for (const other of regionsOf(figure)) other.setAttribute("tabindex", other === region ? "0" : "-1");
  region.focus();
}

// The nearest region in the direction of the arrow, measured between middles.
function neighbour(region, arrow) {
  const middle = (element) => {
    const box = element.getBoundingClientRect();
    return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  };
  const from = middle(region);
  const [dx, dy] = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[arrow];
  let best = null;
  for (const other of regionsOf(figureOf(region))) {
    const to = middle(other);
    const along = (to.x - from.x) * dx + (to.y - from.y) * dy;
    const aside = Math.abs((to.x - from.x) * dy) + Math.abs((to.y - from.y) * dx);
    const cost = along + 2 * aside;
    if (along > 1 && (!best || cost < best.cost)) best = { other, cost };
  }
  return best?.other;
}

export function startFigures() {
  document.addEventListener("click", ({ target }) => {
    const region = target.closest?.("[data-figure] [data-region]");
    if (region) choose(region);
  });
  document.addEventListener("keydown", (event) => {
    const region = event.target.closest?.("[data-figure] [data-region]");
    if (!region) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(region);
    } else if (event.key.startsWith("Arrow")) {
      event.preventDefault();
      const next = neighbour(region, event.key);
      if (next) moveTo(figureOf(region), next);
    }
  });
  document.addEventListener("change", ({ target }) => {
    if (target.type !== "radio" || !target.checked) return;
    for (const figure of document.querySelectorAll("[data-figure]")) {
      if (figure.dataset.sideField === target.name) followSide(figure, target.value);
    }
  });
}

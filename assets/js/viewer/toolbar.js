// The bar above the pictures: tools, windows, priors, cine. It shows what holds for the active pane.

import { presetsOf } from "./windows.js";

export class Toolbar {
  constructor(viewer) {
    this.viewer = viewer;
    this.element = viewer.root.querySelector("[data-viewer-bar]");
    this.presets = this.element.querySelector("[data-viewer-presets]");
    this.priors = this.element.querySelector("[data-viewer-priors]");
    this.rate = this.element.querySelector("[data-viewer-rate]");
    this.cine = this.element.querySelectorAll("[data-viewer-cine]");
    this.element.addEventListener("click", ({ target }) => {
      const button = target.closest("[data-viewer-tool], [data-viewer-do]");
      if (button?.dataset.viewerTool) viewer.setTool(button.dataset.viewerTool);
      else if (button) this.do(button.dataset.viewerDo);
    });
    this.presets.addEventListener("change", () => this.choosePreset(Number(this.presets.value)));
    this.priors?.addEventListener("change", () => viewer.compare(this.priors.value));
    this.rate.addEventListener("change", () => {
      viewer.cine.setRate(Number(this.rate.value));
      this.moved();
    });
  }

  do(what) {
    const { viewer } = this;
    const { active } = viewer;
    const screen = active.isDrawn ? active.screen : null;
    const doings = {
      key: () => viewer.keyImage(),
      play: () => viewer.cine.toggle(),
      link: () => viewer.setLinked(!viewer.linked),
      layout: () => viewer.setLayout(viewer.layout === 2 ? 1 : 2),
      reset: () => active.reset(),
      overlay: () => viewer.root.classList.toggle("viewer-bare"),
      more: () => this.element.classList.toggle("viewer-bar-more"),
      remove: () => viewer.remove(),
      "series-before": () => viewer.openBeside(-1),
      "series-after": () => viewer.openBeside(1),
      invert: () => screen?.invert(),
      rotate: () => screen?.rotate(),
      "flip-across": () => screen?.flip("across"),
      "flip-down": () => screen?.flip("down"),
      larger: () => screen?.zoomBy(1.25),
      smaller: () => screen?.zoomBy(0.8),
    };
    doings[what]?.();
    this.update();
  }

  choosePreset(index) {
    const { active } = this.viewer;
    const preset = active.picture && presetsOf(active.picture)[index];
    if (preset) this.viewer.preset(preset);
    if (preset) this.presets.value = String(index);
  }

  priorOf(uid) {
    const option = [...(this.priors?.options ?? [])].find((one) => one.value === uid);
    return { date: option?.dataset.date };
  }

  update() {
    const { viewer } = this;
    const press = (selector, pressed) => this.element.querySelector(selector)?.setAttribute("aria-pressed", String(pressed));
    for (const button of this.element.querySelectorAll("[data-viewer-tool]")) {
      button.setAttribute("aria-pressed", String(button.dataset.viewerTool === viewer.tool));
    }
    press("[data-viewer-do=link]", viewer.linked);
    press("[data-viewer-do=layout]", viewer.layout === 2);
    press("[data-viewer-do=play]", viewer.cine.playing);
    this.element.querySelector("[data-viewer-do=more]")?.setAttribute("aria-expanded", String(this.element.classList.contains("viewer-bar-more")));
    press("[data-viewer-do=overlay]", viewer.root.classList.contains("viewer-bare"));
    const link = this.element.querySelector("[data-viewer-do=link]");
    link.hidden = viewer.panes.length < 2 || viewer.layout < 2;
    if (this.priors && this.priors.value !== (viewer.comparing ?? "")) this.priors.value = viewer.comparing ?? "";
    this.listPresets();
    this.moved();
  }

  moved() {
    const { active, cine } = this.viewer;
    const many = (active?.stack?.pictures.length ?? 0) > 1;
    this.cine.forEach((one) => { one.hidden = !many; });
    if (many && document.activeElement !== this.rate) this.rate.value = String(cine.rateOf(active));
  }

  listPresets() {
    const { active, words } = this.viewer;
    const presets = active?.picture ? presetsOf(active.picture) : [];
    const key = `${active?.stack?.id} ${presets.length}`;
    if (this.listed === key) return;
    this.listed = key;
    this.presets.replaceChildren(...presets.map((preset, index) => new Option(`${index + 1}  ${preset.text || words.presets[preset.name]}`, String(index))));
    this.presets.parentElement.hidden = !presets.length;
    this.presets.value = String(presets.findIndex(({ own }) => own));
  }
}

// Playing a stack. A picture is shown when it is there: a slow network plays slower, it does not skip.

const SLOWEST = 1;
const FASTEST = 60;
const USUAL = 10; // pictures a second where the object asks for none

export class Cine {
  constructor(viewer) {
    this.viewer = viewer;
    this.rate = null;
  }

  get playing() {
    return Boolean(this.pane);
  }

  rateOf(pane) {
    const asked = pane.picture?.frameTime ? 1000 / pane.picture.frameTime : USUAL;
    return Math.min(FASTEST, Math.max(SLOWEST, Math.round(this.rate ?? asked)));
  }

  setRate(rate) {
    this.rate = Math.min(FASTEST, Math.max(SLOWEST, Math.round(rate) || USUAL));
  }

  toggle() {
    if (this.playing) return this.stop();
    if ((this.viewer.active.stack?.pictures.length ?? 0) < 2) return undefined;
    this.pane = this.viewer.active;
    this.play(this.pane);
    return this.viewer.toolbar.update();
  }

  stop() {
    if (!this.pane) return;
    this.pane = null;
    this.viewer.toolbar.update();
  }

  async play(pane) {
    const { stack } = pane;
    while (this.pane === pane && pane.stack === stack) {
      const due = performance.now() + 1000 / this.rateOf(pane);
      pane.direction = 1;
      await pane.show((pane.index + 1) % stack.pictures.length);
      await new Promise((go) => setTimeout(go, Math.max(0, due - performance.now())));
    }
  }
}

// Wheel, scroll drag and the value under the cursor. What the buttons do is cornerstone's tools' (annotations.js).

const WHEEL_STEP = 60; // of a fine wheel's or a touchpad's pixels

export function bindPointer(viewer, pane) {
  const { surface, screen } = pane;
  let rest = 0;

  surface.addEventListener("wheel", (event) => {
    event.preventDefault();
    event.stopPropagation();
    if (event.ctrlKey) { // a pinch on a touchpad
      screen.zoomBy(Math.exp(-event.deltaY / 200));
      return;
    }
    viewer.activate(pane);
    rest += event.deltaMode ? Math.sign(event.deltaY) * WHEEL_STEP : event.deltaY;
    const steps = Math.trunc(rest / WHEEL_STEP);
    if (!steps) return;
    rest -= steps * WHEEL_STEP;
    viewer.cine.stop();
    pane.step(steps);
  }, { passive: false, capture: true });

  surface.addEventListener("viewer:scroll", ({ detail }) => {
    viewer.cine.stop();
    pane.step(detail);
  });

  let asked = false;
  surface.addEventListener("pointermove", (event) => {
    if (event.pointerType === "touch" || asked || !pane.isDrawn) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      const box = surface.getBoundingClientRect();
      const seen = pane.isDrawn && !pane.element.classList.contains("viewer-pane-failed");
      pane.overlay.probe(seen ? screen.valueAt(screen.indexAt([event.clientX - box.left, event.clientY - box.top])) : null, pane.shown);
    });
  });
  surface.addEventListener("pointerleave", () => pane.overlay.probe(null));

  surface.addEventListener("pointerup", () => {
    if (viewer.tool === "window") pane.keepWindow();
  });
  surface.addEventListener("contextmenu", (event) => event.preventDefault());
}

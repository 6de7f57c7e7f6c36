// Wheel, scroll drag and the value under the cursor. What the buttons do is cornerstone's tools' (annotations.js).

const WHEEL_STEP = 60; // of a fine wheel's or a touchpad's pixels
const DRAG_STEP = [4, 30]; // pixels for one picture, at least and at most; a stack is as long as the viewport is high

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

  let dragged = 0;
  surface.addEventListener("viewer:scroll", ({ detail }) => {
    const [least, most] = DRAG_STEP;
    const step = Math.min(most, Math.max(least, surface.clientHeight / (pane.stack?.pictures.length || 1)));
    dragged += detail;
    const steps = Math.trunc(dragged / step);
    if (!steps) return;
    dragged -= steps * step;
    viewer.cine.stop();
    pane.step(steps);
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

  // A window that was dragged stays for the pictures that follow; a mere click leaves each its own. The button may
  // come up anywhere.
  surface.addEventListener("pointerdown", () => {
    if (viewer.tool !== "window" || !pane.isDrawn) return;
    const before = screen.window();
    const up = () => {
      const after = pane.isDrawn && screen.window();
      if (after && (after.center !== before.center || after.width !== before.width)) pane.keepWindow();
    };
    window.addEventListener("pointerup", up, { once: true });
  }, true);
  surface.addEventListener("contextmenu", (event) => event.preventDefault());
}

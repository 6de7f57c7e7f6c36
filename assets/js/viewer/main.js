// The image component: starts every <section data-viewer> of a page (templates/viewer/component.html).
// What draws is fetched beside the metadata; until it is there, the server's rendered pictures stand in.

import { Viewer } from "./viewer.js";

for (const root of document.querySelectorAll("[data-viewer]")) {
  root.viewer = new Viewer(root);
  root.viewer.start();
}

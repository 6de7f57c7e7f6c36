// The palette: Ctrl K or / opens it, typing asks the server, Enter goes there. Closing gives the focus back.

import { openDialog, takesText } from "./page.js";
import { openById } from "./dialogs.js";
import { Listbox } from "./listbox.js";

const PAUSE = 120; // ms after the last letter before the server is asked

const listboxes = new WeakMap(); // by input: history restores replace the dialog
let pause = 0;

function listboxOf(input) {
  if (!listboxes.has(input)) {
    const list = document.getElementById(input.getAttribute("aria-controls"));
    listboxes.set(input, new Listbox(input, list, (option) => { location.href = option.href; }));
  }
  return listboxes.get(input);
}

export function startPalette() {
  document.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    const always = key === "k" && (event.ctrlKey || event.metaKey);
    const letter = key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey
      && !takesText(event.target) && !openDialog() && document.documentElement.dataset.shortcuts !== "off";
    if ((always || letter) && document.getElementById("palette")) {
      event.preventDefault();
      openById("palette");
    } else if (event.target.id === "palette-input") {
      listboxOf(event.target).key(event);
    }
  });

  document.addEventListener("dialog:opened", ({ target }) => {
    if (target.id !== "palette") return;
    const input = target.querySelector("input");
    input.select();
    listboxOf(input).ask(input.dataset.searchUrl, input.value.trim());
  });

  document.addEventListener("input", ({ target }) => {
    if (target.id !== "palette-input") return;
    clearTimeout(pause);
    pause = setTimeout(() => listboxOf(target).ask(target.dataset.searchUrl, target.value.trim()), PAUSE);
  });
}

// Dialogs: any element with data-opens="id" opens <dialog id>, data-closes closes the one it is in. The browser
// keeps the focus inside, closes on Escape and gives the focus back. A dialog that asks to type a word
// (data-confirm-word) enables its button only then. One that is swapped in with data-open-now opens by itself.

import { onContent, openDialog } from "./page.js";

export function openById(id) {
  const dialog = document.getElementById(id);
  if (!dialog || dialog.open || openDialog()) return false;
  document.querySelectorAll("details[data-menu][open]").forEach((menu) => { menu.open = false; });
  dialog.showModal();
  dialog.dispatchEvent(new CustomEvent("dialog:opened", { bubbles: true }));
  return true;
}

export function startDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-opens]");
    if (opener) {
      event.preventDefault();
      openDialog()?.close();
      openById(opener.dataset.opens);
    } else if (event.target.closest?.("[data-closes]")) {
      event.target.closest("dialog")?.close();
    } else if (event.target instanceof HTMLDialogElement && event.target.open) {
      // A click on the backdrop has the dialog itself as its target, and lies outside its box.
      const box = event.target.getBoundingClientRect();
      const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside) event.target.close();
    }
  });

  document.addEventListener("input", ({ target }) => {
    const form = target.closest?.("form[data-confirm-word]");
    if (form && target.name === "confirm") {
      form.querySelector("[type=submit]").disabled = target.value.trim() !== form.dataset.confirmWord;
    }
  });

  onContent((root) => root.querySelectorAll("dialog[data-open-now]:not([open])").forEach((dialog) => {
    delete dialog.dataset.openNow;
    dialog.showModal();
  }));
}

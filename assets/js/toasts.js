// Toasts: a moment's word at the bottom right, with Undo (Z) for ten seconds.
// They come with a page (flash), or as an event that the server names in the header
//   HX-Trigger: {"toast": {"text": "Moved to 13:45", "undo_url": "/undo/7", "bad": false}}

import { onContent, openDialog, takesText, word } from "./page.js";
import { post } from "./requests.js";

const SHOWN_FOR = 10_000;
const LEAVING = new WeakMap();

const place = () => document.getElementById("toasts");

export function showToast({ text, undo_url: undoUrl = "", bad = false }) {
  const template = document.getElementById(bad ? "toast-bad" : undoUrl ? "toast-undo" : "toast-plain");
  const toast = template.content.firstElementChild.cloneNode(true);
  toast.querySelector("[data-toast-text]").textContent = text;
  if (undoUrl) toast.dataset.undo = undoUrl;
  place().append(toast);
  leaveLater(toast);
}

// Reading or reaching for a toast holds it.
function leaveLater(toast) {
  if (LEAVING.has(toast)) return;
  const wait = () => LEAVING.set(toast, setTimeout(() => toast.remove(), SHOWN_FOR));
  const hold = () => clearTimeout(LEAVING.get(toast));
  toast.addEventListener("pointerenter", hold);
  toast.addEventListener("pointerleave", wait);
  toast.addEventListener("focusin", hold);
  toast.addEventListener("focusout", wait);
  wait();
}

async function undo(toast) {
  toast.remove();
  if (!await post(toast.dataset.undo)) return;
  if (document.querySelector("[data-live]")) {
    showToast({ text: word("undone") });
    document.dispatchEvent(new CustomEvent("live:now"));
  } else {
    location.reload();
  }
}

export function startToasts() {
  onContent((root) => root.querySelectorAll("#toasts [data-toast]").forEach(leaveLater));

  document.addEventListener("toast", ({ detail }) => showToast(detail));

  document.addEventListener("click", ({ target }) => {
    const toast = target.closest?.("#toasts [data-toast]");
    if (target.closest?.("[data-toast-undo]") && toast) undo(toast);
    else if (target.closest?.("[data-toast-close]") && toast) toast.remove();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "z" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (takesText(event.target) || openDialog() || document.documentElement.dataset.shortcuts === "off") return;
    const last = [...document.querySelectorAll("#toasts [data-undo]")].at(-1);
    if (!last) return;
    event.preventDefault();
    undo(last);
  });
}

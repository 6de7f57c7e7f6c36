// Small things that several modules need.

/** A word of the page in the reader's language, from <template id="words">; {n} and the like are filled in. */
export function word(name, values = {}) {
  const text = document.getElementById("words")?.dataset[name] ?? "";
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

/** Calls `use` now and after every swap; it must bear being called twice for one element. */
export function onContent(use) {
  const run = () => use(document);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", run, { once: true });
  else run();
  document.addEventListener("htmx:after:swap", run);
}

/** Whether letters belong to an element: then single-letter shortcuts stay silent. */
export function takesText(element) {
  return Boolean(element?.closest?.(
    "textarea, select, [contenteditable], [role=textbox], [role=combobox]," +
    "input:not([type=checkbox], [type=radio], [type=button], [type=submit], [type=range])",
  ));
}

export function isVisible(element) {
  return element.checkVisibility ? element.checkVisibility({ visibilityProperty: true }) : element.offsetParent !== null;
}

/** The element that Escape, letters and focus belong to while a modal dialog is open. */
export function openDialog() {
  return [...document.querySelectorAll("dialog[open]")].at(-1) ?? null;
}

export function csrfToken() {
  return document.querySelector("meta[name=csrf-token]")?.content ?? "";
}

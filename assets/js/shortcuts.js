// Shortcuts: data-key="N" presses the element (or goes into the field) when N is pressed; "Ctrl Enter" and the like
// work everywhere. Single letters and digits act only when no field has the focus, and can be switched off
// (WCAG 2.1.4). The ? dialog lists what this page has, data-key-told too: keys that a component handles by itself.

import { isVisible, openDialog, takesText } from "./page.js";
import { openById } from "./dialogs.js";

const STORED_AS = "shortcuts";

function nameOf(event) {
  const key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  return [event.ctrlKey || event.metaKey ? "Ctrl" : "", event.altKey ? "Alt" : "", key].filter(Boolean).join(" ");
}

const isSingle = (name) => name.length === 1;

function candidates(name) {
  const scope = openDialog() ?? document;
  return [...scope.querySelectorAll("[data-key]")].filter(
    (element) => element.dataset.key.toUpperCase() === name.toUpperCase() && !element.disabled && isVisible(element),
  );
}

function press(element) {
  if (element.matches("input:not([type=radio], [type=checkbox]), select, textarea")) {
    element.focus();
  } else {
    if (element.matches("[type=radio]")) element.focus();
    element.click();
  }
}

// Enter belongs to what has the focus: only a page where nothing has it may bind it.
function belongsElsewhere(event, name) {
  if (name === "Enter") return event.target.closest?.("a, button, summary, [role=button]") || takesText(event.target);
  return isSingle(name) && takesText(event.target);
}

function listShortcuts() {
  const place = document.querySelector("[data-shortcut-list]");
  const rows = [...document.querySelectorAll("[data-key], [data-key-told]")].filter(isVisible).map((element) => {
    const row = document.createElement("div");
    const words = document.createElement("span");
    const clone = element.cloneNode(true);
    clone.querySelectorAll("kbd, svg").forEach((part) => part.remove());
    words.textContent = element.dataset.keyWord || element.getAttribute("aria-label") || clone.textContent.trim().replace(/\s+/g, " ");
    const key = document.createElement("kbd");
    key.textContent = element.dataset.key ?? element.dataset.keyTold;
    row.append(words, key);
    return row;
  });
  place.replaceChildren(...rows);
}

function nextSection(event) {
  if (!(event.altKey && event.key === "ArrowDown")) return false;
  const sections = [...document.querySelectorAll("[data-section]")];
  const at = sections.findIndex((section) => section.contains(document.activeElement));
  const next = sections[(at + 1) % sections.length];
  next?.querySelector("input:not([type=hidden]), select, textarea, button")?.focus();
  return Boolean(next);
}

export function startShortcuts() {
  document.documentElement.dataset.shortcuts = localStorage.getItem(STORED_AS) ?? "on";

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || ["Control", "Alt", "Shift", "Meta"].includes(event.key)) return;
    if (nextSection(event)) {
      event.preventDefault();
      return;
    }
    const name = nameOf(event);
    if (isSingle(name) && document.documentElement.dataset.shortcuts === "off") return;
    if (belongsElsewhere(event, name)) return;
    if (name === "?" && !openDialog()) {
      event.preventDefault();
      openById("shortcuts");
      return;
    }
    const [element] = candidates(name);
    if (!element) return;
    event.preventDefault();
    press(element);
  });

  document.addEventListener("dialog:opened", ({ target }) => {
    if (target.id !== "shortcuts") return;
    listShortcuts();
    target.querySelector("[data-shortcuts-switch]").checked = document.documentElement.dataset.shortcuts !== "off";
  });

  document.addEventListener("change", ({ target }) => {
    if (!target.matches?.("[data-shortcuts-switch]")) return;
    const value = target.checked ? "on" : "off";
    document.documentElement.dataset.shortcuts = value;
    localStorage.setItem(STORED_AS, value);
  });
}

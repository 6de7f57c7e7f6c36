// Lists by keyboard: J, K and the arrows move the focus from row to row of the visible data-list; Enter follows the
// row's link by itself. A click anywhere in a row that is not on a control follows the row's link too.

import { isVisible, openDialog, takesText } from "./page.js";

const STEPS = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };

const linkOf = (row) => row.querySelector("[data-row-link]") ?? row.querySelector("a[href]");

const visibleList = () => [...document.querySelectorAll("[data-list]")].find(isVisible);

// The arrows scroll other regions of a page; J and K are free everywhere.
function arrowIsFor(list, target) {
  return target === document.body || target.id === "main" || (list.closest("[role=region]") ?? list).contains(target);
}

export function startLists() {
  document.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || openDialog()) return;
    if (takesText(event.target) || event.target.closest?.("[role=button], [type=radio], .slot, details")) return;
    if (event.key.length === 1 && document.documentElement.dataset.shortcuts === "off") return;
    const list = visibleList();
    const all = [...(list?.children ?? [])].filter(linkOf);
    if (!all.length || (event.key.length > 1 && !arrowIsFor(list, event.target))) return;
    const focused = all.findIndex((row) => row.contains(document.activeElement));
    const at = focused >= 0 ? focused : all.findIndex((row) => row.classList.contains("is-selected"));
    const next = all[Math.min(all.length - 1, Math.max(0, at + step))];
    event.preventDefault();
    linkOf(next).focus();
    next.scrollIntoView({ block: "nearest" });
  });

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || window.getSelection().toString()) return;
    if (event.target.closest?.("a, button, input, select, textarea, label, summary")) return;
    event.target.closest?.("[data-list] > [data-row-key]")?.querySelector("[data-row-link]")?.click();
  });
}

// Drawers: a link with data-drawer opens its page's drawer over the list. The address changes with it, so it can be
// shared and reloaded; Back and Escape close it; the focus goes back to the row it came from.

import htmx from "htmx.org";
import { onContent, openDialog, word } from "./page.js";
import { isDirty } from "./forms.js";

const PLACE = "drawer-place";

let cameFrom = null; // the row key of the link that opened the drawer

const place = () => document.getElementById(PLACE);
const drawer = () => place()?.querySelector("[data-drawer-open]");

function mayLeave() {
  return ![...place().querySelectorAll("form[data-guard]")].some(isDirty) || window.confirm(word("leave"));
}

async function load(url) {
  await htmx.ajax("GET", url, { source: place(), target: `#${PLACE}`, swap: "innerHTML", push: url });
  const opened = drawer();
  opened?.classList.add("is-new");
  (opened?.querySelector("[data-first-focus]") ?? opened?.querySelector("h2, h3"))?.focus({ preventScroll: true });
}

/** Marks the row whose drawer is open; live updates call this again, since the server sends rows without the mark. */
export function markSelectedRow() {
  if (!cameFrom) return;
  for (const row of document.querySelectorAll("[data-row-key]")) {
    row.classList.toggle("is-selected", Boolean(drawer()) && row.dataset.rowKey === cameFrom);
  }
}

function open(link) {
  if (drawer() && !mayLeave()) return;
  cameFrom = link.closest("[data-row-key]")?.dataset.rowKey ?? null;
  load(link.href).then(markSelectedRow);
}

function close(url) {
  if (!mayLeave()) return;
  place().replaceChildren();
  history.pushState({ htmx: true }, "", url);
  for (const row of document.querySelectorAll("[data-row-key].is-selected")) {
    row.classList.remove("is-selected");
    cameFrom ??= row.dataset.rowKey;
  }
  const row = cameFrom && document.querySelector(`[data-row-key="${CSS.escape(cameFrom)}"]`);
  (row?.matches("a") ? row : row?.querySelector("[data-row-link]"))?.focus();
  cameFrom = null;
}

export function startDrawers() {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = event.target.closest?.("a[data-drawer], a[data-drawer-close]");
    if (!link || !place()) return;
    event.preventDefault();
    if (link.matches("[data-drawer-close]")) close(link.href);
    else open(link);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || openDialog()) return;
    const way = drawer()?.querySelector("[data-drawer-close]");
    if (!way || document.querySelector("details[data-menu][open]")) return;
    event.preventDefault();
    close(way.href);
  });

  onContent(markSelectedRow);
}

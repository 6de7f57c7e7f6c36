// Forms: data-guard warns before typed text is lost; data-autosubmit sends a filter as soon as it changes, typed text
// with Enter; with data-fills="id" it is asked while one types and only that element of the page is renewed;
// data-copy copies; data-print prints; data-unfold shows the folded rows of a difference.

import htmx from "htmx.org";
import { word } from "./page.js";
import { showToast } from "./toasts.js";

const PAUSE = 250;
const begun = new WeakMap(); // form -> what it held when it was first touched

const contents = (form) => new URLSearchParams(
  [...new FormData(form)].filter(([name, value]) => name !== "csrf_token" && typeof value === "string"),
).toString();

export function isDirty(form) {
  return begun.has(form) && begun.get(form) !== contents(form);
}

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Plain HTTP on a local network has no clipboard interface.
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function startGuard() {
  // Noted before the first change arrives, so what the page came with is what counts as unchanged.
  document.addEventListener("focusin", ({ target }) => {
    const form = target.closest?.("form[data-guard]");
    if (form && !begun.has(form)) begun.set(form, contents(form));
  });
  document.addEventListener("submit", ({ target }) => begun.delete(target));
  window.addEventListener("beforeunload", (event) => {
    if ([...document.querySelectorAll("form[data-guard]")].some(isDirty)) event.preventDefault();
  });
}

let asking = null; // the newest answer wins, however slow an older one is

// Takes the named element from the page that the filter leads to; the box that is typed in stays as it is.
async function fill(form) {
  asking?.abort();
  asking = new AbortController();
  const address = new URL(form.action);
  for (const [name, value] of new FormData(form)) if (value) address.searchParams.set(name, value);
  try {
    const answer = await fetch(address, { signal: asking.signal, headers: { Accept: "text/html" } });
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(form.dataset.fills);
    if (!found) return location.assign(address); // another page came instead: a sign-in, an error
    const target = document.getElementById(form.dataset.fills);
    await htmx.swap({ text: found.innerHTML, target, sourceElement: target, swap: "innerHTML" });
    history.replaceState(history.state, "", address);
  } catch (problem) {
    if (problem.name !== "AbortError") showToast({ text: word("noAnswer"), bad: true });
  }
  return undefined;
}

const typed = (element) => element.matches?.("input[type=search], input[type=text], input:not([type])");

function startAutosubmit() {
  let pause = 0;
  const formOf = (target) => target.form?.closest?.("form[data-autosubmit]");
  document.addEventListener("change", ({ target }) => {
    if (formOf(target) && !typed(target)) formOf(target).requestSubmit();
  });
  document.addEventListener("input", ({ target }) => {
    const form = formOf(target);
    if (!form?.dataset.fills || !typed(target)) return;
    clearTimeout(pause);
    pause = setTimeout(() => fill(form), PAUSE);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-fills]")) return;
    event.preventDefault();
    clearTimeout(pause);
    fill(event.target);
  });
}

/**
 * Puts the cursor where the page expects typing to begin. Not `autofocus`: the browser may look for that after the
 * user has gone elsewhere, and then complains on the console.
 */
function startFirstFocus() {
  if (document.activeElement === document.body) document.querySelector("[data-first-focus]")?.focus();
}

export function startForms() {
  startGuard();
  startFirstFocus();
  startAutosubmit();

  document.addEventListener("click", async ({ target }) => {
    const button = target.closest?.("[data-copy], [data-print], [data-unfold-button]");
    if (!button) return;
    if (button.matches("[data-print]")) {
      window.print();
    } else if (button.matches("[data-unfold-button]")) {
      const unfolded = button.closest("[data-unfold]").querySelector(".difference").classList.toggle("is-unfolded");
      button.setAttribute("aria-expanded", String(unfolded));
    } else {
      await copy(document.querySelector(button.dataset.copy).textContent);
      const label = [...button.childNodes].find((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
      const before = label.data;
      label.data = word("copied");
      setTimeout(() => { label.data = before; }, 2000);
    }
  });
}

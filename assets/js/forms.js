// Forms: data-guard warns before typed text is lost; data-autosubmit sends a filter as soon as it changes;
// data-copy copies; data-print prints; data-unfold shows the folded rows of a difference.

import { word } from "./page.js";

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

function startAutosubmit() {
  let pause = 0;
  const send = ({ target, type }) => {
    const form = target.form?.closest?.("form[data-autosubmit]");
    if (!form || (type === "change" && target.type === "search")) return;
    clearTimeout(pause);
    pause = setTimeout(() => form.requestSubmit(), type === "input" ? PAUSE : 0);
  };
  document.addEventListener("change", send);
  document.addEventListener("input", (event) => {
    if (event.target.matches?.("input[type=search], input[type=text], input:not([type])")) send(event);
  });
}

export function startForms() {
  startGuard();
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

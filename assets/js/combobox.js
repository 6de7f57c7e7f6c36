// A search box in a form: data-combobox="/url" on the wrapper. The server answers options (parts/listbox.html) to
// GET url?q=typed. The chosen value goes into the hidden field, or becomes a token when several may be chosen.

import { Listbox } from "./listbox.js";

const PAUSE = 150;

const listboxes = new WeakMap();

function listboxOf(input) {
  if (!listboxes.has(input)) {
    const list = document.getElementById(input.getAttribute("aria-controls"));
    listboxes.set(input, new Listbox(input, list, (option) => choose(input, option)));
  }
  return listboxes.get(input);
}

const wrapperOf = (element) => element.closest?.("[data-combobox]");

function setValue(field, value) {
  field.value = value;
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

function choose(input, option) {
  const wrapper = wrapperOf(input);
  const { value } = option.dataset;
  const text = option.dataset.word || option.querySelector(".option-words").textContent.trim();
  if (wrapper.dataset.comboboxMany) {
    addToken(wrapper, value, text);
    input.value = "";
  } else {
    input.value = text;
    setValue(wrapper.querySelector("input[type=hidden]"), value);
  }
  listboxOf(input).clear();
  wrapper.dispatchEvent(new CustomEvent("combobox:chosen", { bubbles: true, detail: { ...option.dataset, text } }));
}

function addToken(wrapper, value, text) {
  const tokens = wrapper.querySelector(".tokens");
  if (tokens.querySelector(`input[value="${CSS.escape(value)}"]`)) return;
  const token = wrapper.querySelector("template").content.firstElementChild.cloneNode(true);
  token.querySelector("span").textContent = text;
  const remove = token.querySelector("button");
  remove.setAttribute("aria-label", `${remove.getAttribute("aria-label").trim()} ${text}`);
  tokens.append(token);
  setValue(token.querySelector("input"), value);
}

export function startComboboxes() {
  let pause = 0;

  document.addEventListener("input", ({ target }) => {
    const wrapper = wrapperOf(target);
    if (!wrapper || target.getAttribute("role") !== "combobox") return;
    // What was chosen before no longer matches what is typed.
    if (!wrapper.dataset.comboboxMany) wrapper.querySelector("input[type=hidden]").value = "";
    clearTimeout(pause);
    const text = target.value.trim();
    if (!text) listboxOf(target).clear();
    else pause = setTimeout(() => listboxOf(target).ask(wrapper.dataset.combobox, text), PAUSE);
  });

  document.addEventListener("keydown", (event) => {
    const { target } = event;
    if (target.getAttribute?.("role") !== "combobox" || !wrapperOf(target)) return;
    const listbox = listboxOf(target);
    if (event.key === "Escape" && listbox.list.childElementCount) {
      event.preventDefault();
      listbox.clear();
    } else if (event.key === "ArrowDown" && !listbox.options.length && target.value.trim()) {
      event.preventDefault();
      listbox.ask(wrapperOf(target).dataset.combobox, target.value.trim());
    } else {
      listbox.key(event);
    }
  });

  // Leaving the box closes its list; a click on an option keeps the focus where it is.
  document.addEventListener("pointerdown", (event) => {
    if (event.target.closest?.("[data-combobox] [role=option]")) event.preventDefault();
  });
  document.addEventListener("focusout", ({ target, relatedTarget }) => {
    const wrapper = wrapperOf(target);
    if (wrapper && target.getAttribute("role") === "combobox" && !wrapper.contains(relatedTarget)) listboxOf(target).clear();
  });

  document.addEventListener("click", ({ target }) => {
    const token = target.closest?.("[data-token-remove]")?.closest(".token");
    if (!token) return;
    const wrapper = wrapperOf(token);
    token.remove();
    wrapper?.querySelector("[role=combobox]").focus();
    wrapper?.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

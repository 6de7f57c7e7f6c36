// The series strip: a button for each stack with its thumbnail. It tells which one is where by the marks of the panes.

import { dateWords } from "./dicom_json.js";

export class Strip {
  constructor(element, template, words, chosen) {
    this.element = element;
    this.template = template;
    this.words = words;
    this.buttons = new Map(); // stack → button
    element.addEventListener("click", ({ target }) => {
      const button = target.closest("[data-viewer-stack]");
      const [stack] = [...this.buttons].find(([, one]) => one === button) ?? [];
      if (stack) chosen(stack);
    });
  }

  add(stacks, of) {
    for (const stack of stacks) {
      const button = this.template.content.firstElementChild.cloneNode(true);
      const count = stack.pictures.length;
      button.querySelector("[data-show=title]").textContent = titleOf(stack, this.words);
      button.querySelector("[data-show=count]").textContent = count ? `${count}` : this.words.kindNames[stack.kind];
      button.classList.toggle("viewer-thumb-prior", of.prior);
      button.title = [of.prior ? `${this.words.prior}, ${dateWords(of.date)}` : "", titleOf(stack, this.words)].filter(Boolean).join(": ");
      const picture = button.querySelector("img");
      if (stack.thumbnail) picture.src = stack.thumbnail;
      else picture.remove();
      picture.addEventListener("error", () => picture.remove(), { once: true });
      this.buttons.set(stack, button);
      this.element.insertBefore(button, this.after(stack, of.prior));
    }
  }

  // Series come as they are loaded; here they stand by number, the current study before the prior one.
  after(stack, prior) {
    const before = (one) => Number(one.classList.contains("viewer-thumb-prior")) - Number(prior);
    const place = (one) => one.number ?? Infinity;
    const later = [...this.buttons].filter(([other, button]) => {
      const apart = before(button);
      return other !== stack && (apart > 0 || (apart === 0 && place(other) > place(stack)));
    });
    return [...this.element.children].find((child) => later.some(([, button]) => button === child)) ?? null;
  }

  remove(study) {
    for (const [stack, button] of this.buttons) {
      if (stack.study !== study) continue;
      button.remove();
      this.buttons.delete(stack);
    }
  }

  mark(panes, active) {
    for (const [stack, button] of this.buttons) {
      const shown = panes.some((pane) => pane.stack === stack);
      button.classList.toggle("viewer-thumb-shown", shown);
      if (active.stack === stack) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    this.buttons.get(active.stack)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** The stack before or after another one. */
  beside(stack, by) {
    const buttons = [...this.element.children];
    const wanted = buttons[buttons.indexOf(this.buttons.get(stack)) + by];
    return [...this.buttons].find(([, button]) => button === wanted)?.[0] ?? null;
  }
}

const titleOf = ({ description, modality, number }, words) => description || [modality, number].filter((one) => one || one === 0).join(" ") || words.series;

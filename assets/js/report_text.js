// Typing a report: Tab goes from field to field ([side], [none|small|large]), a list of choices opens for the field
// that is chosen, ".name" and Space becomes a text, templates fill what is empty, boxes grow with what is in them.

// The same as FIELD in reporting/rules/text.py: brackets that hold at least one letter.
const FIELD = /\[(?=[^[\]\n]*\p{L})[^[\]\n]{1,80}\]/gu;
const FREE = "…"; // a choice that leaves the place for one's own words
const ABBREVIATION = /(^|\s)\.([a-z][a-z0-9-]*)$/i;

const fieldsOf = (text) => [...text.matchAll(FIELD)].map((found) => ({ start: found.index, end: found.index + found[0].length, text: found[0] }));

/** Puts text in the place of what is selected, as if it had been typed, so that Ctrl Z takes it back. */
export function insertText(box, text, start = box.selectionStart, end = box.selectionEnd) {
  box.focus();
  box.setSelectionRange(start, end);
  const done = text ? document.execCommand("insertText", false, text) : document.execCommand("delete");
  if (!done) {
    box.setRangeText(text, start, end, "end");
    box.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }
}

function selectedField(box) {
  return fieldsOf(box.value).find((field) => field.start === box.selectionStart && field.end === box.selectionEnd);
}

export class ReportText {
  /** boxes: the sections' textareas in order; choices: where the options of a field are shown. */
  constructor(boxes, choices) {
    this.boxes = boxes;
    this.choices = choices;
    this.autotexts = {};
    this.last = boxes.find((box) => box.name === "findings") ?? boxes[0];
    for (const box of boxes) {
      box.addEventListener("focus", () => { this.last = box; });
      box.addEventListener("keydown", (event) => this.key(event, box));
      box.addEventListener("input", () => { this.grow(box); this.showChoices(box); });
      box.addEventListener("select", () => this.showChoices(box));
      box.addEventListener("blur", (event) => {
        if (!this.choices.contains(event.relatedTarget)) this.choices.hidden = true;
      });
      this.grow(box);
    }
    choices.addEventListener("click", ({ target }) => {
      const option = target.closest("[data-choice]");
      if (option) this.choose(option.dataset.choice);
    });
  }

  grow(box) {
    if (CSS.supports("field-sizing", "content")) return;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight + 2}px`;
  }

  values() {
    return Object.fromEntries(this.boxes.map((box) => [box.name, box.value]));
  }

  fill(sections) {
    for (const box of this.boxes) {
      box.value = sections[box.name] ?? "";
      this.grow(box);
    }
  }

  lock(locked) {
    for (const box of this.boxes) box.readOnly = locked;
    this.choices.hidden = true;
  }

  key(event, box) {
    if (box.readOnly || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Tab") {
      if (this.toField(box, event.shiftKey ? -1 : 1)) event.preventDefault();
    } else if (event.key === " ") {
      if (this.expand(box)) event.preventDefault();
    } else if (/^[1-9]$/.test(event.key) && !this.choices.hidden) {
      const option = this.choices.querySelectorAll("[data-choice]")[Number(event.key) - 1];
      if (!option || !selectedField(box)) return;
      event.preventDefault();
      this.choose(option.dataset.choice);
    } else if (event.key === "Escape") {
      // Once for the choices, once more to leave the text, so that single letters act again.
      event.preventDefault();
      if (this.choices.hidden) box.blur();
      this.choices.hidden = true;
    }
  }

  /** Selects the next or previous field, in this section or another; false where there is none. */
  toField(box, step) {
    const at = this.boxes.indexOf(box);
    const here = fieldsOf(box.value);
    const found = step > 0
      ? here.find((field) => field.start >= box.selectionEnd)
      : here.findLast((field) => field.end <= box.selectionStart);
    if (found) return this.select(box, found);
    const others = step > 0 ? this.boxes.slice(at + 1) : this.boxes.slice(0, at).reverse();
    for (const other of others) {
      const fields = fieldsOf(other.value);
      if (fields.length) return this.select(other, step > 0 ? fields[0] : fields.at(-1));
    }
    return false;
  }

  select(box, field) {
    box.focus();
    box.setSelectionRange(field.start, field.end);
    this.showChoices(box);
    return true;
  }

  showChoices(box) {
    const field = selectedField(box);
    const options = field?.text.slice(1, -1).split("|") ?? [];
    this.choices.hidden = options.length < 2 || box.readOnly;
    if (this.choices.hidden) return;
    this.chosenFor = box;
    this.choices.replaceChildren(...options.map((word, number) => {
      const button = document.createElement("button");
      const key = document.createElement("kbd");
      button.type = "button";
      button.className = "button button-small";
      button.dataset.choice = word;
      key.textContent = number + 1;
      button.append(word === FREE ? "own words" : word, " ", key);
      return button;
    }));
    box.closest(".room-section").after(this.choices);
  }

  choose(word) {
    const box = this.chosenFor;
    const free = word.trim() === FREE;
    this.choices.hidden = true;
    insertText(box, free ? "" : word);
    if (!free) this.toField(box, 1);
  }

  /** ".name" before the caret becomes its text; true when it did. */
  expand(box) {
    if (box.selectionStart !== box.selectionEnd) return false;
    const found = box.value.slice(0, box.selectionStart).match(ABBREVIATION);
    const text = found && this.autotexts[found[2].toLowerCase()];
    if (!text) return false;
    const start = box.selectionStart - found[2].length - 1;
    const wholeText = fieldsOf(text).length ? text : `${text} `;
    insertText(box, wholeText, start, box.selectionStart);
    const first = fieldsOf(box.value).find((field) => field.start >= start && field.end <= start + text.length);
    if (first) this.select(box, first);
    return true;
  }

  /** What was typed stays: a template's section goes below it. */
  apply(sections) {
    for (const box of this.boxes) {
      const text = sections[box.name] ?? "";
      if (!text || box.value.includes(text)) continue;
      const typed = box.value.trimEnd();
      insertText(box, typed ? `${typed}\n${text}` : text, 0, box.value.length);
    }
    const first = this.boxes.find((box) => fieldsOf(box.value).length);
    if (first) this.select(first, fieldsOf(first.value)[0]);
  }

  /** At the caret of the section that had the focus last, with spaces where words would touch. */
  insertAtCaret(text) {
    const box = this.last;
    const before = box.value.slice(0, box.selectionStart);
    const after = box.value.slice(box.selectionEnd);
    const left = before && !/\s$/.test(before) && !selectedField(box) ? " " : "";
    insertText(box, left + text + (after && !/^[\s.,;)]/.test(after) ? " " : ""));
  }

  /** Other words in the place of some, without taking the focus away. */
  replace(box, text, start, end) {
    if (box.readOnly) return;
    box.setRangeText(text, start, end, "preserve");
    box.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }

  append(name, text) {
    const box = this.boxes.find((one) => one.name === name);
    if (!box || box.readOnly || box.value.includes(text)) return;
    const typed = box.value.trimEnd();
    insertText(box, typed ? `${typed}\n${text}` : text, 0, box.value.length);
  }

  goTo(name) {
    const box = this.boxes.find((one) => one.name === name);
    if (!box) return;
    const [field] = fieldsOf(box.value);
    if (field) this.select(box, field);
    else box.focus();
  }
}

// A text box that owns a list (ARIA combobox): arrows move through the options while the focus stays in the box.
// The palette and the comboboxes of forms share this.

export class Listbox {
  /** input: the text box; list: its listbox; choose(option): called on Enter or a click. */
  constructor(input, list, choose) {
    Object.assign(this, { input, list, choose, asked: 0 });
    list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]:not([aria-disabled])");
      if (option && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        choose(option);
      }
    });
  }

  get options() {
    return [...this.list.querySelectorAll("[role=option]:not([aria-disabled])")];
  }

  get current() {
    return this.list.querySelector("[role=option][aria-selected=true]");
  }

  /** Fills the list from url?q=text; a slow answer to an older question is dropped. */
  async ask(url, text) {
    const asked = ++this.asked;
    const address = new URL(url, location.href);
    address.searchParams.set("q", text);
    const answer = await fetch(address, { headers: { "HX-Request": "true", "Accept": "text/html" } }).catch(() => null);
    if (asked !== this.asked) return;
    this.fill(answer?.ok ? await answer.text() : "");
  }

  fill(html) {
    // No scripts run from here: they would be inert in innerHTML, and the policy forbids inline ones.
    this.list.innerHTML = html;
    this.select(this.current ?? this.options[0]);
    this.input.setAttribute("aria-expanded", String(this.list.childElementCount > 0));
  }

  clear() {
    this.asked += 1;
    this.fill("");
  }

  select(option) {
    for (const other of this.options) other.setAttribute("aria-selected", String(other === option));
    if (option) {
      this.input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else {
      this.input.removeAttribute("aria-activedescendant");
    }
  }

  /** True when the key was for the list. */
  key(event) {
    const { options } = this;
    const at = options.indexOf(this.current);
    if (event.key === "ArrowDown") this.select(options[(at + 1) % options.length]);
    else if (event.key === "ArrowUp") this.select(options.at(at - 1));
    else if (event.key === "Enter" && this.current) this.choose(this.current);
    else return false;
    event.preventDefault();
    return true;
  }
}

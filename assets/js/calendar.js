// Moving a slot: with the mouse (drag), or M on a focused slot, arrows, Enter; Escape puts it back. While it is
// carried the server may be asked for a verdict (data-check-url); dropped, data-move-url is posted room and start.

import { post } from "./requests.js";
import { word } from "./page.js";

const MINUTES = 5; // of a row
const STARTS_AFTER = 5; // px that the pointer moves before a press becomes a drag
const PAUSE = 150;

let carried = null; // what is being moved, see pickUp

const clock = (minutes) => `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
const clamp = (value, least, most) => Math.min(most, Math.max(least, value));

function place(element, { column, row }) {
  element.className = element.className.replace(/cal-c\d+/, `cal-c${column}`).replace(/cal-r\d+/, `cal-r${row}`);
  element.dataset.column = column;
  element.dataset.row = row;
}

const placeOf = (slot) => ({ column: Number(slot.dataset.column), row: Number(slot.dataset.row) });

class Carried {
  constructor(slot) {
    this.slot = slot;
    this.calendar = slot.closest("[data-calendar]");
    this.span = Number(slot.dataset.span);
    this.origin = placeOf(slot);
    this.at = this.origin;
    this.copy = this.makeCopy();
    slot.classList.add("slot-origin");
    this.calendar.append(this.copy);
    this.say(word("carrying"));
  }

  makeCopy() {
    const copy = this.slot.cloneNode(true);
    for (const name of ["id", "data-row-key", "data-move-url", "href"]) copy.removeAttribute(name);
    copy.setAttribute("aria-hidden", "true");
    copy.classList.add("slot-carried");
    copy.querySelector(".visually-hidden")?.remove();
    this.words = copy.querySelector("[data-slot-words]") ?? copy.querySelector(".slot-name");
    return copy;
  }

  get room() {
    return this.calendar.querySelector(`.calendar-room[data-column="${this.at.column}"]`).dataset.room;
  }

  get time() {
    const start = Number(this.calendar.dataset.starts) + this.at.row * MINUTES;
    return { start: clock(start), end: clock(start + this.span * MINUTES) };
  }

  moveTo({ column, row }) {
    const { rooms, rows } = this.calendar.dataset;
    const next = { column: clamp(column, 1, Number(rooms)), row: clamp(row, 0, Number(rows) - this.span) };
    if (next.column === this.at.column && next.row === this.at.row) return;
    this.at = next;
    place(this.copy, next);
    this.copy.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.tell();
  }

  async tell() {
    const { start, end } = this.time;
    const words = `${start}–${end}`;
    this.words.textContent = words;
    this.copy.classList.remove("slot-refused");
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.check(words), PAUSE);
  }

  async check(words) {
    const url = this.calendar.dataset.checkUrl;
    if (!url) return this.say(`${this.room}, ${words}`);
    const address = new URL(url, location.href);
    const { start } = this.time;
    for (const [name, value] of Object.entries({ slot: this.slot.dataset.rowKey, room: this.room, start })) address.searchParams.set(name, value);
    const verdict = await fetch(address, { headers: { Accept: "application/json" } }).then((answer) => answer.json()).catch(() => null);
    if (carried !== this || this.time.start !== start || !verdict) return undefined;
    this.words.textContent = `${words} · ${verdict.words}`;
    this.copy.classList.toggle("slot-refused", !verdict.fits);
    return this.say(`${this.room}, ${words}, ${verdict.words}`);
  }

  say(text) {
    const voice = this.calendar.parentElement.querySelector("[data-calendar-voice]");
    if (voice) voice.textContent = text;
  }

  putDown() {
    clearTimeout(this.pause);
    this.copy.remove();
    this.slot.classList.remove("slot-origin");
    carried = null;
  }

  putBack() {
    this.putDown();
    this.say(word("putBack"));
  }

  async drop() {
    const values = { room: this.room, start: this.time.start };
    const moved = this.at !== this.origin;
    this.putDown();
    if (!moved) return;
    // It stays where it was put unless the server says no.
    place(this.slot, this.at);
    if (!await post(this.slot.dataset.moveUrl, values)) place(this.slot, this.origin);
    document.dispatchEvent(new CustomEvent("live:now"));
  }
}

// Which row and column lie under the pointer.
function under(calendar, event) {
  const columns = [...calendar.querySelectorAll(".calendar-column")];
  const boxes = columns.map((column) => column.getBoundingClientRect());
  const at = boxes.findIndex((box) => event.clientX < box.right);
  const box = boxes[0];
  const height = box.height / Number(calendar.dataset.rows);
  return { column: (at < 0 ? columns.length - 1 : at) + 1, row: Math.floor((event.clientY - box.top) / height) };
}

function startPointer() {
  document.addEventListener("pointerdown", (event) => {
    const slot = event.target.closest?.(".slot[data-move-url]");
    // A finger scrolls; on phones a slot is moved from its drawer.
    if (!slot || event.button !== 0 || event.pointerType === "touch" || carried) return;
    const calendar = slot.closest("[data-calendar]");
    const grabbed = under(calendar, event).row - placeOf(slot).row;
    let dragging = false;

    const move = (moved) => {
      if (!dragging && Math.hypot(moved.clientX - event.clientX, moved.clientY - event.clientY) < STARTS_AFTER) return;
      if (!dragging) {
        dragging = true;
        carried = new Carried(slot);
      }
      const { column, row } = under(calendar, moved);
      carried?.moveTo({ column, row: row - grabbed });
    };
    const stop = (ended) => {
      document.removeEventListener("pointermove", move);
      document.removeEventListener("pointerup", stop);
      document.removeEventListener("pointercancel", stop);
      if (!dragging) return;
      // The click that follows a drag must not open the slot.
      const swallow = (click) => { click.preventDefault(); click.stopPropagation(); };
      document.addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => document.removeEventListener("click", swallow, { capture: true }));
      if (ended.type === "pointerup") carried?.drop();
      else carried?.putBack();
    };
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", stop);
    document.addEventListener("pointercancel", stop);
  });
}

const MOVES = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

function startKeyboard() {
  document.addEventListener("keydown", (event) => {
    const slot = event.target.closest?.(".slot[data-move-url]");
    if (!carried) {
      if (!slot || event.key.toLowerCase() !== "m" || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      carried = new Carried(slot);
      return;
    }
    const step = MOVES[event.key];
    if (step) carried.moveTo({ column: carried.at.column + step[0], row: carried.at.row + step[1] });
    else if (event.key === "Enter") carried.drop();
    else if (event.key === "Escape") carried.putBack();
    else return;
    event.preventDefault();
  });
  document.addEventListener("focusout", ({ target }) => {
    if (carried && target === carried.slot && !carried.copy.matches(":hover")) carried.putBack();
  });
}

// A day opens where it has got to, with the last hour still in view.
function showNow() {
  for (const line of document.querySelectorAll(".calendar .now-line")) {
    const frame = line.closest(".calendar-wrap");
    const below = line.getBoundingClientRect().top - frame.getBoundingClientRect().top;
    frame.scrollTop += below - frame.clientHeight / 3;
  }
}

export function startCalendar() {
  showNow();
  startPointer();
  startKeyboard();
}

// Live regions: data-live="/url" is asked every second with If-None-Match; a changed answer is the region's new
// inside and is morphed in, so focus, scroll and selection stay. Rows (data-row-key) that changed are marked for
// four seconds. Rows never move under the pointer: then a button says how many changes wait.
//
//   data-live-every="5000"   another pace in ms        data-live-etag   the ETag of what the page came with
//   data-live-still          rows have fixed places (a calendar): nothing moves when their order changes
//   data-row-version         when given, only a new version counts as a change (a minute more of waiting does not)
//   data-live-light          shows whether the answers come      data-live-stamp   when the last one came

import htmx from "htmx.org";
import { isVisible, onContent, word } from "./page.js";

const MARKED_FOR = 4_000;
const SLOWEST = 30_000;
const PATIENCE = 10_000;

const regions = new Map(); // element -> Region

const rowsOf = (root) => [...root.querySelectorAll("[data-row-key]")];
const keyOf = (row) => row.dataset.rowKey;

// What a row says, as the server sent it: marks of ours and of htmx, and the token of a form, do not count.
function signature(row) {
  if (row.dataset.rowVersion) return row.dataset.rowVersion;
  const copy = row.cloneNode(true);
  copy.classList.remove("is-changed", "is-selected");
  copy.querySelectorAll("input[name=csrf_token]").forEach((field) => field.remove());
  for (const element of [copy, ...copy.querySelectorAll("[data-htmx-powered]")]) element.removeAttribute("data-htmx-powered");
  if (!copy.classList.length) copy.removeAttribute("class");
  return copy.outerHTML;
}

const signatures = (root) => new Map(rowsOf(root).map((row) => [keyOf(row), signature(row)]));

class Region {
  constructor(element) {
    this.element = element;
    this.etag = element.dataset.liveEtag ?? "";
    this.every = Number(element.dataset.liveEvery) || 1_000;
    this.failures = 0;
    this.signedOut = false;
    this.known = signatures(element);
    this.marks = new Map(); // row key -> when its mark goes
    this.held = null; // an answer that would move rows under the pointer
    this.box = element.closest(".table-wrap, .calendar-wrap") ?? element; // what the pointer is in
    this.box.addEventListener("pointerleave", (event) => this.left(event));
    this.later();
  }

  later() {
    clearTimeout(this.timer);
    if (!this.element.isConnected) {
      regions.delete(this.element);
    } else if (!document.hidden && !this.signedOut) {
      const wait = Math.min(SLOWEST, this.every * 2 ** this.failures);
      this.timer = setTimeout(() => this.ask(), wait);
    }
  }

  async ask() {
    clearTimeout(this.timer);
    if (this.asking || !isVisible(this.box)) return this.later();
    this.asking = true;
    try {
      await this.take(await fetch(this.element.dataset.live, {
        headers: { "HX-Request": "true", "Accept": "text/html", ...(this.etag && { "If-None-Match": this.etag }) },
        cache: "no-store",
        redirect: "manual",
        signal: AbortSignal.timeout(PATIENCE),
      }));
    } catch {
      this.failures += 1;
    }
    this.asking = false;
    showLight();
    return this.later();
  }

  async take(answer) {
    this.signedOut = answer.type === "opaqueredirect" || [401, 403].includes(answer.status);
    if (answer.status === 200) {
      await this.receive(await answer.text());
      this.etag = answer.headers.get("ETag") ?? "";
    } else if (answer.status !== 304 && !this.signedOut) {
      throw new Error(`status ${answer.status}`);
    }
    this.failures = 0;
    showStamp();
  }

  async receive(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const fresh = signatures(template.content);
    const moved = !("liveStill" in this.element.dataset) && [...fresh.keys()].join("\n") !== [...this.known.keys()].join("\n");
    if (moved && this.isBusy()) {
      await this.refreshInPlace(template.content, fresh);
      this.hold(html, fresh);
    } else {
      await this.swap(html, fresh);
    }
  }

  isBusy() {
    const pointed = window.matchMedia("(hover: hover)").matches && this.box.matches(":hover");
    return pointed || this.element.querySelector("details[open]") !== null;
  }

  async swap(html, fresh) {
    for (const [key, text] of fresh) if (this.known.get(key) !== text) this.marks.set(key, Date.now() + MARKED_FOR);
    this.known = fresh;
    this.held = null;
    this.notice?.remove();
    await htmx.swap({ text: html, target: this.element, sourceElement: this.element, swap: "innerMorph" });
    this.mark();
  }

  // Rows that stay where they are take their new words at once.
  async refreshInPlace(content, fresh) {
    for (const row of rowsOf(content)) {
      const key = keyOf(row);
      if (!this.known.has(key) || this.known.get(key) === fresh.get(key)) continue;
      const old = this.element.querySelector(`[data-row-key="${CSS.escape(key)}"]`);
      this.known.set(key, fresh.get(key));
      this.marks.set(key, Date.now() + MARKED_FOR);
      await htmx.swap({ text: row.outerHTML, target: old, sourceElement: this.element, swap: "outerMorph" });
    }
    this.mark();
  }

  hold(html, fresh) {
    this.held = { html, fresh };
    const keys = [...fresh.keys()];
    const before = [...this.known.keys()];
    const count = Math.max(1, keys.filter((key, at) => before[at] !== key).length, before.length - keys.length);
    if (!this.notice?.isConnected) {
      this.notice = document.createElement("div");
      this.notice.className = "live-notice";
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button button-small";
      button.addEventListener("click", () => this.show());
      this.notice.append(button);
      this.notice.addEventListener("pointerleave", (event) => this.left(event));
      this.box.before(this.notice);
    }
    this.notice.firstChild.textContent = count === 1 ? word("oneChange") : word("manyChanges", { n: count });
  }

  // The pointer has gone, and not to the notice that lies over the rows.
  left({ relatedTarget }) {
    if (!this.notice?.contains(relatedTarget) && !this.box.contains(relatedTarget)) this.show();
  }

  show() {
    if (this.held) this.swap(this.held.html, this.held.fresh);
  }

  mark() {
    const now = Date.now();
    for (const [key, until] of this.marks) {
      if (until <= now) this.marks.delete(key);
      for (const row of this.element.querySelectorAll(`[data-row-key="${CSS.escape(key)}"]`)) row.classList.toggle("is-changed", until > now);
    }
    clearTimeout(this.unmarking);
    if (this.marks.size) this.unmarking = setTimeout(() => this.mark(), Math.min(...this.marks.values()) - now + 10);
  }
}

function showLight() {
  const all = [...regions.values()];
  const signedOut = all.some((region) => region.signedOut);
  const lost = all.some((region) => region.failures > 0);
  for (const light of document.querySelectorAll("[data-live-light]")) {
    const text = signedOut ? word("signedOut") : lost ? word("reconnecting") : word("alive");
    if (light.textContent !== text) light.textContent = text;
    light.classList.toggle("live-light-lost", lost || signedOut);
  }
}

function showStamp() {
  const zone = document.querySelector("[data-clock]")?.dataset.clock;
  const text = new Date().toLocaleTimeString("en-GB", { timeZone: zone });
  for (const stamp of document.querySelectorAll("[data-live-stamp]")) stamp.textContent = text;
}

export function startLive() {
  onContent((root) => {
    for (const element of root.querySelectorAll("[data-live]")) {
      if (!regions.has(element)) regions.set(element, new Region(element));
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) for (const region of regions.values()) region.ask();
  });
  document.addEventListener("live:now", () => {
    for (const region of regions.values()) region.ask();
  });
}

// The page of one case. It asks for the say when it is shown, saves what is typed, and loses the say as soon as
// another page of the same person takes it: text of one patient never stands beside images of another.

import { csrfToken } from "./page.js";
import { openById } from "./dialogs.js";
import { showToast } from "./toasts.js";
import { ReportText } from "./report_text.js";
import { KeptText, same } from "./report_kept.js";
import { startImages } from "./reading_images.js";
import { startSigning } from "./reading_sign.js";

const PAUSE = 1_200;
const HEARTBEAT = 60_000;
const SLOWEST = 30_000;
const AT_WORK = 10 * 60_000; // Who has touched nothing for so long gives no sign of life; the lease runs out.

export function readingWord(name, values = {}) {
  const text = document.getElementById("reading-words")?.dataset[name] ?? "";
  return text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

export class Room {
  constructor(root) {
    this.root = root;
    this.exam = root.dataset.reading;
    this.patient = root.dataset.patient;
    this.base = `/reading/${this.exam}`;
    this.token = "";
    this.failures = 0;
    this.text = new ReportText([...root.querySelectorAll("[data-report-section]")], root.querySelector("[data-field-choices]"));
    this.kept = new KeptText(root.dataset.user, this.exam, this.patient);
    this.channel = new BroadcastChannel("reading");
    this.listen();
    this.open();
  }

  listen() {
    this.root.querySelector("[data-reading-editor]").addEventListener("input", () => this.typed());
    // Another page of this browser has taken the say: at once, without asking the server.
    this.channel.addEventListener("message", ({ data }) => {
      if (this.token && data.token !== this.token) this.stale(readingWord("stale"), this.dirty);
    });
    window.addEventListener("pageshow", (event) => { if (event.persisted) this.save(true); });
    window.addEventListener("pagehide", () => this.leave());
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.save(); else this.save(true); });
    this.touched = Date.now();
    for (const kind of ["keydown", "pointermove", "wheel"]) {
      document.addEventListener(kind, () => { this.touched = Date.now(); }, { passive: true });
    }
    setInterval(() => { if (!document.hidden && Date.now() - this.touched < AT_WORK) this.save(true); }, HEARTBEAT);
    this.root.addEventListener("click", ({ target }) => this.clicked(target));
    document.addEventListener("submit", (event) => this.submitted(event));
  }

  /** Forms that lead away wait until the last words are saved. */
  async submitted(event) {
    const form = event.target;
    if (!form.matches("[data-together], [data-next-form], [data-release-form]")) return;
    if (form.matches("[data-together]")) {
      addHidden(form, "patient", this.patient);
      addHidden(form, "token", this.token);
    }
    if (!this.dirty || !this.token) return;
    event.preventDefault();
    await this.save();
    form.submit();
  }

  clicked(target) {
    const template = target.closest("[data-template]");
    const insert = target.closest("[data-insert-into]");
    const check = target.closest("[data-check-section]");
    if (template && this.token) {
      template.closest("details").open = false;
      this.text.apply(JSON.parse(template.dataset.template));
    }
    if (insert) this.text.append(insert.dataset.insertInto, insert.dataset.insert);
    if (check) this.text.goTo(check.dataset.checkSection);
  }

  /** Posts to this case; { status, ...what the server said }. Status 0: no answer. */
  async ask(path, values = {}, how = {}) {
    const answer = await fetch(this.base + path, {
      method: "POST",
      body: new URLSearchParams({ patient: this.patient, token: this.token, ...values }),
      headers: { "X-CSRFToken": csrfToken(), "Accept": "application/json" },
      ...how,
    }).catch(() => null);
    if (!answer) return { status: 0 };
    const json = answer.headers.get("Content-Type")?.includes("json");
    return { status: answer.status, ...(json ? await answer.json().catch(() => ({})) : { html: await answer.text() }) };
  }

  async open() {
    const said = await this.ask("/open");
    if (said.status !== 200) return this.refused(said);
    this.token = said.token;
    this.revision = said.revision;
    this.text.autotexts = said.autotexts;
    this.channel.postMessage({ token: said.token });
    this.clearNotice();
    this.showState();
    this.text.fill(said.sections);
    this.text.lock(false);
    this.restore(said.sections);
    this.showChecks(said.findings);
    for (const button of this.root.querySelectorAll("[data-sign]")) button.disabled = false;
    if (document.activeElement === document.body) this.text.last.focus({ preventScroll: true });
    return true;
  }

  showState() {
    const place = this.root.querySelector("[data-reading-state=to-read]");
    place?.replaceChildren(document.getElementById("reading-chip").content.cloneNode(true));
  }

  /** What had not reached the server comes back; where the report has gone on since, the reader decides. */
  restore(sections) {
    const kept = this.kept.get();
    if (!kept || same(kept.sections, sections)) return this.kept.forget();
    const back = () => { this.text.fill(kept.sections); this.typed(); };
    if (kept.revision === this.revision) {
      back();
      return this.notice("inform", readingWord("restored"));
    }
    const time = new Date(kept.at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    return this.notice("decide", readingWord("older", { time }), [
      [readingWord("show"), () => { this.clearNotice(); back(); }],
      [readingWord("forget"), () => { this.clearNotice(); this.kept.forget(); }],
    ]);
  }

  typed() {
    if (!this.token) return;
    this.dirty = true;
    this.kept.put(this.text.values(), this.revision);
    this.status(readingWord("unsaved"));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), PAUSE);
  }

  /** always: also when nothing was typed, to hear whether this page still has the say. True when all is saved. */
  async save(always = false) {
    clearTimeout(this.timer);
    if (this.saving) {
      await this.saving;
      return this.dirty ? this.save() : Boolean(this.token);
    }
    if (!this.token || !(this.dirty || always)) return Boolean(this.token);
    this.saving = this.saveNow();
    const done = await this.saving;
    this.saving = null;
    return done;
  }

  async saveNow() {
    const values = this.text.values();
    if (this.dirty) this.status(readingWord("saving"));
    this.dirty = false;
    const said = await this.ask("/draft", { revision: this.revision, ...values });
    if (said.status === 200) {
      this.revision = said.revision;
      this.failures = 0;
      if (!this.dirty) {
        this.kept.forget();
        this.status(readingWord("saved", { time: said.saved }));
      }
      this.showChecks(said.findings);
      return true;
    }
    if (said.status === 0 || said.status >= 500) {
      this.dirty = true;
      this.failures += 1;
      this.status(readingWord("offline"), true);
      this.timer = setTimeout(() => this.save(), Math.min(SLOWEST, 1_000 * 2 ** this.failures));
      return false;
    }
    this.refused(said);
    return false;
  }

  refused(said) {
    if (said.status === 401 || (said.status === 400 && said.error === "form-expired")) {
      this.text.lock(true);
      this.token = "";
      const way = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
      return this.notice("stop", readingWord("signedOut"), [[readingWord("signIn"), () => { location.href = way; }]]);
    }
    if (said.theirs) this.kept.forget(); // The server has put it aside.
    return this.stale(said.message ?? readingWord("offline"), Boolean(said.theirs) && !same(this.text.values(), said.theirs));
  }

  stale(message, kept = false) {
    if (this.dirty && this.token && !this.saving) this.ask("/draft", { revision: this.revision, ...this.text.values() });
    this.token = "";
    this.dirty = false;
    clearTimeout(this.timer);
    this.text.lock(true);
    this.root.classList.add("is-stale");
    for (const button of this.root.querySelectorAll("[data-sign]")) button.disabled = true;
    this.status("");
    this.notice("stop", kept ? `${message} ${readingWord("kept")}` : message, [
      [readingWord("goOn"), () => location.reload()],
      [readingWord("back"), () => { location.href = "/reading"; }],
    ]);
  }

  /** Where nothing was written the exam goes back; else the last words are sent along. */
  leave() {
    if (!this.token) return;
    const values = this.text.values();
    if (this.dirty) this.ask("/draft", { revision: this.revision, ...values }, { keepalive: true });
    else if (!Object.values(values).some((text) => text.trim())) this.ask("/release", {}, { keepalive: true, redirect: "manual" });
  }

  status(text, bad = false) {
    const place = this.root.querySelector("[data-reading-status]");
    place.textContent = text;
    place.classList.toggle("room-status-bad", bad);
  }

  clearNotice() {
    this.root.classList.remove("is-stale");
    this.root.querySelector("[data-reading-notice]").replaceChildren();
  }

  notice(kind, text, ways = []) {
    const note = document.createElement("div");
    note.className = `note ${{ stop: "hue-red", decide: "hue-amber", inform: "hue-cyan" }[kind]}`;
    const words = document.createElement("div");
    words.className = "note-words";
    words.textContent = text;
    const place = document.createElement("div");
    place.className = "note-ways";
    for (const [label, act] of ways) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button button-small";
      button.textContent = label;
      button.addEventListener("click", act);
      place.append(button);
    }
    if (ways.length) words.append(place);
    note.append(words);
    this.root.querySelector("[data-reading-notice]").replaceChildren(note);
  }

  showChecks(findings) {
    const rows = findings.length ? findings : [{ severity: "well", text: readingWord("well"), section: "" }];
    this.root.querySelector("[data-reading-checks]").replaceChildren(...rows.map((one) => {
      const row = document.createElement("li");
      row.className = { stop: "hue-red", confirm: "hue-amber", well: "hue-green" }[one.severity];
      row.append(document.getElementById(`check-${one.severity}`).content.cloneNode(true));
      const words = document.createElement(one.section ? "button" : "span");
      words.textContent = one.text;
      if (one.section) {
        words.type = "button";
        words.dataset.checkSection = one.section;
      }
      row.append(words);
      return row;
    }));
  }

  openDialog(html) {
    document.querySelector("[data-sign-body]").innerHTML = html;
    openById("sign");
    document.querySelector("#sign [data-first-focus]")?.focus();
  }

  toast(text, bad = false) {
    showToast({ text, bad });
  }
}

function addHidden(form, name, value) {
  const field = document.createElement("input");
  Object.assign(field, { type: "hidden", name, value });
  form.append(field);
}

export function startReading() {
  const root = document.querySelector("[data-reading]");
  if (!root || !("writable" in root.dataset)) return;
  const room = new Room(root);
  startSigning(room);
  startImages(room);
}

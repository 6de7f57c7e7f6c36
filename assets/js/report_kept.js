// What was typed and has not reached the server, kept on this computer: for one exam and one person. It goes as soon
// as the server has it, and after half a day in any case.

const PREFIX = "report:";
const KEPT_FOR = 12 * 3_600_000;

export class KeptText {
  constructor(user, exam, patient) {
    this.key = `${PREFIX}${user}:${exam}:${patient}`;
    forgetOld();
  }

  /** { sections, revision, at } or null. revision: of the report that the text was written upon. */
  get() {
    try {
      return JSON.parse(localStorage.getItem(this.key));
    } catch {
      return null;
    }
  }

  put(sections, revision) {
    try {
      localStorage.setItem(this.key, JSON.stringify({ sections, revision, at: Date.now() }));
    } catch {
      // No room, or none allowed: the server still gets it.
    }
  }

  forget() {
    localStorage.removeItem(this.key);
  }
}

function forgetOld() {
  for (const key of Object.keys(localStorage).filter((one) => one.startsWith(PREFIX))) {
    let at = 0;
    try {
      at = JSON.parse(localStorage.getItem(key)).at;
    } catch {
      // Not ours, or cut: away with it.
    }
    if (!(Date.now() - at < KEPT_FOR)) localStorage.removeItem(key);
  }
}

export const same = (one, other) => Object.keys(one).every((name) => (one[name] ?? "").trimEnd() === (other[name] ?? "").trimEnd());

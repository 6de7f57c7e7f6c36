// Reading the DICOM JSON model (PS3.18 annex F): values by tag, "00280010" and the like.

export const values = (dataset, tag) => dataset?.[tag]?.Value ?? [];
export const first = (dataset, tag) => values(dataset, tag)[0];

/** Text without the spaces around it; "" when there is none. */
export function text(dataset, tag) {
  const value = first(dataset, tag);
  return value === undefined || value === null || typeof value === "object" ? "" : String(value).trim();
}

/** A number, also when it was written as text; null when it is none. */
export function number(dataset, tag) {
  return asNumber(first(dataset, tag));
}

function asNumber(value) {
  if (value === undefined || value === null || value === "") return null;
  const found = Number(value);
  return Number.isFinite(found) ? found : null;
}

/** As many numbers as asked for, or null. */
export function numbers(dataset, tag, count) {
  const found = values(dataset, tag).slice(0, count ?? undefined).map(asNumber);
  return found.length && found.length === (count ?? found.length) && !found.includes(null) ? found : null;
}

export const items = (dataset, tag) => values(dataset, tag).filter((one) => one && typeof one === "object");

/** The elements of a functional group macro (PS3.3 C.7.6.16): of the frame, else shared; {} when there are none. */
export function group(dataset, frame, tag) {
  const own = items(dataset, "52009230")[frame - 1];
  return items(own, tag)[0] ?? items(items(dataset, "52009229")[0], tag)[0] ?? {};
}

/** "Okafor, Amara" of a person's name, in the first script that it has. */
export function personName(dataset, tag) {
  const value = first(dataset, tag);
  const written = value?.Alphabetic || value?.Ideographic || value?.Phonetic || (typeof value === "string" ? value : "");
  const [family = "", given = "", middle = ""] = written.split("^").map((part) => part.trim());
  return [family, [given, middle].filter(Boolean).join(" ")].filter(Boolean).join(", ");
}

const language = () => (document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang || "en-GB");

/** The day of a DICOM date, or null. */
export function dateOf(value) {
  const [, year, month, day] = /^(\d{4})[.-]?(\d{2})[.-]?(\d{2})$/.exec(value) ?? [];
  return year ? new Date(Number(year), Number(month) - 1, Number(day)) : null;
}

/** "24 Nov 2026"; what is no date is shown as it came. */
export function dateWords(value) {
  const day = dateOf(value);
  if (!day) return value;
  return new Intl.DateTimeFormat(language(), { day: "numeric", month: "short", year: "numeric" }).format(day);
}

/** "10:31" of a DICOM time. */
export function timeWords(value) {
  return /^\d{4}/.test(value) ? `${value.slice(0, 2)}:${value.slice(2, 4)}` : "";
}

/** A number with a true minus and at most so many decimals. */
export function numberWords(value, decimals = 0) {
  const rounded = Number(value.toFixed(decimals));
  return String(Object.is(rounded, -0) ? 0 : rounded).replace("-", "−");
}

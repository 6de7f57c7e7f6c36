// What is written over a picture: who, when, what, where; orientation letters; the value under the cursor.

import { dateOf, dateWords, numberWords, personName, text, timeWords } from "./dicom_json.js";
import { depthOf, lettersTowards, planeOf } from "./geometry.js";

const SEXES = { M: "M", F: "F", O: "O" };

export class Overlay {
  constructor(element, words) {
    this.element = element;
    this.words = words;
    this.places = Object.fromEntries([...element.querySelectorAll("[data-show]")].map((one) => [one.dataset.show, one]));
    this.letters = Object.fromEntries([...element.querySelectorAll("[data-letter]")].map((one) => [one.dataset.letter, one]));
  }

  write(values) {
    for (const [name, value] of Object.entries(values)) {
      if (this.places[name].textContent !== value) this.places[name].textContent = value;
    }
  }

  count({ stack, index, picture }) {
    if (!picture) return;
    const { words } = this;
    const ordinal = words.imageOf.replace("{n}", index + 1).replace("{of}", stack.pictures.length);
    const own = picture.frames > 1 ? "" : picture.number === null || picture.number === index + 1 ? "" : ` · ${words.no} ${picture.number}`;
    this.write({ image: ordinal + own });
  }

  describe(pane) {
    const { stack, shown, screen, of, isDrawn } = pane;
    const picture = shown ?? pane.picture;
    if (!stack) return;
    const dataset = picture?.dataset ?? stack.dataset;
    this.mark(of);
    this.write({
      date: [dateWords(text(dataset, "00080020")), timeWords(text(dataset, "00080030"))].filter(Boolean).join(", "),
      series: seriesWords(stack, picture, dataset, this.words),
      name: personName(dataset, "00100010"),
      person: personWords(dataset),
      image: "",
      window: picture ? pane.windowWords() : "",
      zoom: isDrawn ? `${this.words.zoom} ${screen.zoom().toFixed(1)}` : "",
      place: picture ? placeWords(picture) : "",
    });
    this.count(pane);
    this.element.classList.toggle("viewer-pane-lossy", Boolean(picture?.lossy) || !screen);
    this.orient(picture, isDrawn ? screen.directions() : { right: [1, 0], below: [0, 1] });
    const which = of?.prior ? this.words.prior : this.words.current;
    const counted = picture ? this.places.image.textContent : "";
    this.element.setAttribute("aria-label", [which, this.places.series.textContent, this.places.date.textContent, counted].filter(Boolean).join(", "));
  }

  mark(of) {
    const mark = this.places.mark;
    mark.classList.toggle("hue-cyan", !of?.prior);
    mark.classList.toggle("hue-amber", Boolean(of?.prior));
    this.write({ mark: of?.prior ? `${this.words.prior}${ageWords(of, this.words)}` : this.words.current });
  }

  orient(picture, { right, below }) {
    const sides = picture ? {
      right: lettersTowards(picture.place, ...right),
      left: lettersTowards(picture.place, -right[0], -right[1]),
      bottom: lettersTowards(picture.place, ...below),
      top: lettersTowards(picture.place, -below[0], -below[1]),
    } : {};
    for (const [side, place] of Object.entries(this.letters)) place.textContent = sides[side] ?? "";
  }

  /** found: what lies under the cursor, or null. */
  probe(found, picture) {
    if (!found) return this.write({ probe: "" });
    const value = found.rgb ? `RGB ${found.rgb.join(", ")}` : numberWords(found.value, Number.isInteger(found.value) ? 0 : 2);
    const unit = found.rgb ? "" : picture.tone.unit;
    return this.write({ probe: `x ${found.x + 1}, y ${found.y + 1}: ${value}${unit ? ` ${unit}` : ""}` });
  }
}

function seriesWords(stack, picture, dataset, words) {
  const number = stack.number === null ? "" : `${words.series} ${stack.number}`;
  const what = stack.description || (picture && planeOf(picture.place)) || stack.modality;
  return [text(dataset, "00081010"), number, what].filter(Boolean).join(" · ");
}

function personWords(dataset) {
  const sex = SEXES[text(dataset, "00100040")] ?? "";
  const years = ageAt(dateOf(text(dataset, "00100030")), dateOf(text(dataset, "00080020")));
  return [text(dataset, "00100020"), [years === null ? "" : `${years} y`, sex].filter(Boolean).join(" ")].filter(Boolean).join(" · ");
}

function ageAt(born, day) {
  if (!born || !day) return null;
  const before = day.getMonth() < born.getMonth() || (day.getMonth() === born.getMonth() && day.getDate() < born.getDate());
  return day.getFullYear() - born.getFullYear() - (before ? 1 : 0);
}

function placeWords({ place }) {
  const depth = depthOf(place) ?? place.location;
  const thickness = place.thickness ? `${place.thickness.toFixed(1)} mm` : "";
  const position = depth === null ? "" : `${numberWords(depth, 1)} mm`;
  return [thickness, position].filter(Boolean).join(" @ ");
}

const DAY = 86_400_000;

// ", 18 months": how long before the current study.
function ageWords({ date, currentDate }, words) {
  const [then, now] = [dateOf(date ?? ""), dateOf(currentDate ?? "")];
  if (!then || !now || now < then) return "";
  const days = Math.round((now - then) / DAY);
  const months = (now.getFullYear() - then.getFullYear()) * 12 + now.getMonth() - then.getMonth() - (now.getDate() < then.getDate() ? 1 : 0);
  const [count, unit] = days < 45 ? [days, "day"] : months < 24 ? [Math.max(1, months), "month"] : [Math.floor(months / 12), "year"];
  return `, ${(count === 1 ? words[unit] : words[`${unit}s`]).replace("{n}", count)}`;
}

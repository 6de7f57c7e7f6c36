// What a measurement says. Points are in the plane of the picture: x to the right, y down, from the centre of the
// first pixel, in mm where the spacing is known and else in pixels (columns), so that unequal spacing is in them.

import { numberWords } from "./dicom_json.js";

const distance = (a, b) => Math.hypot(b[0] - a[0], b[1] - a[1]);

/** Columns and rows of a point. */
export const indexOf = (picture, [x, y]) => [x / picture.spacing.column, y / picture.spacing.row];

// An ultrasound picture may hold several scales: one counts when all the points lie in it.
function scaleFor(picture, points) {
  const inside = (region, [column, row]) => column >= region.left && column <= region.right && row >= region.top && row <= region.bottom;
  const found = picture.regions.find((region) => points.every((point) => inside(region, indexOf(picture, point))));
  if (found) return { x: found.column / picture.spacing.column, y: found.row / picture.spacing.row, unit: "mm", note: "" };
  if (picture.regions.length && !picture.spacing.known) return { x: 1, y: 1, unit: "px", note: "" };
  return { x: 1, y: 1, unit: picture.spacing.known ? "mm" : "px", note: picture.spacing.detector ? "detector" : "" };
}

const scaled = (scale, points) => points.map(([x, y]) => [x * scale.x, y * scale.y]);
const lengthWords = (value, unit) => `${unit === "px" ? numberWords(value, 0) : value.toFixed(1)} ${unit}`;

/** kind: "length", "angle", "ellipse" or "rectangle"; words: the labels. → {label, value, unit, text, lines}. */
export function described(kind, points, picture, pixels, words) {
  const scale = scaleFor(picture, points);
  const note = scale.note ? ` (${words.atDetector})` : scale.unit === "px" ? ` (${words.noScale})` : "";
  if (kind === "length") return lengthOf(scaled(scale, points), scale.unit, note, words);
  if (kind === "angle") return angleOf(scaled(scale, points), words);
  return regionOf(kind, points, { scale, picture, pixels, note, words });
}

function lengthOf([a, b], unit, note, words) {
  const value = distance(a, b);
  const shown = lengthWords(value, unit);
  return { label: words.length, value, unit, text: `${words.length} ${shown}${note}`, lines: [shown, ...(note ? [note.trim()] : [])] };
}

// The middle point is the vertex.
function angleOf([a, vertex, b], words) {
  const directions = [a, b].map((point) => Math.atan2(point[1] - vertex[1], point[0] - vertex[0]));
  const turn = Math.abs(directions[0] - directions[1]) * (180 / Math.PI);
  const value = turn > 180 ? 360 - turn : turn;
  return { label: words.angle, value, unit: "°", text: `${words.angle} ${value.toFixed(1)}°`, lines: [`${value.toFixed(1)}°`] };
}

function regionOf(kind, points, { scale, picture, pixels, note, words }) {
  const outline = outlineOf(kind, points);
  const [u, v] = outline.axes.map(([x, y]) => Math.hypot(x * scale.x, y * scale.y));
  const area = (kind === "ellipse" ? Math.PI : 4) * u * v;
  const areaUnit = scale.unit === "px" ? "px" : "mm²";
  const areaWords = `${words.area} ${numberWords(area, area < 100 && scale.unit === "mm" ? 1 : 0)} ${areaUnit}${note}`;
  const label = kind === "ellipse" ? words.ellipse : words.rectangle;
  const found = pixels ? statisticsInside(outline, picture, pixels) : null;
  if (!found) return { label, value: area, unit: areaUnit, text: `${label} ${areaWords}`, lines: [areaWords] };
  const unit = picture.tone.unit;
  const decimals = found.max - found.min < 20 ? 2 : 1;
  const mean = `${words.mean} ${numberWords(found.mean, decimals)}${unit ? ` ${unit}` : ""}`;
  const spread = `${words.deviation} ${numberWords(found.deviation, decimals)}`;
  const range = `${words.least} ${numberWords(found.min, decimals)}, ${words.most} ${numberWords(found.max, decimals)}`;
  return { label, value: found.mean, unit, text: `${label}: ${mean}, ${spread}, ${range}, ${areaWords}`, lines: [mean, spread, range, areaWords], statistics: { ...found, area } };
}

// Corners of a rectangle: first, its neighbours, the opposite one. Points of an ellipse: bottom, top, left, right.
function outlineOf(kind, points) {
  if (kind === "ellipse") {
    const [bottom, top, left, right] = points;
    const axes = [half(left, right), half(top, bottom)];
    return { center: middle(bottom, top), axes, contains: (u, v) => u * u + v * v <= 1 };
  }
  const [one, beside, below, opposite] = points;
  return { center: middle(one, opposite), axes: [half(one, beside), half(one, below)], contains: (u, v) => Math.abs(u) <= 1 && Math.abs(v) <= 1 };
}

const half = (a, b) => [(b[0] - a[0]) / 2, (b[1] - a[1]) / 2];
const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];

/** Pixels whose centre lies inside: {count, mean, deviation (of the sample's values), min, max}, or null for none. */
function statisticsInside({ center, axes, contains }, picture, pixels) {
  const [u, v] = axes;
  const across = u[0] * v[1] - u[1] * v[0];
  if (!across || picture.shape.samples > 1) return null;
  const { rows, columns } = picture.shape;
  const reach = [Math.abs(u[0]) + Math.abs(v[0]), Math.abs(u[1]) + Math.abs(v[1])];
  const low = indexOf(picture, [center[0] - reach[0], center[1] - reach[1]]).map((one) => Math.max(0, Math.ceil(one)));
  const high = indexOf(picture, [center[0] + reach[0], center[1] + reach[1]]).map(Math.floor);
  let [count, sum, squares, min, max] = [0, 0, 0, Infinity, -Infinity];
  for (let row = low[1]; row <= Math.min(high[1], rows - 1); row++) {
    for (let column = low[0]; column <= Math.min(high[0], columns - 1); column++) {
      const x = column * picture.spacing.column - center[0];
      const y = row * picture.spacing.row - center[1];
      if (!contains((x * v[1] - y * v[0]) / across, (u[0] * y - u[1] * x) / across)) continue;
      const value = pixels[row * columns + column];
      count += 1;
      sum += value;
      squares += value * value;
      min = Math.min(min, value);
      max = Math.max(max, value);
    }
  }
  if (!count) return null;
  const mean = sum / count;
  return { count, mean, deviation: Math.sqrt(Math.max(0, squares / count - mean * mean)), min, max };
}

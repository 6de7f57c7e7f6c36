// Windows (PS3.3 C.11.2): what a picture asks for, and presets by modality on the keys 1 to 9.

import { numberWords } from "./dicom_json.js";

const AS_SENT = { name: "asSent", own: true };
const FULL = { name: "fullRange", share: 1 };
const MIDDLE = { name: "middleRange", share: 0.98 };
const OF_CT = [
  { name: "softTissue", center: 40, width: 400 },
  { name: "lung", center: -600, width: 1500 },
  { name: "bone", center: 500, width: 2000 },
  { name: "brain", center: 40, width: 80 },
  { name: "mediastinum", center: 50, width: 350 },
  { name: "liver", center: 60, width: 150 },
  { name: "angiography", center: 200, width: 600 },
  { name: "subdural", center: 75, width: 200 },
];
const OF_OTHERS = [FULL, MIDDLE, { name: "wider", factor: 1.5 }, { name: "narrower", factor: 1 / 1.5 }];

/** At most nine; the key of each is its place in the list. Pictures in colour have none. */
export function presetsOf(picture) {
  if (isColour(picture)) return [];
  if (picture.modality === "CT") return [...OF_CT, AS_SENT];
  const more = picture.tone.windows.slice(1, 4).map((window, index) => ({ name: "sent", text: window.name, at: index + 1 }));
  return [AS_SENT, ...more, ...OF_OTHERS];
}

export const isColour = (picture) => picture.shape.samples > 1 || picture.shape.photometric === "PALETTE COLOR";

/** The window that the picture asks for; else what its values need. statistics: {min, max, low, high}. */
export function ownWindow(picture, statistics) {
  return picture.tone.windows[0] ?? fitting(statistics.low, statistics.high);
}

/** The window of a preset, for the picture and the one that is set now; null asks for the picture's own. */
export function windowOf(preset, picture, statistics, now) {
  if (preset.own) return null;
  if (preset.at) return picture.tone.windows[preset.at];
  if (preset.share) return preset.share === 1 ? fitting(statistics.min, statistics.max) : fitting(statistics.low, statistics.high);
  if (preset.factor) return { center: now.center, width: Math.max(1, now.width * preset.factor) };
  return preset;
}

const fitting = (low, high) => ({ center: (low + high + 1) / 2, width: Math.max(1, high - low + 1) });

/** Lowest and highest value that a window tells apart. */
export function rangeOf({ center, width }) {
  return { lower: center - 0.5 - (width - 1) / 2, upper: center - 0.5 + (width - 1) / 2 };
}

export const windowOfRange = ({ lower, upper }) => ({ center: (lower + upper) / 2 + 0.5, width: upper - lower + 1 });

export function windowWords({ center, width }) {
  const decimals = width < 20 ? 2 : 0;
  return `W ${numberWords(width, decimals)} L ${numberWords(center, decimals)}`;
}

const BINS = 4096;

/** The extremes of values without padding, and the range that leaves out one in a hundred at either end. */
export function statisticsOf(pixels, padding) {
  const isPadding = padding ? (value) => value >= padding[0] && value <= padding[1] : () => false;
  let [min, max, count] = [Infinity, -Infinity, 0];
  for (const value of pixels) {
    if (isPadding(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    count += 1;
  }
  if (!count) return { min: 0, max: 1, low: 0, high: 1 };
  const bins = new Uint32Array(BINS);
  const scale = max > min ? (BINS - 1) / (max - min) : 0;
  for (const value of pixels) if (!isPadding(value)) bins[Math.round((value - min) * scale)] += 1;
  const at = (share) => {
    let seen = 0;
    const bin = bins.findIndex((found) => (seen += found) >= share * count);
    return scale ? min + bin / scale : min;
  };
  return { min, max, low: at(0.01), high: at(0.99) };
}

// From metadata to pictures: one for each frame, with everything that showing and measuring it needs.
//
// A picture: id, study, series, instance, frame (from 1), frames, number (InstanceNumber), dataset, transferSyntax;
//   shape       rows, columns, samples, photometric, allocated, stored, high, signed, planar
//   tone        slope, intercept, unit, lookUp (modality LUT), windows [{center, width, name}], curve, padding
//   spacing     row, column (mm, or 1 and the aspect), known, detector
//   place       position, orientation (patient coordinates, PS3.3 C.7.6.2.1.1), reference, thickness, location
//   lossy, frameTime (ms), modality, regions (ultrasound, PS3.3 C.8.5.5)

import { first, group, items, number, numbers, text, values } from "./dicom_json.js";

export const isPicture = (dataset) => number(dataset, "00280010") > 0 && number(dataset, "00280011") > 0;

export function picturesOf(dataset) {
  const frames = Math.max(1, number(dataset, "00280008") ?? 1);
  const ids = {
    study: text(dataset, "0020000D"),
    series: text(dataset, "0020000E"),
    instance: text(dataset, "00080018"),
  };
  const common = {
    ...ids,
    frames,
    dataset,
    number: number(dataset, "00200013"),
    modality: text(dataset, "00080060"),
    transferSyntax: text(dataset, "00083002") || text(dataset, "00020010") || "1.2.840.10008.1.2.1",
    shape: shapeOf(dataset),
    lossy: text(dataset, "00282110") === "01",
    frameTime: frameTimeOf(dataset),
    regions: regionsOf(dataset),
  };
  return Array.from({ length: frames }, (_, index) => {
    const frame = index + 1;
    return {
      ...common,
      id: `frames:${ids.series}/${ids.instance}/${frame}`,
      frame,
      tone: toneOf(dataset, frame),
      spacing: spacingOf(dataset, frame),
      place: placeOf(dataset, frame),
    };
  });
}

function shapeOf(dataset) {
  const allocated = number(dataset, "00280100") ?? 8;
  const stored = number(dataset, "00280101") ?? allocated;
  return {
    rows: number(dataset, "00280010"),
    columns: number(dataset, "00280011"),
    samples: number(dataset, "00280002") ?? 1,
    photometric: text(dataset, "00280004") || "MONOCHROME2",
    allocated,
    stored,
    high: number(dataset, "00280102") ?? stored - 1,
    signed: number(dataset, "00280103") === 1,
    planar: number(dataset, "00280006") ?? 0,
  };
}

const inGroup = (dataset, frame, sequence, tag) => {
  const found = group(dataset, frame, sequence);
  return found[tag] ? found : dataset;
};

function toneOf(dataset, frame) {
  const rescale = inGroup(dataset, frame, "00289145", "00281053");
  const window = inGroup(dataset, frame, "00289132", "00281050");
  const lookUp = items(dataset, "00283000")[0];
  const centers = numbers(window, "00281050") ?? [];
  const widths = numbers(window, "00281051") ?? [];
  const names = values(window, "00281055");
  const padding = number(dataset, "00280120");
  return {
    slope: number(rescale, "00281053") || 1,
    intercept: number(rescale, "00281052") ?? 0,
    unit: unitOf(dataset, text(rescale, "00281054")),
    lookUp: lookUp ? { descriptor: numbers(lookUp, "00283002", 3), data: numbers(lookUp, "00283006") } : null,
    windows: centers
      .map((center, index) => ({ center, width: widths[index], name: String(names[index] ?? "").trim() }))
      .filter(({ width }) => width > 0),
    curve: text(window, "00281056") || "LINEAR",
    padding: padding === null ? null : [padding, number(dataset, "00280121") ?? padding].sort((a, b) => a - b),
  };
}

// PS3.3 C.11.1.1.2: Hounsfield units are the default of CT only; PET names its units by itself.
function unitOf(dataset, rescaleType) {
  const modality = text(dataset, "00080060");
  if (modality === "PT") return { BQML: "Bq/ml", GML: "g/ml", CNTS: "counts" }[text(dataset, "00541001")] ?? "";
  if (rescaleType && rescaleType !== "US") return rescaleType;
  return modality === "CT" ? "HU" : "";
}

const usable = (pair) => (pair && pair[0] > 0 && pair[1] > 0 ? pair : null);

// PS3.3 10.7: PixelSpacing is in the patient; ImagerPixelSpacing only at the detector, where things are magnified.
function spacingOf(dataset, frame) {
  const measures = inGroup(dataset, frame, "00289110", "00280030");
  const patient = usable(numbers(measures, "00280030", 2));
  if (patient) return { row: patient[0], column: patient[1], known: true, detector: false };
  const detector = usable(numbers(dataset, "00181164", 2)) ?? usable(numbers(dataset, "00182010", 2));
  if (detector) return { row: detector[0], column: detector[1], known: true, detector: true };
  const aspect = usable(numbers(dataset, "00280034", 2)) ?? [1, 1];
  return { row: aspect[0] / aspect[1], column: 1, known: false, detector: false };
}

function placeOf(dataset, frame) {
  const position = inGroup(dataset, frame, "00209113", "00200032");
  const orientation = inGroup(dataset, frame, "00209116", "00200037");
  const measures = inGroup(dataset, frame, "00289110", "00180050");
  const directions = numbers(orientation, "00200037", 6);
  return {
    position: numbers(position, "00200032", 3),
    orientation: directions && isDirection(directions.slice(0, 3)) && isDirection(directions.slice(3)) ? directions : null,
    words: values(dataset, "00200020").map(String), // PatientOrientation, where there are no coordinates
    reference: text(dataset, "00200052"),
    thickness: number(measures, "00180050"),
    location: number(dataset, "00201041"),
  };
}

const isDirection = (vector) => Math.abs(Math.hypot(...vector) - 1) < 0.01;

function frameTimeOf(dataset) {
  const rate = number(dataset, "00082144") || number(dataset, "00180040");
  return number(dataset, "00181063") || (rate ? 1000 / rate : 0);
}

const CENTIMETRES = 3;

function regionsOf(dataset) {
  return items(dataset, "00186011").flatMap((region) => {
    const [left, top, right, bottom] = ["00186018", "0018601A", "0018601C", "0018601E"].map((tag) => number(region, tag));
    const units = [first(region, "00186024"), first(region, "00186026")];
    const deltas = [number(region, "0018602C"), number(region, "0018602E")];
    if (!units.every((unit) => Number(unit) === CENTIMETRES) || !deltas.every(Boolean)) return [];
    return [{ left, top, right, bottom, column: Math.abs(deltas[0]) * 10, row: Math.abs(deltas[1]) * 10 }];
  });
}

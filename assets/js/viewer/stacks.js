// What the series strip shows: stacks of pictures that are scrolled through, and objects that have none.
//
// A stack: id, study, series, number, modality, description, pictures; thumbnail (an address);
//   for an object without pixels: pictures is empty, and words, instance and kind say what it is.

import { instanceUrl, seriesUrl } from "./dicomweb.js";
import { number, text } from "./dicom_json.js";
import { depthOf, normalOf } from "./geometry.js";
import { isPicture, picturesOf } from "./pictures.js";

const PDF = "1.2.840.10008.5.1.4.1.1.104.1";
const KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59";
const REPORTS = "1.2.840.10008.5.1.4.1.1.88.";
const PRESENTATIONS = "1.2.840.10008.5.1.4.1.1.11.";

/** "pdf", "keys", "report", "presentation", "video" or "other": what an object without shown pixels is. */
export function kindOf(dataset) {
  const sopClass = text(dataset, "00080016");
  if (sopClass === PDF) return "pdf";
  if (sopClass === KEY_OBJECTS) return "keys";
  if (sopClass.startsWith(REPORTS)) return "report";
  if (sopClass.startsWith(PRESENTATIONS)) return "presentation";
  return isVideo(dataset) ? "video" : "other";
}

// MPEG2, MPEG-4 and HEVC (PS3.5 A.4.5 to A.4.10): a stream, not frames.
const isVideo = (dataset) => /^1\.2\.840\.10008\.1\.2\.4\.10[0-8](\.1)?$/.test(text(dataset, "00083002"));

/** facts: uid, number, modality and description of the series. */
export function stacksOf(study, { uid, number: ordinal, modality, description }, datasets) {
  const common = { study, series: uid, number: ordinal, modality, description };
  const shown = datasets.filter((one) => isPicture(one) && !isVideo(one));
  const clips = shown.filter((one) => number(one, "00280008") > 1);
  const singles = shown.filter((one) => !clips.includes(one));
  const stacks = [];
  if (singles.length) stacks.push({ ...common, id: common.series, pictures: inOrder(singles), thumbnail: `${seriesUrl(study, common.series)}/thumbnail` });
  for (const clip of clips) stacks.push(oneObject(common, clip, picturesOf(clip), ""));
  for (const other of datasets) if (!shown.includes(other)) stacks.push(oneObject(common, other, [], kindOf(other)));
  return stacks;
}

function oneObject(common, dataset, pictures, kind) {
  const of = { study: common.study, series: common.series, instance: text(dataset, "00080018") };
  return { ...common, id: of.instance, instance: of.instance, pictures, kind, dataset, url: instanceUrl(of), thumbnail: kind ? "" : `${instanceUrl(of)}/thumbnail` };
}

// By number, as the scanner counted; by place when the numbers are missing or say nothing.
function inOrder(datasets) {
  const pictures = datasets.flatMap(picturesOf);
  const counted = new Set(pictures.map((one) => one.number)).size === pictures.length && pictures.every((one) => one.number !== null);
  if (counted) return pictures.sort((a, b) => a.number - b.number);
  const normal = normalOf(pictures[0].place);
  const depths = new Map(pictures.map((one) => [one, depthOf(one.place, normal)]));
  if ([...depths.values()].includes(null)) return pictures.sort((a, b) => (a.number ?? Infinity) - (b.number ?? Infinity) || 0);
  return pictures.sort((a, b) => depths.get(a) - depths.get(b));
}

const VOLUME = 16; // pictures from which a stack opens in its middle, where there is something to see

export const firstIndex = (stack) => (stack.pictures.length >= VOLUME && stack.pictures[0].place.orientation ? stack.pictures.length >> 1 : 0);

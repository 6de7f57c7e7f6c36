// Loading a study: the series that is wanted most at first, the rest meanwhile, so that a large study shows its first
// picture as soon as a small one.

import { metadataOf, seriesOf } from "./dicomweb.js";
import { number, text } from "./dicom_json.js";
import { stacksOf } from "./stacks.js";

const WITHOUT_PICTURES = new Set(["SR", "KO", "PR", "DOC", "REG", "FID", "RWV", "PLAN", "RTPLAN", "RTSTRUCT", "AU", "ECG"]);
const AT_ONCE = 3;
const VOLUME = 4; // pictures of a series beside which those of one or two are scouts

/** → {first, rest}: the first stack to show, null when there is none; and a promise of the others.
 * arrived(stacks): called for each series; wanted(facts, all): how much a series is wanted.
 * Raises NotAnswered when the study or every one of its series did not come.
 */
export async function loadStudy(uid, wanted, arrived) {
  const all = (await seriesOf(uid)).map(factsOf);
  const order = [...all].sort((a, b) => wanted(b, all) - wanted(a, all) || (a.number ?? Infinity) - (b.number ?? Infinity) || 0);
  const problems = [];
  const take = async (facts) => {
    const found = await metadataOf(uid, facts.uid).then((datasets) => stacksOf(uid, facts, datasets)).catch((problem) => {
      problems.push(problem);
      return [{ study: uid, series: facts.uid, ...facts, id: facts.uid, pictures: [], kind: "failed", thumbnail: "" }];
    });
    arrived(found);
    return found;
  };
  const waiting = [...order];
  let [first, kept] = [null, null];
  while (waiting.length && !first) {
    const stacks = await take(waiting.shift());
    first = stacks.find(({ pictures }) => pictures.length) ?? null;
    kept ??= stacks.find(({ kind }) => kind !== "failed") ?? null;
  }
  if (problems.length === all.length && problems.length) throw problems[0];
  const worker = async () => {
    while (waiting.length) await take(waiting.shift());
  };
  return { first: first ?? kept, rest: Promise.all(Array.from({ length: AT_ONCE }, worker)) };
}

const factsOf = (series) => ({
  uid: text(series, "0020000E"),
  number: number(series, "00200011"),
  modality: text(series, "00080060"),
  description: text(series, "0008103E"),
  count: number(series, "00201209") ?? 1,
});

/** Pictures before reports, and a volume before its scout. */
export function wantedAlone({ modality, count }, all) {
  if (WITHOUT_PICTURES.has(modality)) return -1;
  return count > 2 && all.some((one) => one.count >= VOLUME) ? 1 : 0;
}

/** What is most like a stack that is shown: same name, same modality, near in size. */
export function wantedBeside(stack) {
  return (facts, all) => {
    if (!stack || WITHOUT_PICTURES.has(facts.modality)) return wantedAlone(facts, all) - 10;
    const same = facts.description && facts.description === stack.description ? 4 : 0;
    return same + (facts.modality === stack.modality ? 2 : 0) + (facts.count > 1 === stack.pictures.length > 1 ? 1 : 0);
  };
}

// Where a picture lies in the patient: PS3.3 C.7.6.2.1.1, coordinates of the patient, +x to the left, +y to the back,
// +z to the head.

const PARALLEL = 0.99;
const SHARE = 0.35; // of a direction that has to point there for its letter to be shown: 20 degrees

export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];

export function normalOf(place) {
  return place.orientation ? cross(place.orientation.slice(0, 3), place.orientation.slice(3)) : null;
}

/** mm along the normal of the picture, or of the one that is given; null when it does not lie in the patient. */
export function depthOf(place, normal = normalOf(place)) {
  return normal && place.position ? dot(place.position, normal) : null;
}

/** "R", "LA": where a direction points, the nearest side first. */
export function lettersOf(vector) {
  return [["L", "R"], ["P", "A"], ["H", "F"]]
    .map(([plus, minus], axis) => ({ letter: vector[axis] > 0 ? plus : minus, share: Math.abs(vector[axis]) }))
    .filter(({ share }) => share > SHARE)
    .sort((a, b) => b.share - a.share)
    .slice(0, 2)
    .map(({ letter }) => letter)
    .join("");
}

const OPPOSITE = { L: "R", R: "L", A: "P", P: "A", H: "F", F: "H" };
const opposite = (letters) => [...letters].map((letter) => OPPOSITE[letter] ?? "").join("");

/** The letters of a direction on the picture, given in columns to the right and rows down; "" when nobody knows. */
export function lettersTowards(place, columns, rows) {
  if (place.orientation) {
    const [across, down] = [place.orientation.slice(0, 3), place.orientation.slice(3)];
    return lettersOf([0, 1, 2].map((axis) => across[axis] * columns + down[axis] * rows));
  }
  // PatientOrientation (0020,0020) tells only of the two axes themselves.
  const [across = "", down = ""] = place.words;
  if (!across || !down || /[^APRLHF]/.test(across + down)) return "";
  if (Math.abs(columns) > 0.9) return columns > 0 ? across : opposite(across);
  if (Math.abs(rows) > 0.9) return rows > 0 ? down : opposite(down);
  return "";
}

/** "Axial", "Sagittal", "Coronal" or "Oblique"; "" when nobody knows. */
export function planeOf(place) {
  const normal = normalOf(place);
  if (!normal) return "";
  const main = normal.findIndex((share) => Math.abs(share) > 0.9);
  return ["Sagittal", "Coronal", "Axial"][main] ?? "Oblique";
}

/** Whether two pictures can be compared by where they lie: same frame of reference and parallel. */
export function comparable(a, b) {
  const [one, other] = [normalOf(a), normalOf(b)];
  return Boolean(a.reference && a.reference === b.reference && one && other && Math.abs(dot(one, other)) > PARALLEL);
}

/** The index of the picture that lies nearest to this place, or by relative index when places say nothing. */
export function counterpart(from, index, to) {
  const here = from[index].place;
  if (comparable(here, to[0].place)) {
    const normal = normalOf(here);
    const depth = depthOf(here, normal);
    const apart = to.map((one) => Math.abs((depthOf(one.place, normal) ?? Infinity) - depth));
    const least = Math.min(...apart);
    if (Number.isFinite(least)) return apart.indexOf(least);
  }
  return from.length < 2 ? 0 : Math.round((index / (from.length - 1)) * (to.length - 1));
}

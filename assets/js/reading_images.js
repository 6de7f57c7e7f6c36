// What the viewer says: a measurement goes into the text, a key image onto the report's strip. Images of another
// exam are refused here, and by the server again.

import { readingWord } from "./reading.js";

function isOwn(room, detail) {
  const own = room.root.dataset.studies.split(" ").includes(detail.studyInstanceUid);
  if (!own) room.toast(readingWord("foreign"), true);
  return own && Boolean(room.token);
}

/** "11.0 mm": what the viewer says in words, without the name of the tool. */
function wordsOf({ text = "", label = "", value = "", unit = "" }) {
  if (!text) return `${value} ${unit}`.trim();
  return label && text.startsWith(`${label} `) ? text.slice(label.length + 1) : text;
}

async function takeKeyImage(room, detail) {
  if (!isOwn(room, detail)) return;
  const said = await room.ask("/key-images", {
    study: detail.studyInstanceUid,
    instance: detail.sopInstanceUid,
    frame: detail.frame ?? 1,
    center: detail.windowCenter ?? "",
    width: detail.windowWidth ?? "",
    caption: detail.label ?? "",
  });
  if (said.status === 200) {
    show(room, said.html);
    room.toast(readingWord("keyImage"));
  } else {
    room.toast(said.message ?? readingWord("foreign"), true);
  }
}

function show(room, html) {
  room.root.querySelector("[data-key-images]").innerHTML = html;
}

const taken = new Map(); // measurementUid -> { box, words }

// A measurement that is changed in the image is changed in the text, as long as the text still has it.
function takeMeasurement(room, detail) {
  const words = wordsOf(detail);
  if (!words || !isOwn(room, detail)) return;
  const known = taken.get(detail.measurementUid);
  const at = known ? known.box.value.indexOf(known.words) : -1;
  if (at >= 0) {
    if (known.words !== words) room.text.replace(known.box, words, at, at + known.words.length);
  } else if (!known) {
    room.text.insertAtCaret(words);
  }
  if (detail.measurementUid && (at >= 0 || !known)) taken.set(detail.measurementUid, { box: room.text.last, words, ...(known && { box: known.box }) });
}

export function startImages(room) {
  document.addEventListener("viewer:measurement", (event) => {
    event.preventDefault(); // Kept here, or refused with words.
    takeMeasurement(room, event.detail);
  });
  document.addEventListener("viewer:keyimage", (event) => {
    event.preventDefault();
    takeKeyImage(room, event.detail);
  });

  room.root.addEventListener("change", async ({ target }) => {
    if (!target.dataset?.keyImage) return;
    const said = await room.ask(`/key-images/${target.dataset.keyImage}`, { caption: target.value });
    if (said.status !== 200) room.toast(said.message, true);
  });
  room.root.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-key-image-remove]");
    if (!button) return;
    const said = await room.ask(`/key-images/${button.dataset.keyImageRemove}`, { remove: "1" });
    if (said.status === 200) show(room, said.html);
    else room.toast(said.message, true);
  });
}

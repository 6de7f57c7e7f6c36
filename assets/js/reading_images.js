// What the viewer says: a measurement goes into the text, a key image onto the report's strip. Images of another
// exam are refused here, and by the server again.

import { readingWord } from "./reading.js";

function isOwn(room, detail) {
  const own = room.root.dataset.studies.split(" ").includes(detail.studyInstanceUid);
  if (!own) room.toast(readingWord("foreign"), true);
  return own && Boolean(room.token);
}

/** "11 mm", or what the viewer says in words. */
function wordsOf({ text, value, unit }) {
  return text || [value, unit].filter((part) => part !== undefined && part !== "").join(" ");
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

export function startImages(room) {
  document.addEventListener("viewer:measurement", ({ detail }) => {
    const words = wordsOf(detail);
    if (words && isOwn(room, detail)) room.text.insertAtCaret(words);
  });
  document.addEventListener("viewer:keyimage", ({ detail }) => takeKeyImage(room, detail));

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

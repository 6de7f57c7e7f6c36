// Signing: what is typed is saved first, then the server says in the dialog what stands against it. The dialog's form
// is sent with the page's say; a refusal comes back into the dialog, a signature leads to the next case.

import { csrfToken } from "./page.js";

async function begin(room, kind) {
  if (!await room.save(true)) return;
  const said = await room.ask("/checks", { kind });
  if (said.status === 200) room.openDialog(said.html);
  else room.refused(said);
}

async function send(room, form) {
  const buttons = [...form.querySelectorAll("button")];
  buttons.forEach((button) => { button.disabled = true; });
  const values = new URLSearchParams(new FormData(form));
  values.set("patient", room.patient);
  values.set("token", room.token);
  values.set("modality", room.root.dataset.modality);
  const answer = await fetch(form.action, {
    method: "POST",
    body: values,
    headers: { "X-CSRFToken": csrfToken(), "HX-Request": "true", "Accept": "text/html" },
  }).catch(() => null);
  const onward = answer?.headers.get("HX-Redirect");
  if (onward) {
    room.token = ""; // Signed: nothing is saved or released any more.
    room.kept.forget();
    location.href = onward;
    return;
  }
  const html = await answer?.text();
  const body = document.createElement("template");
  body.innerHTML = html ?? "";
  if (body.content.querySelector("[data-sign-form]")) {
    document.querySelector("[data-sign-body]").innerHTML = html;
    document.querySelector("#sign [aria-invalid], #sign [data-first-focus]")?.focus();
    return;
  }
  document.getElementById("sign").close();
  const words = body.content.textContent.replace(/\s+/g, " ").trim();
  if (answer?.status === 409) room.stale(words);
  else room.toast(words || document.getElementById("words").dataset.noAnswer, true);
}

export function startSigning(room) {
  room.root.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-sign]");
    if (button) begin(room, button.dataset.sign);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-sign-form]")) return;
    event.preventDefault();
    send(room, event.target);
  });
  document.addEventListener("click", ({ target }) => {
    const way = target.closest?.("[data-go-to-section]");
    if (!way) return;
    document.getElementById("sign").close();
    room.text.goTo(way.dataset.goToSection);
  });
}

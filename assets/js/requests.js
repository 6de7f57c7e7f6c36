// Requests: the CSRF header on everything that changes something, and words when an answer does not come.

import { csrfToken, word } from "./page.js";
import { showToast } from "./toasts.js";

// Answers that are not swapped (see noSwap in layout/base.html) are told by a toast instead.
const NOT_SWAPPED = [401, 403, 404, 429];

function wordsFor(status) {
  if (status === 401) return word("signedOut");
  if (status === 403) return word("refused");
  if (status === 404) return word("gone");
  return word("noAnswer");
}

const LONGEST = 240;

// The server knows better words when it sent some: a toast of its own, or a short fragment.
function tell(status, headers, html = "") {
  if (headers?.has("HX-Trigger")) return;
  const text = new DOMParser().parseFromString(html, "text/html").body.textContent.replace(/\s+/g, " ").trim();
  const own = status >= 400 && text && text.length <= LONGEST;
  showToast({ text: own ? text : wordsFor(status), bad: true });
}

/** Posts a form's worth of values; events named in HX-Trigger happen here as they do for htmx. True when accepted. */
export async function post(url, values = {}) {
  const answer = await fetch(url, {
    method: "POST",
    body: new URLSearchParams(values),
    headers: { "X-CSRFToken": csrfToken(), "HX-Request": "true", "Accept": "text/html" },
    redirect: "manual",
  }).catch(() => null);
  const named = answer?.headers.get("HX-Trigger");
  if (named?.startsWith("{")) {
    for (const [name, detail] of Object.entries(JSON.parse(named))) document.dispatchEvent(new CustomEvent(name, { detail }));
  }
  const elsewhere = answer?.headers.get("HX-Redirect");
  if (elsewhere) location.href = elsewhere;
  else if (!answer?.ok) tell(answer?.type === "opaqueredirect" ? 401 : answer?.status, answer?.headers, await answer?.text());
  return Boolean(answer?.ok);
}

export function startRequests() {
  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
    if (ctx.request.method !== "GET") ctx.request.headers["X-CSRFToken"] = csrfToken();
  });

  document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
    const { status, headers } = ctx.response;
    if (status >= 500 || NOT_SWAPPED.includes(status)) tell(status, headers, ctx.text);
  });

  // The network failed: nothing came back at all.
  document.addEventListener("htmx:error", ({ detail }) => {
    if (detail.ctx) tell(0);
  });

  // A page that was refused leaves the address as it was.
  document.addEventListener("htmx:before:history:update", (event) => {
    if (event.detail.response?.status >= 400) event.preventDefault();
  });
}

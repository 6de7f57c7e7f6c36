// The part of DICOMweb (PS3.18) that the viewer asks: series, metadata, frames, rendered pictures. Same origin, by the
// session's cookie.

const ROOT = "/dicom-web";
const PATIENCE = 60_000;

/** A request that was not answered with what was asked; status 0: no answer at all. */
export class NotAnswered extends Error {
  constructor(status, url) {
    super(`${url}: ${status || "no answer"}`);
    this.status = status;
  }
}

export const studyUrl = (study) => `${ROOT}/studies/${study}`;
export const seriesUrl = (study, series) => `${studyUrl(study)}/series/${series}`;
export const instanceUrl = (of) => `${seriesUrl(of.study, of.series)}/instances/${of.instance}`;
export const frameUrl = (picture) => `${instanceUrl(picture)}/frames/${picture.frame}`;
export const renderedUrl = (picture) => `${frameUrl(picture)}/rendered`;

async function ask(url, accept) {
  const how = { headers: { Accept: accept }, redirect: "manual", signal: AbortSignal.timeout(PATIENCE) };
  const answer = await fetch(url, how).catch(() => null);
  if (answer?.type === "opaqueredirect") throw new NotAnswered(401, url); // to the door
  if (!answer?.ok) throw new NotAnswered(answer?.status ?? 0, url);
  return answer;
}

async function list(url) {
  const answer = await ask(url, "application/dicom+json");
  return answer.status === 204 ? [] : answer.json();
}

export const seriesOf = (study) => list(`${studyUrl(study)}/series?includefield=all`);
export const metadataOf = (study, series) => list(`${seriesUrl(study, series)}/metadata`);

/** Values that the metadata left out, at the address that they name. */
export async function bulkData(url) {
  const answer = await ask(url, 'multipart/related; type="application/octet-stream"');
  return firstPart(new Uint8Array(await answer.arrayBuffer()), answer.headers.get("Content-Type") ?? "").bytes;
}

/** The stored bytes of one frame, and the transfer syntax that they are in. */
export async function frameOf(picture) {
  const answer = await ask(frameUrl(picture), 'multipart/related; type="application/octet-stream"; transfer-syntax=*');
  const body = new Uint8Array(await answer.arrayBuffer());
  const { bytes, type } = firstPart(body, answer.headers.get("Content-Type") ?? "");
  return { bytes, transferSyntax: parameter(type, "transfer-syntax") || picture.transferSyntax };
}

function parameter(header, name) {
  return header.match(new RegExp(`${name}="?([^";]+)`, "i"))?.[1] ?? "";
}

/** The first part of a multipart body (RFC 2046 5.1), and its content type. */
export function firstPart(body, contentType) {
  if (!/^multipart\//i.test(contentType)) return { bytes: body, type: contentType };
  const boundary = `--${parameter(contentType, "boundary")}`;
  const headEnd = find(body, "\r\n\r\n", find(body, boundary, 0));
  const head = new TextDecoder().decode(body.subarray(0, headEnd));
  const type = head.match(/^content-type:\s*(.*)$/im)?.[1] ?? "";
  const length = Number(head.match(/^content-length:\s*(\d+)/im)?.[1] ?? NaN);
  const begin = headEnd + 4;
  if (headEnd < 0) throw new Error("a multipart answer without a part");
  const end = Number.isNaN(length) ? find(body, `\r\n${boundary}`, begin, true) : begin + length;
  if (end < begin) throw new Error("a multipart answer that breaks off");
  return { bytes: body.slice(begin, end), type };
}

function find(bytes, text, from, last = false) {
  const wanted = [...text].map((letter) => letter.charCodeAt(0));
  const here = (at) => wanted.every((code, index) => bytes[at + index] === code);
  if (last) { // The part is the only one: its end is near the end of the body.
    for (let at = bytes.length - wanted.length; at >= from; at--) if (bytes[at] === wanted[0] && here(at)) return at;
    return -1;
  }
  for (let at = bytes.indexOf(wanted[0], from); at >= 0; at = bytes.indexOf(wanted[0], at + 1)) if (here(at)) return at;
  return -1;
}

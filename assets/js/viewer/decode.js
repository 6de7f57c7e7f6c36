// From stored bytes to values: uncompressed frames here, compressed ones by the worker and its WebAssembly codecs,
// which are fetched when the first picture needs them.

import { wrap } from "comlink";
import { convertRGBColorByPlane, convertYBRFullByPixel, convertYBRFullByPlane } from "dicom-image-loader/imageLoader/colorSpaceConverters/index.js";

import { coloured } from "./palette.js";

const IMPLICIT = "1.2.840.10008.1.2";
const EXPLICIT = "1.2.840.10008.1.2.1";
const BIG_ENDIAN = "1.2.840.10008.1.2.2";
const DEFLATED = "1.2.840.10008.1.2.1.99"; // as a whole: what comes as a frame is plain
const NATIVE = new Set([IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED]);
const JPEG_LOSSY = new Set(["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"]);

let workers = null;
let next = 0;

/** Where the worker's script and its codecs are; workers start with the first compressed picture. */
export function prepareWorkers({ script, codecs }) {
  const many = Math.max(1, Math.min(4, (navigator.hardwareConcurrency ?? 2) - 1));
  workers = { script, codecs: String(codecs), many, running: [] };
}

function worker() {
  next = (next + 1) % workers.many;
  workers.running[next] ??= wrap(new Worker(workers.script, { type: "module" }));
  return workers.running[next];
}

/** → {pixels, components}: values in modality units, or RGB bytes. Raises an Error in words when it cannot be. */
export async function decoded(picture, bytes, transferSyntax, bulk) {
  const { shape } = picture;
  const stored = NATIVE.has(transferSyntax) ? native(shape, bytes, transferSyntax) : await byWorker(picture, bytes, transferSyntax);
  if (stored.length < shape.rows * shape.columns * shape.samples) throw new Error("the frame breaks off");
  if (shape.photometric === "PALETTE COLOR") return { pixels: await coloured(picture.dataset, significant(shape, stored), shape.signed, bulk), components: 3 };
  if (shape.samples > 1) return { pixels: rgb(shape, stored, transferSyntax), components: 3 };
  return { pixels: toned(picture.tone, significant(shape, stored)), components: 1 };
}

function native(shape, bytes, transferSyntax) {
  const count = shape.rows * shape.columns * shape.samples;
  if (shape.allocated === 1) return Uint8Array.from({ length: count }, (_, at) => (bytes[at >> 3] >> (at & 7)) & 1);
  if (shape.allocated === 8) return shape.signed ? new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes;
  const size = shape.allocated / 8;
  if (bytes.length < count * size) throw new Error("the frame breaks off");
  const own = bytes.slice(0, count * size); // at an even address
  if (transferSyntax === BIG_ENDIAN) swap(own, size);
  if (size === 2) return shape.signed ? new Int16Array(own.buffer) : new Uint16Array(own.buffer);
  if (size === 4) return shape.signed ? new Int32Array(own.buffer) : new Uint32Array(own.buffer);
  throw new Error(`pixels of ${shape.allocated} bits are not shown`);
}

function swap(bytes, size) {
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse();
}

async function byWorker(picture, bytes, transferSyntax) {
  const { shape } = picture;
  const imageFrame = {
    rows: shape.rows,
    columns: shape.columns,
    samplesPerPixel: shape.samples,
    photometricInterpretation: shape.photometric,
    planarConfiguration: shape.planar,
    bitsAllocated: shape.allocated,
    bitsStored: shape.stored,
    pixelRepresentation: shape.signed ? 1 : 0,
  };
  const done = await worker().decodeTask({
    imageFrame,
    transferSyntax,
    pixelData: bytes,
    decodeConfig: { wasmBasePath: workers.codecs },
    options: { preScale: { enabled: false } },
  });
  if ((done.rows ?? shape.rows) !== shape.rows || (done.columns ?? shape.columns) !== shape.columns) {
    throw new Error("the frame is of another size than its header says");
  }
  return done.pixelData;
}

// Bits outside of BitsStored are overlays or noise (PS3.5 8.1.1).
function significant(shape, values) {
  const drop = shape.high + 1 - shape.stored;
  if (shape.stored >= shape.allocated || shape.allocated > 16) return values;
  const [left, right] = [32 - shape.stored - drop, 32 - shape.stored];
  const kept = shape.signed ? new Int16Array(values.length) : new Uint16Array(values.length);
  for (let at = 0; at < values.length; at++) kept[at] = shape.signed ? (values[at] << left) >> right : (values[at] << left) >>> right;
  return kept;
}

// Modality LUT or rescale (PS3.3 C.11.1); 16-bit integers where they suffice, because they draw fastest.
function toned({ slope, intercept, lookUp }, values) {
  if (lookUp?.data && lookUp.descriptor) return Float32Array.from(values, lookedUp(lookUp));
  if (slope === 1 && intercept === 0) return values.BYTES_PER_ELEMENT > 2 ? Float32Array.from(values) : values;
  if (Number.isInteger(slope) && Number.isInteger(intercept)) {
    let [low, high] = [Infinity, -Infinity];
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    const ends = [low * slope + intercept, high * slope + intercept];
    if (Math.min(...ends) >= -32768 && Math.max(...ends) <= 32767) {
      const found = new Int16Array(values.length);
      for (let at = 0; at < values.length; at++) found[at] = values[at] * slope + intercept;
      return found;
    }
  }
  const found = new Float32Array(values.length);
  for (let at = 0; at < values.length; at++) found[at] = values[at] * slope + intercept;
  return found;
}

function lookedUp({ descriptor: [entries, begin], data }) {
  const last = (entries || 65536) - 1;
  return (value) => data[Math.min(Math.max(value - begin, 0), last)];
}

function rgb(shape, stored, transferSyntax) {
  const found = new Uint8ClampedArray(shape.rows * shape.columns * 3);
  const bytes = stored.BYTES_PER_ELEMENT > 1 ? Uint8Array.from(stored, (value) => value >> (shape.stored - 8)) : stored;
  const isYbr = shape.photometric === "YBR_FULL" && !JPEG_LOSSY.has(transferSyntax); // That decoder gives RGB.
  if (isYbr) (shape.planar ? convertYBRFullByPlane : convertYBRFullByPixel)(bytes, found, false);
  else if (shape.planar && NATIVE.has(transferSyntax)) convertRGBColorByPlane(bytes, found, false);
  else found.set(bytes.subarray(0, found.length));
  return new Uint8Array(found.buffer);
}

// Our pictures as cornerstone's images: one loader (scheme "frames:") and one metadata provider. cornerstone sees each
// picture in a plane of its own, x to the right and y down in mm: where it lies in the patient is kept in geometry.js,
// so odd headers cannot bend what is drawn, and distances in the plane are distances.

import { getShouldUseCPURendering, imageLoader, metaData, utilities } from "@cornerstonejs/core";

import { bulkData, frameOf } from "./dicomweb.js";
import { decoded } from "./decode.js";
import { isColour, ownWindow, statisticsOf } from "./windows.js";

const known = new Map(); // id → picture
const statistics = new Map();

export const remember = (pictures) => pictures.forEach((picture) => known.set(picture.id, picture));
export const pictureOf = (id) => known.get(id);
export const statisticsFor = (id) => statistics.get(id) ?? { min: 0, max: 255, low: 0, high: 255 };

/** A point of cornerstone's plane from the centre of the first pixel; on the processor it counts from its corner. */
export function fromFirstCentre(picture, [x, y]) {
  const half = getShouldUseCPURendering() ? 0.5 : 0;
  return [x - half * picture.spacing.column, y - half * picture.spacing.row];
}

export function startImages() {
  imageLoader.registerImageLoader("frames", (id) => ({ promise: fetched(known.get(id)) }));
  metaData.addProvider(provide, 100_000);
}

/** The picture as cornerstone's image. Raises NotAnswered, and Error for what cannot be decoded. */
export async function fetched(picture) {
  const { bytes, transferSyntax } = await frameOf(picture);
  const { pixels, components } = await decoded(picture, bytes, transferSyntax, bulkData);
  return imageOf(picture, pixels, components);
}

function imageOf(picture, pixels, components) {
  const { rows, columns } = picture.shape;
  const found = components === 1 ? statisticsOf(pixels, paddingInUnits(picture.tone)) : { min: 0, max: 255, low: 0, high: 255 };
  statistics.set(picture.id, found);
  const window = components === 1 ? ownWindow(picture, found) : { center: 128, width: 256 };
  const image = {
    imageId: picture.id,
    dataType: pixels.constructor.name,
    color: components === 3,
    rgba: false,
    numberOfComponents: components,
    rows,
    columns,
    height: rows,
    width: columns,
    rowPixelSpacing: picture.spacing.row,
    columnPixelSpacing: picture.spacing.column,
    slope: 1,
    intercept: 0,
    invert: picture.shape.photometric === "MONOCHROME1",
    minPixelValue: found.min,
    maxPixelValue: found.max,
    windowCenter: window.center,
    windowWidth: window.width,
    voiLUTFunction: picture.tone.curve,
    sizeInBytes: pixels.byteLength,
    preScale: { enabled: true, scaled: true, scalingParameters: { rescaleSlope: 1, rescaleIntercept: 0, modality: picture.modality } },
    voxelManager: utilities.VoxelManager.createImageVoxelManager({ scalarData: pixels, width: columns, height: rows, numberOfComponents: components }),
    getPixelData: () => pixels,
  };
  if (image.color) image.getCanvas = () => canvasOf(pixels, rows, columns);
  return image;
}

const paddingInUnits = ({ padding, slope, intercept }) => padding?.map((value) => value * slope + intercept).sort((a, b) => a - b) ?? null;

function canvasOf(pixels, rows, columns) {
  const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  const data = new ImageData(columns, rows);
  for (let from = 0, to = 0; from < pixels.length; from += 3, to += 4) {
    data.data.set([pixels[from], pixels[from + 1], pixels[from + 2], 255], to);
  }
  canvas.getContext("2d").putImageData(data, 0, 0);
  return canvas;
}

function provide(type, id) {
  const picture = known.get(id);
  if (!picture) return undefined;
  const { shape, spacing, tone } = picture;
  switch (type) {
    case "imagePlaneModule":
      return {
        frameOfReferenceUID: `${picture.series}/plane`,
        rows: shape.rows,
        columns: shape.columns,
        imageOrientationPatient: [1, 0, 0, 0, 1, 0],
        rowCosines: [1, 0, 0],
        columnCosines: [0, 1, 0],
        imagePositionPatient: [0, 0, 0],
        pixelSpacing: [spacing.row, spacing.column],
        rowPixelSpacing: spacing.row,
        columnPixelSpacing: spacing.column,
        usingDefaultValues: false,
      };
    case "imagePixelModule":
      return {
        rows: shape.rows,
        columns: shape.columns,
        samplesPerPixel: isColour(picture) ? 3 : 1,
        photometricInterpretation: isColour(picture) ? "RGB" : shape.photometric,
        bitsAllocated: isColour(picture) ? 8 : shape.allocated,
        bitsStored: isColour(picture) ? 8 : shape.stored,
        highBit: isColour(picture) ? 7 : shape.stored - 1,
        pixelRepresentation: shape.signed ? 1 : 0,
        planarConfiguration: 0,
      };
    case "generalSeriesModule":
      return { modality: picture.modality, seriesInstanceUID: picture.series, seriesNumber: picture.number };
    case "generalImageModule":
      return { sopInstanceUID: picture.instance, instanceNumber: picture.number };
    case "sopCommonModule":
      return { sopInstanceUID: picture.instance };
    case "modalityLutModule":
      return { rescaleSlope: 1, rescaleIntercept: 0 };
    case "voiLutModule":
      return { windowCenter: [tone.windows[0]?.center], windowWidth: [tone.windows[0]?.width] };
    default:
      return undefined;
  }
}

// The part of @cornerstonejs/metadata that cornerstone itself uses to draw. The rest (rules that need the whole data
// dictionary, readers of files) is not in our bundle: our pictures are described by pictures.js.
import CalibrationTypes from "cornerstone-metadata/enums/CalibrationTypes.js";
import MetadataModules from "cornerstone-metadata/enums/MetadataModules.js";
import calibratedPixelSpacingMetadataProvider from "cornerstone-metadata/utilities/calibratedPixelSpacingMetadataProvider.js";
import { calculateRadiographicPixelSpacing, getERMF, getPixelSpacingInformation } from "cornerstone-metadata/utilities/getPixelSpacingInformation.js";
import imageIdToURI from "cornerstone-metadata/utilities/imageIdToURI.js";
import isVideoTransferSyntax, { videoUIDs } from "cornerstone-metadata/utilities/isVideoTransferSyntax.js";

export * as metaData from "cornerstone-metadata/metaData.js";
export const Enums = { CalibrationTypes, MetadataModules };
export const utilities = {
  calculateRadiographicPixelSpacing,
  calibratedPixelSpacingMetadataProvider,
  getERMF,
  getPixelSpacingInformation,
  imageIdToURI,
  isVideoTransferSyntax,
  videoUIDs,
};

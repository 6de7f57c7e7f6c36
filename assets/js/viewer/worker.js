// The decoder's worker. Its codecs tell all about each frame on the console; what fails is told in the picture's place.

import "dicom-image-loader/decodeImageFrameWorker.js";

for (const level of ["log", "info", "debug", "warn", "error"]) console[level] = () => {};

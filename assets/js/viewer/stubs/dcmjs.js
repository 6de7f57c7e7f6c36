// Stands for dcmjs (700 KB, most of it the data dictionary): our own code reads metadata (dicom_json.js), and
// what is left of cornerstone's metadata needs only its logger, of which only errors speak.

const silent = () => {};
const logger = { trace: silent, debug: silent, info: silent, warn: silent, log: silent, error: (...words) => console.error(...words), setLevel: silent, getLevel: () => 4, getLogger: () => ({ ...logger }) };

export const log = logger;
export const constants = {};
export default { log, constants };

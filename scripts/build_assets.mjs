// Builds what the browser loads from npm packages and from assets/:
//
//   static/js/app.js              assets/js bundled with htmx, minified
//   static/js/viewer/             the image component, see build_viewer.mjs
//   static/img/icons.svg          one sprite of the Tabler icons named in assets/icons.txt
//   static/fonts/*.woff2          Inter and IBM Plex Mono, with static/css/fonts.css that names them
//   static/css/calendar-grid.css  positions of calendar slots as classes (the policy forbids inline styles)
//   */*.LICENSE.txt               the licence of each package, beside what was taken from it
//   static/checksums.sha256       the digest of every file above
//
// Usage: node scripts/build_assets.mjs [--check]
// With --check nothing is written; exit 1 names the committed files that differ from a fresh build.
// Everything is committed, so Node.js is needed only for rebuilding: `npm ci`, then `npm run build`.

import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { viewerFiles } from "./build_viewer.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const PACKAGES = join(ROOT, "node_modules");

const INTER_SUBSETS = ["cyrillic-ext", "cyrillic", "greek-ext", "greek", "vietnamese", "latin-ext", "latin"];
const MONO_SUBSETS = ["latin-ext", "latin"];

// Five-minute rows of a day, and as many columns (rooms) as one calendar may show.
const CALENDAR_ROWS = 288;
const CALENDAR_COLUMNS = 24;

const fromPackage = (...path) => readFile(join(PACKAGES, ...path));

async function bundle() {
  const result = await build({
    entryPoints: [join(ROOT, "assets/js/app.js")],
    nodePaths: [PACKAGES],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    banner: { js: "/* Sources: assets/js. Contains htmx 4, see htmx.LICENSE.txt. Built by scripts/build_assets.mjs. */" },
    write: false,
    logLevel: "silent",
  });
  return result.outputFiles[0].contents;
}

async function sprite() {
  const names = (await readFile(join(ROOT, "assets/icons.txt"), "utf8")).split("\n").filter(Boolean);
  const symbols = await Promise.all(names.map(async (name) => {
    const svg = await fromPackage("@tabler/icons/icons/outline", `${name}.svg`).then(String);
    const shapes = svg
      .replace(/<!--[\s\S]*?-->/g, "")
      .replace(/^[\s\S]*?<svg[^>]*>/, "")
      .replace(/<\/svg>\s*$/, "")
      .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none" ?\/>/, "")
      .replace(/\s+/g, " ")
      .replaceAll("> <", "><")
      .replaceAll(" />", "/>")
      .trim();
    return `<symbol id="${name}" viewBox="0 0 24 24">${shapes}</symbol>`;
  }));
  return `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`;
}

// The @font-face rules of a package, with our file names, family names and the unicode ranges kept.
async function fontFaces(packageName, sheets, family) {
  const css = (await Promise.all(sheets.map((sheet) => fromPackage(packageName, sheet)))).join("\n");
  return css
    .replace(/font-family: '[^']+'/g, `font-family: "${family}"`)
    .replace(/src: url\(\.\/files\/([^)]+\.woff2)\) format\('[^']+'\)[^;]*;/g, 'src: url("../fonts/$1") format("woff2");');
}

async function fonts() {
  const files = {};
  for (const subset of INTER_SUBSETS) {
    const name = `inter-${subset}-wght-normal.woff2`;
    files[`static/fonts/${name}`] = await fromPackage("@fontsource-variable/inter/files", name);
  }
  for (const subset of MONO_SUBSETS) {
    const name = `ibm-plex-mono-${subset}-400-normal.woff2`;
    files[`static/fonts/${name}`] = await fromPackage("@fontsource/ibm-plex-mono/files", name);
  }
  // The latin-ext sheet of IBM Plex Mono carries its range only in the sheet of all subsets.
  const mono = (await fontFaces("@fontsource/ibm-plex-mono", ["400.css"], "IBM Plex Mono"))
    .split("\n\n").filter((rule) => MONO_SUBSETS.some((subset) => rule.includes(`mono-${subset}-400`)));
  files["static/css/fonts.css"] = [
    "/* Built by scripts/build_assets.mjs. Each file is fetched only when a character of its range is on the page. */",
    await fontFaces("@fontsource-variable/inter", ["wght.css"], "Inter"),
    ...mono,
  ].join("\n\n").trim() + "\n";
  return files;
}

// .cal-r0 is the first five minutes of the shown day (grid row 1 is the head), .cal-d6 lasts 30 minutes,
// .cal-c1 is the first room (grid column 1 is the gutter with the hours). .cal-rooms-6 has six rooms;
// .cal-shows-2 shows the second one alone on a phone.
function calendarGrid() {
  const rules = [];
  for (let row = 0; row < CALENDAR_ROWS; row++) rules.push(`.cal-r${row}{grid-row-start:${row + 2}}`);
  for (let span = 1; span <= CALENDAR_ROWS; span++) rules.push(`.cal-d${span}{grid-row-end:span ${span}}`);
  for (let column = 1; column <= CALENDAR_COLUMNS; column++) rules.push(`.cal-c${column}{grid-column:${column + 1}}`);
  for (let rooms = 1; rooms <= CALENDAR_COLUMNS; rooms++) {
    rules.push(`.cal-rooms-${rooms}{grid-template-columns:48px repeat(${rooms},minmax(104px,1fr))}`);
  }
  const phone = ["[class*=cal-rooms-]{grid-template-columns:48px minmax(0,1fr)}"];
  for (let room = 1; room <= CALENDAR_COLUMNS; room++) {
    phone.push(`.cal-shows-${room} [data-column]:not([data-column="${room}"]){display:none}`, `.cal-shows-${room} .cal-c${room}{grid-column:2}`);
  }
  rules.push("@media (max-width:680px){", ...phone, "}");
  return `/* Built by scripts/build_assets.mjs: see calendarGrid() there. */\n@layer parts{\n${rules.join("\n")}\n}\n`;
}

async function everything() {
  const files = {
    "static/js/app.js": await bundle(),
    "static/img/icons.svg": await sprite(),
    "static/css/calendar-grid.css": calendarGrid(),
    ...(await fonts()),
    ...(await viewerFiles(ROOT)),
    "static/js/htmx.LICENSE.txt": await fromPackage("htmx.org/LICENSE"),
    "static/img/tabler-icons.LICENSE.txt": await fromPackage("@tabler/icons/LICENSE"),
    "static/fonts/inter.LICENSE.txt": await fromPackage("@fontsource-variable/inter/LICENSE"),
    "static/fonts/ibm-plex-mono.LICENSE.txt": await fromPackage("@fontsource/ibm-plex-mono/LICENSE"),
  };
  const digest = (content) => createHash("sha256").update(content).digest("hex");
  files["static/checksums.sha256"] = Object.keys(files).sort()
    .map((path) => `${digest(files[path])}  ${path}\n`).join("");
  return files;
}

// Files of an earlier build: names with a digest come and go.
async function strangers(files) {
  const folder = "static/js/viewer";
  const found = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = found.filter((one) => one.isFile()).map((one) => relative(ROOT, join(one.parentPath ?? one.path, one.name)));
  return paths.filter((path) => !(path in files));
}

const files = await everything();

if (process.argv.includes("--check")) {
  const differing = [];
  for (const [path, content] of Object.entries(files)) {
    const committed = await readFile(join(ROOT, path)).catch(() => null);
    if (!committed?.equals(Buffer.from(content))) differing.push(path);
  }
  differing.push(...(await strangers(files)));
  if (differing.length) {
    process.stderr.write(`Differs from a fresh build, run "npm run build":\n  ${differing.join("\n  ")}\n`);
    process.exit(1);
  }
  process.stdout.write(`${Object.keys(files).length} built files are up to date.\n`);
} else {
  for (const path of await strangers(files)) await rm(join(ROOT, path));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(ROOT, path)), { recursive: true });
    await writeFile(join(ROOT, path), content);
  }
  process.stdout.write(`Wrote ${Object.keys(files).length} files under static/.\n`);
}

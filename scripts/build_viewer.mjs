// Builds the image component from assets/js/viewer and cornerstone:
//
//   static/js/viewer/main.js             what a page loads
//   static/js/viewer/*-<digest>.js       what main.js fetches: the drawing engine, and the decoder's worker
//   static/js/viewer/codecs-<digest>/    WebAssembly codecs, each fetched when a picture needs it
//   static/js/viewer/LICENSES.txt        the licences of every package in them
//
// Names carry a digest, because a browser keeps them and only main.js is addressed with one.

import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";

const TARGET = "static/js/viewer";
const CODECS = {
  "codec-charls": "charlswasm_decode.wasm",
  "codec-libjpeg-turbo-8bit": "libjpegturbowasm_decode.wasm",
  "codec-libjxl": "jpegxlwasm_decode.wasm",
  "codec-openjpeg": "openjpegwasm_decode.wasm",
  "codec-openjph": "openjphjs.wasm",
};

// The content security policy stops setAttribute("style"); the property does the same and is allowed.
const PATCHES = [
  {
    file: /tools[\\/]dist[\\/]esm[\\/]drawingSvg[\\/]drawTextBox\.js$/,
    from: "textElement.setAttribute('style', combinedStyle);",
    to: "textElement.style.cssText = combinedStyle;",
  },
];

const digest = (content) => createHash("sha256").update(content).digest("hex").slice(0, 8);

function patches() {
  const applied = new Set();
  const plugin = {
    name: "patches",
    setup(made) {
      for (const patch of PATCHES) {
        made.onLoad({ filter: patch.file }, async ({ path }) => {
          const source = await readFile(path, "utf8");
          if (source.split(patch.from).length !== 2) throw new Error(`${path} has changed: the patch "${patch.from}" does not fit once`);
          applied.add(patch);
          return { contents: source.replace(patch.from, patch.to), loader: "js" };
        });
      }
    },
  };
  const check = () => {
    const missed = PATCHES.filter((patch) => !applied.has(patch));
    if (missed.length) throw new Error(`no file matches the patch of ${missed.map(({ file }) => file).join(", ")}`);
  };
  return { plugin, check };
}

export async function viewerFiles(root) {
  const sources = join(root, "assets/js/viewer");
  const packages = join(root, "node_modules");
  const ours = join(packages, "@cornerstonejs");
  const stub = (name) => join(sources, "stubs", name);
  const common = {
    nodePaths: [packages],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    metafile: true,
    write: false,
    logLevel: "silent",
    outdir: join(root, TARGET),
    alias: {
      "dicom-image-loader": join(ours, "dicom-image-loader/dist/esm"),
      "cornerstone-metadata": join(ours, "metadata/dist/esm"),
      "@cornerstonejs/metadata": stub("metadata.js"),
      dcmjs: stub("dcmjs.js"),
      xmlbuilder2: stub("none.js"),
      fs: stub("none.js"),
      path: stub("none.js"),
    },
    banner: { js: "/* Sources: assets/js/viewer and cornerstone3D, see LICENSES.txt. Built by scripts/build_assets.mjs. */" },
  };
  const files = {};
  const codecs = await Promise.all(Object.entries(CODECS).map(async ([name, file]) => [file, await readFile(join(ours, name, "dist", file))]));
  const folder = `codecs-${digest(Buffer.concat(codecs.map(([, content]) => content)))}/`;
  for (const [file, content] of codecs) files[`${TARGET}/${folder}${file}`] = content;

  const worker = await build({ ...common, entryPoints: [join(sources, "worker.js")] });
  const [{ contents }] = worker.outputFiles;
  const script = `decode-${digest(contents)}.js`;
  files[`${TARGET}/${script}`] = contents;

  const patched = patches();
  const page = await build({
    ...common,
    entryPoints: [join(sources, "main.js")],
    splitting: true,
    chunkNames: "[name]-[hash]",
    plugins: [patched.plugin],
    define: { WORKER: JSON.stringify(script), CODECS: JSON.stringify(folder) },
  });
  patched.check();
  for (const { path, contents: content } of page.outputFiles) files[`${TARGET}/${basename(path)}`] = content;
  files[`${TARGET}/LICENSES.txt`] = await licences(root, packages, [worker.metafile, page.metafile]);
  return files;
}

// What is compiled into the codecs, beside their own licence; and who brings none but says it elsewhere.
const KEPT = {
  "@cornerstonejs/codec-charls": "charls",
  "@cornerstonejs/codec-libjpeg-turbo-8bit": "libjpeg-turbo",
  "@cornerstonejs/codec-libjxl": "libjxl",
  "@cornerstonejs/codec-openjpeg": "openjpeg",
  "@cornerstonejs/codec-openjph": "openjph",
  seedrandom: "seedrandom",
};
const SAME_PROJECT = { from: "@cornerstonejs/", text: "@cornerstonejs/dicom-image-loader" };

async function licences(root, packages, metafiles) {
  const inputs = metafiles.flatMap(({ outputs }) => Object.values(outputs).flatMap((output) => Object.keys(output.inputs)));
  const nameOf = (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path.replaceAll("\\", "/"))?.[1];
  const names = new Set([...inputs.map(nameOf).filter(Boolean), ...Object.keys(CODECS).map((name) => `@cornerstonejs/${name}`)]);
  const rule = "=".repeat(78);
  const parts = await Promise.all([...names].sort().map(async (name) => {
    const { version, license } = JSON.parse(await readFile(join(packages, name, "package.json"), "utf8"));
    return [rule, `${name} ${version} (${license})`, rule, "", await licenceText(root, packages, name)].join("\n");
  }));
  return `${parts.join("\n\n")}\n`;
}

async function licenceText(root, packages, name) {
  const file = (await readdir(join(packages, name))).find((one) => /^licen[cs]e([.-]|$)/i.test(one));
  const texts = file ? [await readFile(join(packages, name, file), "utf8")] : [];
  if (KEPT[name]) texts.push(await readFile(join(root, "assets/licences", `${KEPT[name]}.txt`), "utf8"));
  else if (!file && name.startsWith(SAME_PROJECT.from)) return licenceText(root, packages, SAME_PROJECT.text);
  if (!texts.length) throw new Error(`${name} brings no licence: put it into assets/licences and name it in KEPT`);
  return texts.map((text) => text.trim()).join("\n\n");
}

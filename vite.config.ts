import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import {
  builtInLicences,
  compactShaders,
  ignoredByBundlers,
  loadedModules,
  opsModule,
} from "./scripts/build-plugins.mjs";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The entries that package.json names: "./data" is built from src/data/index.ts into dist/data.js. */
const names = Object.keys(JSON.parse(readFileSync(path("package.json"), "utf8")).exports);
const entry = Object.fromEntries(
  names.map((name) =>
    name === "." ? ["index", path("src/index.ts")] : [name.slice(2), path(`src/${name.slice(2)}/index.ts`)],
  ),
);
/** The namespace `ops`, which `wgrad` exports. */
entry["shared/ops"] = path("src/ops.ts");

/**
 * What every page loads that trains: in one file, where gzip sees all that its parts have in common, but for the little
 * that data sets need, too, which then load no more than that.
 */
const training = loadedModules(path("src/index.ts"));
const data = loadedModules(path("src/data/index.ts"));
const tables = loadedModules(path("src/csv/index.ts"));
/** The wasm engine, in one file, of which its kernels that are loaded later import parts. */
const engine = loadedModules(path("src/wasm/index.ts"));
const groups = [
  { name: "common", test: (id: string) => training.has(id) && tables.has(id), priority: 4 },
  { name: "kept", test: (id: string) => training.has(id) && data.has(id), priority: 3 },
  { name: "core", test: (id: string) => training.has(id), priority: 2 },
  // What other engines load as well.
  { name: "plan", test: (id: string) => id.endsWith("/src/runtime/plan.ts"), priority: 1 },
  { name: "wasmEngine", test: (id: string) => engine.has(id) && id.includes("/src/wasm/") },
];

/** The modules of one build: one for each entry of the package, and what they share in chunks of their own. */
const modules = (folder: string) => ({
  dir: path(folder),
  entryFileNames: "[name].js",
  chunkFileNames: "shared/[name].js",
  postBanner: builtInLicences,
  codeSplitting: { groups },
});

/**
 * The library, twice: readable, for Node, Deno and the bundlers of applications, so that errors show names and lines; and
 * minified below dist/min, with white space, too, for pages that load the files as they are.
 */
export default defineConfig({
  plugins: [compactShaders(), ignoredByBundlers(), opsModule()],
  // Its modules as they were written, out of which what is not used is left; for Node, its package names one that holds all.
  resolve: { alias: { "ml-matrix": path("node_modules/ml-matrix/src/index.js") } },
  build: {
    target: "es2022",
    sourcemap: true,
    reportCompressedSize: false,
    lib: { entry },
    rolldownOptions: {
      // What is loaded later, and by an entry as well, is named anew in a little module: merged with its code, it would
      // need the bundler's own module, which is larger.
      experimental: { chunkOptimization: { mergeCommonChunks: false } },
      external: ["webgpu", /^node:/],
      // What fills tables of pako's deflate, which nobody calls: half of the package.
      treeshake: { manualPureFunctions: ["Config", "zero$1"] },
      output: [
        { ...modules("dist"), minify: false, minifyInternalExports: false },
        {
          ...modules("dist/min"),
          minify: true,
          minifyInternalExports: true,
          // Marks of calls without side effects are for the bundlers of applications, which take the readable files.
          comments: { legal: true, annotation: false, jsdoc: false },
        },
      ],
    },
  },
});

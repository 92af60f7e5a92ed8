import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import {
  builtInLicences,
  ignoredByBundlers,
  loadedModules,
  strippedShaders,
} from "./scripts/build-plugins.mjs";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The entries that package.json names: "./data" is built from src/data/index.ts into dist/data.js. */
const names = Object.keys(JSON.parse(readFileSync(path("package.json"), "utf8")).exports);
const entry = Object.fromEntries(
  names.map((name) =>
    name === "." ? ["index", path("src/index.ts")] : [name.slice(2), path(`src/${name.slice(2)}/index.ts`)],
  ),
);

/**
 * What every page loads that trains: in one file, where gzip sees all that its parts have in common, but for the little
 * that data sets need, too, which then load no more than that.
 */
const training = loadedModules(path("src/index.ts"));
const data = loadedModules(path("src/data/index.ts"));
const groups = [
  { name: "common", test: (id: string) => training.has(id) && data.has(id), priority: 1 },
  { name: "core", test: (id: string) => training.has(id) || /wgsl|shaders$/.test(id) },
];

/** The library: one ES module per entry of the package, and what they share in chunks of their own. */
export default defineConfig({
  plugins: [strippedShaders(), ignoredByBundlers()],
  build: {
    target: "es2022",
    sourcemap: true,
    reportCompressedSize: false,
    lib: {
      entry,
      formats: ["es"],
    },
    rolldownOptions: {
      external: ["webgpu", /^node:/],
      // White space, too, which Vite leaves in libraries: a page may load these files as they are.
      output: {
        chunkFileNames: "shared/[name].js",
        minify: true,
        postBanner: builtInLicences,
        codeSplitting: { groups },
      },
    },
  },
});

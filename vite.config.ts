import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { ignoredByBundlers, strippedShaders } from "./scripts/build-plugins.mjs";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The entries that package.json names: "./data" is built from src/data/index.ts into dist/data.js. */
const names = Object.keys(JSON.parse(readFileSync(path("package.json"), "utf8")).exports);
const entry = Object.fromEntries(
  names.map((name) => (name === "." ? ["index", path("src/index.ts")] : [name.slice(2), path(`src/${name.slice(2)}/index.ts`)])),
);

/** The library: one ES module per entry of the package, and what both share in a chunk of its own. */
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
      output: { chunkFileNames: "shared/[name].js", minify: true },
    },
  },
});

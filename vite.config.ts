import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { ignoredByBundlers, strippedShaders } from "./scripts/build-plugins.mjs";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The library: one ES module per entry of the package, and what both share in a chunk of its own. */
export default defineConfig({
  plugins: [strippedShaders(), ignoredByBundlers()],
  build: {
    target: "es2022",
    sourcemap: true,
    reportCompressedSize: false,
    lib: {
      entry: { index: path("src/index.ts"), data: path("src/data/index.ts") },
      formats: ["es"],
    },
    rolldownOptions: {
      external: ["webgpu", /^node:/],
      // White space, too, which Vite leaves in libraries: a page may load these files as they are.
      output: { chunkFileNames: "shared/[name].js", minify: true },
    },
  },
});

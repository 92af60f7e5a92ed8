import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { peersInPage } from "./compare/peers.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The entries of the built package, as users import them: "wgrad/data" is dist/data.js. */
const exported: Record<string, { default: string }> = JSON.parse(
  readFileSync(path("../../package.json"), "utf8"),
).exports;
const alias = Object.entries(exported).map(([name, entry]) => ({
  find: new RegExp(`^wgrad${name.slice(1)}$`),
  replacement: path(`../../${entry.default}`),
}));

const peers = peersInPage();

/** They isolate the page, so that threads of WebAssembly may share memory; other servers: docs/wasm.md. */
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** The page: `npm run demo` serves it, `npm run build:demo` writes it into demo/dist. */
export default defineConfig({
  root: path("."),
  // Relative addresses, so that the built page works below any path.
  base: "./",
  resolve: { alias: [...alias, ...peers.alias] },
  define: peers.define,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "es" },
  server: { headers },
  preview: { headers },
  build: {
    outDir: path("../dist"),
    emptyOutDir: true,
    target: "es2022",
    reportCompressedSize: false,
  },
});

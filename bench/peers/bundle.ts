/** The candidates as modules that run anywhere, each with its library in it, and the libraries that this takes. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The package of the other libraries: wgrad's own depends on none of them. */
const OTHERS = path("others");
const WASM_BINARIES = "node_modules/@tensorflow/tfjs-backend-wasm/dist";

/** A module for each library. */
const SOURCES = {
  wgrad: path("wgrad.ts"),
  tensorflow: join(OTHERS, "tensorflow.ts"),
  jax: join(OTHERS, "jax.ts"),
} as const;
const CALLS = path("hosts/calls.ts");
/** The module that runs them in Node. */
export const CHILD = "child.mjs";

export type Library = keyof typeof SOURCES;

export function othersInstalled(folder = OTHERS): boolean {
  return existsSync(join(folder, WASM_BINARIES));
}

/**
 * Installs the other libraries, if they are not.
 * @throws Error with the remedy, where that fails
 */
export function installOthers(note: (line: string) => void, folder = OTHERS): void {
  if (othersInstalled(folder)) return;
  note(`installing the libraries to compare with, in ${folder}`);
  // Nothing of theirs runs while it is installed. Without a network, npm would go on trying for a minute.
  const patience = ["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"];
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", ...patience];
  const { status, stderr, error } = spawnSync("npm", args, {
    cwd: folder,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (status === 0) return;
  const [words = `exit code ${status}`] = [error?.message, ...npmErrors(stderr)].filter(Boolean);
  throw new Error(
    `the libraries to compare with cannot be installed: ${words}; try \`npm ci\` in ${folder}, or measure wgrad alone with --candidates wgrad`,
  );
}

/** npm's error messages, a line each, without codes. */
function npmErrors(stderr: string | null): string[] {
  return [...(stderr ?? "").matchAll(/^npm error (?!code|errno|syscall)(\S.*)$/gm)].map(([, words]) => words);
}

/**
 * Writes `<library>.mjs` for each of `libraries` into `folder`, and `calls.mjs`, through which a host uses them.
 * A module has all in it that it needs, and starts as fast as it can.
 */
export async function bundle(
  libraries: readonly Library[],
  platform: "node" | "browser",
  folder: string,
): Promise<void> {
  const inNode = platform === "node";
  // Loaded where it is needed: it would cost every start of a benchmark a quarter of a second.
  const { build } = await import("vite");
  await build({
    configFile: false,
    logLevel: "error",
    publicDir: false,
    resolve: {
      mainFields: ["module", "main"],
      alias: [
        // The package as it is published.
        { find: /^wgrad$/, replacement: path("../../dist/index.js") },
        { find: /^wgrad\/data$/, replacement: path("../../dist/data.js") },
        { find: /^wgrad\/wasm$/, replacement: path("../../dist/wasm.js") },
      ],
    },
    // A loader of WebAssembly looks for its binaries beside itself.
    define: inNode ? { __dirname: "import.meta.dirname" } : {},
    ssr: { noExternal: true },
    build: {
      ssr: inNode,
      outDir: folder,
      emptyOutDir: false,
      target: "es2022",
      minify: false,
      reportCompressedSize: false,
      modulePreload: false,
      rolldownOptions: {
        input: {
          ...Object.fromEntries(libraries.map((library) => [library, SOURCES[library]])),
          calls: CALLS,
        },
        preserveEntrySignatures: "strict",
        output: { entryFileNames: "[name].mjs", chunkFileNames: "[name]-[hash].mjs" },
      },
    },
  });
  copyFileSync(path(`hosts/${CHILD}`), join(folder, CHILD));
  if (!libraries.includes("tensorflow")) return;
  const binaries = join(OTHERS, WASM_BINARIES);
  for (const name of readdirSync(binaries).filter((name) => name.endsWith(".wasm")))
    copyFileSync(join(binaries, name), join(folder, name));
}

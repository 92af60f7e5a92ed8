/** The program that holds every kernel against its twin: its cases are those of the tests. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SOURCE = join(ROOT, "test", "platforms", "twins.ts");
/** Its file in a folder, and in the archive's program. */
export const TWINS = "twins.js";

/** Writes the program into a folder, in one file with all in it but Dawn. */
export async function bundleTwins(folder: string): Promise<void> {
  // Loaded where it is needed: it would cost every start of a benchmark a quarter of a second.
  const { build } = await import("vite");
  await build({
    root: ROOT,
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    ssr: { noExternal: true, external: ["webgpu"] },
    build: {
      ssr: SOURCE,
      outDir: folder,
      emptyOutDir: false,
      target: "node20",
      minify: true,
      reportCompressedSize: false,
      rolldownOptions: { output: { entryFileNames: TWINS, codeSplitting: false } },
    },
  });
}

/** Calls `body` with the path of the program: the one beside this module in the archive, or one made for the occasion. */
export async function withTwins<T>(packed: boolean, body: (path: string) => Promise<T>): Promise<T> {
  if (packed) return body(fileURLToPath(new URL(TWINS, import.meta.url)));
  // In the repository, where it finds its packages.
  await mkdir(join(ROOT, ".cache"), { recursive: true });
  const folder = await mkdtemp(join(ROOT, ".cache", "twins-"));
  try {
    await bundleTwins(folder);
    return await body(join(folder, TWINS));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The WebGPU implementations that tests can reach: Dawn in Node, wgpu in Deno, Chromium's on SwiftShader. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "../../src/runtime/gpu/connect.ts";
import { decode, encode, type ProgramRun, runAll } from "../platforms/programs.js";
import { launchChromium } from "./chromium.ts";
import { installed, ROOT, runNode } from "./programs.ts";
import { serve } from "./static-server.ts";

const MINUTES = 60_000;

export interface Ran {
  /** As the adapter calls itself. */
  readonly adapter: string;
  /** Whether the engine takes it for a processor that plays a GPU. */
  readonly narrow: boolean;
  /** Invocations of a subgroup, where shaders can use those. */
  readonly subgroupSize?: number;
  /** What each of the runs gave. */
  readonly found: Record<string, Float32Array | Int32Array | Uint8Array>[];
}

/** Runs programs; `folder` is an empty one for what that needs. */
type Adapter = (runs: readonly ProgramRun[], folder: string) => Promise<Ran>;

export const ADAPTERS: Readonly<Record<string, Adapter>> = {
  async Node(runs) {
    const gpu = await connect();
    try {
      return decode(await runAll(gpu, encode(runs)));
    } finally {
      await gpu.destroy();
    }
  },

  async Deno(runs, folder) {
    const file = join(folder, "programs.json");
    await writeFile(file, encode(runs));
    const args = ["run", "--no-prompt", "--no-remote", "--no-npm", `--allow-read=${folder}`];
    const { stdout } = await runNode(
      [
        installed("deno/bin.cjs"),
        ...args,
        "--config=demo/deno/deno.json",
        "test/platforms/programs-deno.js",
        file,
      ],
      { env: { DENO_DIR: folder, DENO_NO_UPDATE_CHECK: "1" }, timeoutMs: 4 * MINUTES },
    );
    return decode(stdout);
  },

  async Chromium(runs, folder) {
    const server = await serve(ROOT, ["dist", "test/platforms"]);
    const browser = await launchChromium(folder);
    try {
      const page = await browser.newPage();
      await page.goto(`${server.origin}/test/platforms/programs.html`);
      await page.waitForFunction("globalThis.runPrograms");
      const text = await page.evaluate(
        (text) => (globalThis as unknown as { runPrograms(runs: string): Promise<string> }).runPrograms(text),
        encode(runs),
      );
      return decode(text);
    } finally {
      await browser.close();
      await server.close();
    }
  },
};

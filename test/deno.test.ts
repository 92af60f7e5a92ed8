/** The built package in Deno, whose WebGPU (wgpu) is not the one that Node and Chromium have (Dawn). */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expectSameFigures, expectSameLosses } from "./helpers/curve.ts";
import { deno as runDeno } from "./helpers/deno.ts";
import { needsBuild, ROOT, useTemporaryFolder } from "./helpers/programs.ts";

const MINUTES = 60_000;
const STEPS = 10;

needsBuild();
const cache = useTemporaryFolder();

const deno = (args: string[], mnistFolder?: string, env: Readonly<Record<string, string>> = {}) =>
  runDeno(cache.path, args, { MNIST_DIR: mnistFolder, ...env });

describe("Deno", () => {
  it(
    "gives a row of results for each step of a first run, too",
    async () => {
      const { stdout } = await deno(["--allow-env=MNIST_DIR", "test/platforms/rows.js"]);
      const [gpu, twin] = stdout.trim().split("\n").slice(-2);
      expect(JSON.parse(gpu)).toEqual(JSON.parse(twin));
      expect(JSON.parse(gpu).sum).toEqual([7, 14, 21, 28, 35]);
    },
    2 * MINUTES,
  );

  it(
    "trains by the demo, on drawn digits where it may not fetch MNIST, and ends",
    async () => {
      const sizes = ["--train", "1600", "--test", "500", "--epochs", "3", "--batch", "32"];
      const { stdout } = await deno(["--allow-env=MNIST_DIR", "demo/deno/train.ts", ...sizes]);
      expect(stdout).toContain("MNIST could not be fetched: these are drawn digits instead");
      const lines = [...stdout.matchAll(/^epoch (\d): loss ([\d.]+), test accuracy ([\d.]+) %/gm)];
      expect(lines.map(([, epoch]) => epoch)).toEqual(["1", "2", "3"]);
      const losses = lines.map(([, , loss]) => Number(loss));
      expect(losses[2]).toBeLessThan(losses[0] / 2);
      expect(losses[1]).toBeLessThan(losses[0]);
      const accuracy = Number(lines[2][3]);
      expect(accuracy).toBeGreaterThan(85);
      expect(accuracy).toBeLessThanOrEqual(100);
    },
    2 * MINUTES,
  );

  it.runIf(process.platform === "linux")(
    "trains by the demo on the processor where there is no adapter, and ends",
    async () => {
      const sizes = ["--train", "800", "--test", "300", "--epochs", "2", "--batch", "32"];
      const args = ["--allow-env=MNIST_DIR", "demo/deno/train.ts", ...sizes];
      // A backend that no Linux has: without Vulkan, Deno would take OpenGL.
      const { stdout } = await deno(args, undefined, { DENO_WEBGPU_BACKEND: "metal" });
      expect(stdout).toMatch(/^Training on the processor\.\nWebAssembly.*: 800 images of digits/m);
      const losses = [...stdout.matchAll(/^epoch \d: loss ([\d.]+)/gm)].map(([, loss]) => Number(loss));
      expect(losses).toHaveLength(2);
      expect(losses[1]).toBeLessThan(losses[0]);
    },
    2 * MINUTES,
  );

  it(
    "tells the demo's options, and says in a line what makes no sense, or what it may not write",
    async () => {
      const { stdout } = await deno(["demo/deno/train.ts", "--help"]);
      expect(stdout).toMatch(/^npm run demo:deno -- .*\[--save FILE\]$/m);
      for (const [args, message] of [
        [["--learning-rate", "x"], "--learning-rate is x; give a positive number"],
        [["--rate", "1"], "Unknown option '--rate'"],
        [["--save", "w"], "--save: w cannot be written: Requires read access to"],
      ] as [string[], string][]) {
        const failed = await deno(["demo/deno/train.ts", ...args]).catch((error: Error) => error.message);
        expect(failed).toContain("ended with 2");
        expect(failed).toContain(message);
        expect(failed).not.toMatch(/^\s+at /m);
      }
    },
    2 * MINUTES,
  );

  it.runIf(process.env.MNIST_DIR)(
    "trains MNIST by the demo",
    async () => {
      const folder = process.env.MNIST_DIR as string;
      const permissions = ["--allow-env", `--allow-read=${folder}`];
      const sizes = ["--train", "10000", "--test", "2000", "--epochs", "1"];
      const { stdout } = await deno([...permissions, "demo/deno/train.ts", ...sizes], folder);
      expect(stdout).toMatch(/: 10000 images of mnist train, 2000 of mnist test$/m);
      const accuracy = Number(/test accuracy ([\d.]+) %/.exec(stdout)?.[1]);
      expect(accuracy).toBeGreaterThan(85);
      expect(accuracy).toBeLessThanOrEqual(100);
    },
    2 * MINUTES,
  );

  it(
    "computes the losses that the CPU engine computes",
    async () => {
      const { stdout } = await deno([
        "--config=demo/deno/deno.json",
        "test/platforms/deno.js",
        String(STEPS),
      ]);
      const { adapter, losses, reference, craft } = JSON.parse(stdout);
      expect(adapter).toMatch(/\w/);
      expect(reference).toHaveLength(STEPS);
      expectSameLosses(losses, reference, 1e-4);
      expect(reference[STEPS - 1]).toBeLessThan(reference[0]);
      expect(Object.keys(craft)).toHaveLength(10);
      expectSameFigures(craft, 1e-3);
    },
    2 * MINUTES,
  );

  it("leaves nothing behind in the repository", () => {
    for (const name of [
      "deno.lock",
      "demo/deno/deno.lock",
      "demo/deno/node_modules",
      "test/platforms/deno.lock",
    ])
      expect(existsSync(join(ROOT, name)), name).toBe(false);
  });
});

/** The demos of `demo/`, run as their headers say. */
import { basename } from "node:path";
import { describe, expect, it } from "vitest";
import { NO_ADAPTER } from "./helpers/command.ts";
import { installed, needsBuild, runNode } from "./helpers/programs.ts";

const MINUTES = 60_000;

needsBuild();

function run(program: string, ...options: string[]) {
  return runIn({}, program, ...options);
}

function runIn(env: Readonly<Record<string, string>>, program: string, ...options: string[]) {
  const tsx = [installed("tsx/dist/cli.mjs"), "--tsconfig", "tsconfig.run.json"];
  return runNode([...tsx, program, ...options], { env, timeoutMs: 2 * MINUTES });
}

describe("programs without a framework for options", () => {
  it.each([
    [
      "demo/transformer.ts",
      [installed("tsx/dist/cli.mjs"), "--tsconfig", "tsconfig.run.json"],
      "--steps 600",
    ],
    ["scripts/soak.mjs", [], "--steps 10000"],
    ["scripts/cycles.mjs", [], "--engines 200"],
    ["scripts/screenshots.mjs", [], "desktop | phone"],
  ])("%s tells its options, and refuses others without a stack", async (program, how, options) => {
    const { stdout, stderr } = await runNode([...how, program, "--help"], { timeoutMs: MINUTES });
    expect([stdout.trim(), stderr]).toEqual([expect.stringContaining(options), ""]);
    const wrong = await runNode([...how, program, "--misspelt"], { timeoutMs: MINUTES }).catch(
      (error) => error.message,
    );
    expect(wrong).toMatch(/--help lists|npm run/);
    expect(wrong).not.toMatch(/^\s+at /m);
  });
});

describe.each(["demo/loop.ts", "demo/step.ts"])("%s", (program) => {
  const loop = (...options: string[]) => run(program, ...options);

  it(
    "prints a falling loss and the accuracy",
    async () => {
      const { stdout } = await loop("--steps", "101", "--batch", "64");
      const lines = [...stdout.matchAll(/^step (\d+): loss ([\d.]+), (\d+) of 64 right$/gm)];
      expect(lines.map(([, step]) => step)).toEqual(["1", "51", "101"]);
      const [first, , last] = lines.map(([, , loss]) => Number(loss));
      expect(last).toBeLessThan(first / 2);
      const accuracy = Number(/^test accuracy: ([\d.]+) %$/m.exec(stdout)?.[1]);
      expect(accuracy).toBeGreaterThan(80);
    },
    2 * MINUTES,
  );

  it.runIf(process.platform === "linux")(
    "trains on the processor where there is no adapter, and ends by itself",
    async () => {
      const { stdout } = await runIn(NO_ADAPTER, program, "--steps", "51", "--batch", "32");
      expect(stdout).toMatch(/^connect: .*no adapter.*\nTraining on the processor\.\ndevice: WebAssembly/m);
      const [first, last] = [...stdout.matchAll(/: loss ([\d.]+), /g)].map(([, loss]) => Number(loss));
      expect(last).toBeLessThan(first / 1.5);
    },
    2 * MINUTES,
  );

  it("tells its options", async () => {
    const { stdout, stderr } = await loop("--help");
    expect([stdout.trim(), stderr]).toEqual([
      expect.stringContaining(`npm run demo:${basename(program, ".ts")} -- [--steps 300]`),
      "",
    ]);
  });

  it(
    "refuses options that make no sense",
    async () => {
      await expect(loop("--batch", "1.5")).rejects.toThrow("--batch is 1.5; give a whole number from 1");
      for (const name of ["--learning-rate", "--lr"])
        await expect(loop(name, "0")).rejects.toThrow("--learning-rate is 0; give a positive number");
      const unknown = await loop("--epochs", "1").catch((error: Error) => error.message);
      expect(unknown).toMatch(/Unknown option '--epochs'.*\(--help lists the options\)/);
      expect(unknown).not.toMatch(/^\s+at /m);
    },
    2 * MINUTES,
  );
});

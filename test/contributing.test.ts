/** The layer of CONTRIBUTING.md, taken from the page: its types are right, and it trains. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  adam,
  conv2d,
  createTrainer,
  dense,
  flatten,
  type Layer,
  type Model,
  ops,
  type Shape,
  sequential,
} from "../src/index.ts";
import { ENGINES, useEngines } from "./helpers/engines.ts";
import { RULES } from "./helpers/import-rules.ts";
import { installed, ROOT, runNode } from "./helpers/programs.ts";
import { uniform } from "./helpers/samples.ts";

const engines = useEngines();
let folder = "";
let page = "";
let prelu: (options?: { slope?: number }) => Layer;

beforeAll(async () => {
  page = await readFile(join(ROOT, "CONTRIBUTING.md"), "utf8");
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
  expect(blocks).toHaveLength(1);
  // Inside of the repository, so that the compiler finds what the repository has installed.
  await mkdir(join(ROOT, ".cache"), { recursive: true });
  folder = await mkdtemp(join(ROOT, ".cache", "contributing-"));
  const file = join(folder, "prelu.ts");
  await writeFile(file, blocks[0]);
  ({ prelu } = await import(/* @vite-ignore */ pathToFileURL(file).href));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the layer of CONTRIBUTING.md", () => {
  it("has no type error", async () => {
    const config = join(folder, "tsconfig.json");
    const include = ["prelu.ts", join(ROOT, "src/wgsl.d.ts")];
    await writeFile(config, JSON.stringify({ extends: join(ROOT, "tsconfig.json"), include }));
    await runNode([installed("typescript/bin/tsc"), "-p", config], { timeoutMs: 60_000 });
  });

  it.each(ENGINES)("trains on the %s: the loss falls, its parameters move", async (kind) => {
    const models: [Model, Shape][] = [
      [sequential(dense(16), prelu(), dense(1)), [3]],
      [sequential(conv2d(4, 3), prelu({ slope: 0 }), flatten(), dense(1)), [2, 5, 4]],
    ];
    for (const [model, inputShape] of models) {
      const trainer = createTrainer(engines[kind], model, {
        inputShape,
        optimizer: adam({ lr: 0.02 }),
        seed: 1,
      });
      const before = await trainer.weights();
      const step = await trainer.compile(
        ({ x, y }, call) => ({ minimize: ops.meanSquaredError(call(x), y) }),
        {
          inputs: { x: [12, ...inputShape], y: [12, 1] },
          maxSteps: 40,
        },
      );
      step.write({ x: uniform([12, ...inputShape]).data, y: uniform([12, 1]).data });
      const { loss } = await step.runMany(40, () => ({}));
      expect(loss[39]).toBeLessThan(loss[0] / 4);
      const after = await trainer.weights();
      expect(after["1.weight"].shape).toEqual([inputShape.length === 1 ? 16 : 4]);
      after["1.weight"].data.forEach((value, i) => {
        expect(Math.abs(value - before["1.weight"].data[i])).toBeGreaterThan(1e-4);
      });
      trainer.release();
      step.release();
    }
  });

  it("computes what it says, and refuses what it cannot", async () => {
    const trainer = createTrainer(engines.cpu, prelu({ slope: 0.5 }), { inputShape: [2] });
    const step = await trainer.compile(({ x }, call) => ({ y: call(x) }), { inputs: { x: [2, 2] } });
    const { y } = await step.run({ x: Float32Array.of(1, -2, 0, -3) });
    expect([...y]).toEqual([1, -1, 0, -1.5]);
    expect(() => prelu({ slope: Number.NaN })).toThrow("prelu: slope is NaN; give a finite number");
    expect(() => createTrainer(engines.cpu, prelu(), { inputShape: [] })).toThrow(
      "expected [batch, channels, …]",
    );
  });
});

it("CONTRIBUTING.md names every place that has an import rule", () => {
  const places = RULES.map(({ place }) => place).filter((place) => place !== "src/wgsl.d.ts");
  expect(places.filter((place) => !page.includes(`\`${place}\``))).toEqual([]);
});

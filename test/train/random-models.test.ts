/** Random models in training: all engines agree, and hold what is promised of each step. `npm run models` runs 500 of them. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cpu } from "../../src/runtime/cpu.ts";
import { openWasm } from "../../src/wasm/open.ts";
import { connectInstrumented } from "../helpers/instrumented.ts";
import { faultsOn, replayFaults, textFaults, type Watched } from "../helpers/random-models/checks.ts";
import { LAYER_KINDS } from "../helpers/random-models/layers.ts";
import { type RandomModel, randomModel } from "../helpers/random-models/model.ts";
import { slopeFaults } from "../helpers/random-models/slopes.ts";
import { reference } from "../helpers/random-models/steps.ts";
import {
  LOSS_KINDS,
  OPTIMIZER_KINDS,
  SCHEDULE_KINDS,
  WRAPPER_KINDS,
} from "../helpers/random-models/training.ts";

const COUNT = Number(process.env.WGRAD_MODELS ?? 40);
const FIRST = Number(process.env.WGRAD_MODELS_FROM ?? 1);
const models = Array.from({ length: COUNT }, (_, i) => randomModel(FIRST + i));
const engine = cpu();
const watched: { gpu?: Watched; wasm?: Watched } = {};
const figures = { layers: 0, steps: 0, unstable: 0, kinks: 0, launches: 0 };

beforeAll(async () => {
  const { engine: gpu, books } = await connectInstrumented();
  const errors: string[] = [];
  gpu.device.addEventListener("uncapturederror", (event) => errors.push(event.error.message));
  watched.gpu = { engine: gpu, bytes: () => books.liveBytes, errors: () => errors };
  const wasm = openWasm(2);
  watched.wasm = { engine: wasm, bytes: () => wasm.space.end, errors: () => [] };
});
afterAll(async () => {
  for (const one of [engine, watched.gpu?.engine, watched.wasm?.engine]) await one?.destroy();
  const { layers, steps, unstable, kinks, launches } = figures;
  console.log(
    `${COUNT} models from seed ${FIRST}: ${layers} layers, ${launches} launches; ${steps} steps compared, ${unstable} of them unstable on the cpu itself; ${kinks} points on kinks`,
  );
});

describe("random models", () => {
  it("have every kind of layer, loss, optimizer and schedule", () => {
    const seen = new Set(
      Array.from({ length: 40 }, (_, i) => randomModel(1 + i)).flatMap(({ kinds }) => [...kinds]),
    );
    const all = [
      ...LAYER_KINDS,
      "unscaling",
      ...LOSS_KINDS,
      ...OPTIMIZER_KINDS,
      ...WRAPPER_KINDS,
      ...SCHEDULE_KINDS,
    ];
    const settings = ["accumulate", "clip", "penalty", "dropLast", "augment", "tokens", "images of bytes"];
    expect([...all, ...settings].filter((kind) => !seen.has(kind))).toEqual([]);
  });

  it.each(models.map((model) => [model.seed, model] as const))(
    "seed %i",
    { timeout: 300_000 },
    async (_seed, model) => {
      expect(await faultsOf(model), model.text).toEqual([]);
    },
  );
});

async function faultsOf(model: RandomModel): Promise<string[]> {
  const cpuSteps = await reference(engine, model);
  const faults: string[] = [];
  const note = (place: string, found: readonly string[]) =>
    faults.push(...found.map((one) => `${place}: ${one}`));
  try {
    note("cpu", textFaults(model, cpuSteps.session));
    note("cpu", await replayFaults(cpuSteps.session, cpuSteps.states[0]));
    const slopes = await slopeFaults(engine, model);
    note("gradients", slopes.faults);
    figures.kinks += slopes.kinks;
    for (const [place, one] of Object.entries(watched)) {
      const found = await faultsOn(one, model, cpuSteps);
      note(place, found.faults);
      figures.unstable += found.unstable;
      figures.steps += cpuSteps.taken.length;
    }
    figures.layers += model.layers;
    figures.launches += cpuSteps.session.program.dispatches.length;
  } finally {
    cpuSteps.session.release();
  }
  return faults;
}

/** Step scalars as immediates: the same numbers as by the uniform, and only where a device has them and they fit. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { create } from "webgpu";
import { digits } from "../../src/data/digits/digits.ts";
import { launchDetails } from "../../src/inspect/launches.ts";
import type { Tensor } from "../../src/nn/graph/tensor.ts";
import * as ops from "../../src/ops.ts";
import { checkProgram, IMMEDIATE_SLOTS, type Program } from "../../src/program.ts";
import { connect } from "../../src/runtime/gpu/connect.ts";
import type { GpuEngine } from "../../src/runtime/gpu/engine.ts";
import { createTrainer } from "../../src/train/trainer.ts";
import { mlp, openMlp } from "../helpers/mlp.ts";

const { train: data } = digits({ train: 64, test: 1 });
const HIDDEN = [24, 16];

/** How the shaders of the program read step scalars. */
function memoryOfSteps(program: Program): Set<string> {
  const declared = launchDetails(program).map(({ code }) => /var<(\w+)> step\b/.exec(code)?.[1]);
  return new Set(declared.filter((one) => one !== undefined));
}

/** Never dropped: a process crashes where Dawn is collected as garbage while a device of it is opened or ended. */
const dawn = create([]);

/** Connects to the machine's adapter, whose device is changed by `change`. */
async function connectChanged(change: (device: GPUDevice) => void): Promise<GpuEngine> {
  const gpu = {
    wgslLanguageFeatures: dawn.wgslLanguageFeatures,
    async requestAdapter() {
      const adapter = await dawn.requestAdapter();
      if (!adapter) return null;
      const open = adapter.requestDevice.bind(adapter);
      adapter.requestDevice = async (descriptor) => {
        const device = await open(descriptor);
        change(device);
        return device;
      };
      return adapter;
    },
  };
  vi.stubGlobal("navigator", { gpu });
  try {
    return await connect({ tune: false });
  } finally {
    vi.unstubAllGlobals();
  }
}

/** Refuses what a method is asked for, wherever it is about immediates. */
const REFUSALS: Readonly<Record<string, (device: GPUDevice) => void>> = {
  "has too few": (device) => {
    const limits = new Proxy(device.limits, {
      get: (limits, name) => (name === "maxImmediateSize" ? 32 : Reflect.get(limits, name, limits)),
    });
    Object.defineProperty(device, "limits", { value: limits });
  },
  "refuses the shader": (device) => {
    const make = device.createShaderModule.bind(device);
    device.createShaderModule = ({ code, ...rest }) =>
      make({ ...rest, code: code.replaceAll("var<immediate>", "var<unheard>") });
  },
  "refuses the layout": (device) => {
    const make = device.createPipelineLayout.bind(device);
    device.createPipelineLayout = ({ immediateSize = 0, ...rest }) =>
      make({ ...rest, immediateSize: immediateSize * 1000 });
  },
  "refuses the pipeline": (device) => {
    const make = device.createComputePipelineAsync.bind(device);
    device.createComputePipelineAsync = (descriptor) =>
      descriptor.label === "immediates" ? Promise.reject(new Error("refused")) : make(descriptor);
  },
  "refuses them in a pass": (device) => {
    const make = device.createCommandEncoder.bind(device);
    device.createCommandEncoder = (descriptor) => {
      const encoder = make(descriptor);
      const begin = encoder.beginComputePass.bind(encoder);
      encoder.beginComputePass = (descriptor) => {
        const pass = begin(descriptor);
        const set = pass.setImmediates.bind(pass);
        return Object.assign(pass, {
          setImmediates: (_start: number, words: Uint32Array<ArrayBuffer>) => set(4096, words),
        });
      };
      return encoder;
    };
  },
  "cannot set them": (device) => {
    const make = device.createCommandEncoder.bind(device);
    device.createCommandEncoder = (descriptor) => {
      const encoder = make(descriptor);
      const begin = encoder.beginComputePass.bind(encoder);
      encoder.beginComputePass = (pass) => Object.assign(begin(pass), { setImmediates: undefined });
      return encoder;
    };
  },
};

describe("step scalars", () => {
  let immediates: GpuEngine;
  let uniform: GpuEngine;
  beforeAll(async () => {
    immediates = await connect({ tune: false });
    uniform = await connectChanged(REFUSALS["has too few"]);
  });
  afterAll(() => Promise.all([immediates?.destroy(), uniform?.destroy()]));

  it("are immediates where a device has them, and a uniform elsewhere, for all launches of a step", async () => {
    expect([immediates.traits.immediates, uniform.traits.immediates]).toEqual([true, false]);
    for (const [engine, memory] of [[immediates, "immediate"] as const, [uniform, "uniform"] as const]) {
      const training = await openMlp(engine, data, { batchSize: 16, hidden: HIDDEN });
      const { program } = training.step;
      training.release();
      expect(memoryOfSteps(program)).toEqual(new Set([memory]));
      const joined = launchDetails(program).filter(({ dispatches }) => dispatches.length > 1);
      expect(joined.length).toBeGreaterThan(0);
    }
  });

  it("are the same to the bit in both, in submits of several steps and in profiles", async () => {
    const ways = await Promise.all(
      [immediates, uniform].map(async (engine) => {
        const training = await openMlp(engine, data, { batchSize: 16, hidden: HIDDEN });
        const losses = [...(await training.run(7)), ...(await training.run(2))];
        // Rows of the profile's own, with batches in another order.
        const starts = [32, 0, 48];
        await training.step.profile(3, (step) => ({ batchStart: starts[step] }));
        losses.push(...(await training.run(3)));
        const weights = await training.trainer.weights();
        training.release();
        return { losses, weights };
      }),
    );
    expect(ways[0]).toEqual(ways[1]);
    expect(new Set(ways[0].losses).size).toBe(12);
    expect(ways[0].losses.every(Number.isFinite)).toBe(true);
  });

  it("are a uniform where more than fit, beside other programs of the device", async () => {
    const found = await Promise.all(
      [immediates, uniform].map(async (engine) => {
        const trainer = createTrainer(engine, mlp(HIDDEN), { inputShape: [784] });
        /** A step with so many scalars, each of which counts. */
        const open = (count: number) => {
          const names = Array.from({ length: count }, (_, i) => `factor${i}`);
          return trainer.compile(
            ({ x }: { x: Tensor }, model) => ({
              found: names.reduce((sum, name) => ops.add(sum, ops.stepScalar(name)), ops.mean(model(x))),
            }),
            { inputs: { x: [4, 784] }, maxSteps: 2 },
          );
        };
        const sums: number[] = [];
        for (const count of [IMMEDIATE_SLOTS + 1, IMMEDIATE_SLOTS]) {
          const step = await open(count);
          expect(step.program.scalars.length).toBe(count);
          expect(step.program.immediates ?? false).toBe(engine.traits.immediates && count <= IMMEDIATE_SLOTS);
          step.write({ x: new Float32Array(4 * 784) });
          const values = (row: number) =>
            Object.fromEntries(Array.from({ length: count }, (_, i) => [`factor${i}`, 2 ** i * (row + 1)]));
          sums.push(...((await step.runMany(2, values)).found as Float32Array));
        }
        trainer.release();
        return sums;
      }),
    );
    const whole = (count: number) => [2 ** count - 1, 2 * (2 ** count - 1)];
    expect(found[0]).toEqual([...whole(IMMEDIATE_SLOTS + 1), ...whole(IMMEDIATE_SLOTS)]);
    expect(found[1]).toEqual(found[0]);
  });

  it("that do not fit are refused as immediates", () => {
    const scalars = Array.from({ length: IMMEDIATE_SLOTS + 1 }, (_, i) => ({
      name: `user.${i}`,
      dtype: "f32" as const,
    }));
    const program: Program = { name: "wide", buffers: [], dispatches: [], scalars, outputs: {} };
    expect(() => checkProgram(program, () => false)).not.toThrow();
    expect(() => checkProgram({ ...program, immediates: true }, () => false)).toThrow(
      "program wide: 17 step scalars as immediates; at most 16 fit",
    );
  });
});

it.each(Object.keys(REFUSALS))("a device that lists immediates and %s stays usable", async (name) => {
  const errors: string[] = [];
  const engine = await connectChanged((device) => {
    device.addEventListener("uncapturederror", ({ error }) => errors.push(error.message));
    REFUSALS[name](device);
  });
  try {
    expect(engine.traits.immediates).toBe(false);
    const training = await openMlp(engine, data, { batchSize: 16, hidden: HIDDEN });
    const losses = await training.run(4);
    expect([...losses].every((loss) => loss > 0)).toBe(true);
    training.release();
    expect(errors).toEqual([]);
  } finally {
    await engine.destroy();
  }
});

/** The choice of kernels by measuring: the fastest is taken, within a budget, and kept. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  connect,
  createTrainer,
  dense,
  type GpuEngine,
  ops,
  relu,
  sequential,
  sgd,
} from "../../src/index.ts";
import type { DeviceTraits } from "../../src/kernels/kernel.ts";
import { matmulConstants } from "../../src/kernels/matmul.ts";
import { variantsOf } from "../../src/kernels/variants.ts";
import type { Dispatch, Program } from "../../src/program.ts";
import { bestTime } from "../../src/runtime/gpu/measure.ts";
import { Tuner } from "../../src/runtime/gpu/tune.ts";
import { folderStore } from "../../src/store.ts";

const traits = { narrow: true, subgroupSize: 8, workgroupBytes: 16384, workgroupInvocations: 256 };

function product(size: number, k = size): Dispatch {
  const shape = { batch: 1, m: size, n: size, k, transposeA: false, transposeB: false };
  const constants = matmulConstants({ ...shape, batchedA: false, batchedB: false });
  const view = (buffer: number) => ({ buffer, offset: 0, shape: [size, size] });
  const store = { code: [{ op: "value" }], stores: [{ binding: "result0", from: 0 }] } as const;
  return {
    label: "",
    kernel: "matmul",
    constants,
    hooks: { store },
    bindings: { a: view(0), b: view(1), result0: view(2) },
  };
}

function programOf(...dispatches: Dispatch[]): Program {
  const buffer = { kind: "state", dtype: "f32", length: 2 ** 20 } as const;
  const buffers = ["a", "b", "c"].map((name) => ({ ...buffer, name }));
  return { name: "products", buffers, dispatches, scalars: [], outputs: {} };
}

const large = product(256);
const larger = product(512);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wgrad-tuning-"));
});
afterEach(() => rm(folder, { recursive: true }));

const tuner = (budget = 1000, device = "device") => new Tuner(device, traits, folderStore(folder), budget);

/** A device on which the third way of every dispatch is the fastest. */
function measuring() {
  const measured: Dispatch[] = [];
  return {
    measured,
    measure: async (_program: Program, dispatch: Dispatch) => {
      measured.push(dispatch);
      const constants = {
        ...large.constants,
        M: dispatch.constants.M,
        N: dispatch.constants.N,
        K: dispatch.constants.K,
      };
      const own = variantsOf({ ...large, constants }, traits);
      const way = own.findIndex(
        (one) => JSON.stringify(one.constants) === JSON.stringify(dispatch.constants),
      );
      return way === 2 ? 1 : 5 + way;
    },
  };
}

describe("tuning", () => {
  it("takes the fastest way, and measures none twice", async () => {
    const { measure, measured } = measuring();
    const choose = await tuner().tune(programOf(large, { ...large, label: "the same work" }), measure);
    expect(choose(large)).toEqual(variantsOf(large, traits)[2]);
    expect(measured).toHaveLength(variantsOf(large, traits).length);
  });

  it("keeps the choice for later engines on the device, and for no other", async () => {
    const first = measuring();
    await tuner().tune(programOf(large), first.measure);
    const second = measuring();
    const choose = await tuner().tune(programOf(large), second.measure);
    expect(second.measured).toEqual([]);
    expect(choose(large)).toEqual(variantsOf(large, traits)[2]);
    const other = measuring();
    await tuner(1000, "another device").tune(programOf(large), other.measure);
    expect(other.measured).not.toEqual([]);
    expect(await readdir(folder)).toHaveLength(2);
  });

  it("keeps no choice for the device where it offers something else, as after a browser's or a driver's update", async () => {
    // Smaller products have one way on wide devices.
    const program = programOf(product(1024));
    await tuner().tune(program, measuring().measure);
    const changes: Partial<DeviceTraits>[] = [
      { narrow: false, subgroupSize: undefined },
      { workgroupBytes: 32768 },
      { workgroupInvocations: 1024 },
      { subgroupSize: 4 },
      { cores: 3 },
    ];
    for (const change of changes) {
      const { measure, measured } = measuring();
      const changed = new Tuner("device", { ...traits, ...change }, folderStore(folder), 1000);
      await changed.tune(program, measure);
      expect(measured).not.toEqual([]);
    }
    expect(await readdir(folder)).toHaveLength(1 + changes.length);
  });

  it("says what it chose in a file that people can read", async () => {
    await tuner().tune(programOf(large), measuring().measure);
    const [file] = await readdir(folder);
    const { device, choices } = JSON.parse(await readFile(join(folder, file), "utf8"));
    expect(device).toBe("device");
    expect(Object.values(choices)).toEqual([expect.stringMatching(/^matmul .*TILE_M \d+/)]);
  });

  it.each(["no JSON", "{}", '{ "choices": 3 }', '{ "choices": { "matmul": 7 } }'])(
    "measures anew where its file holds %j",
    async (content) => {
      await tuner().tune(programOf(large), measuring().measure);
      const [file] = await readdir(folder);
      await writeFile(join(folder, file), content);
      const again = measuring();
      await tuner().tune(programOf(large), again.measure);
      expect(again.measured).not.toEqual([]);
    },
  );

  it("begins with the dearest, and stops when the budget is spent", async () => {
    const measured: number[] = [];
    const slow = async (_program: Program, { constants }: Dispatch) => {
      measured.push(constants.M);
      await new Promise((resolve) => setTimeout(resolve, 30));
      return measured.length === 1 ? 1 : 2;
    };
    const choose = await tuner(50).tune(programOf(large, larger), slow);
    expect(measured.length).toBeLessThan(4);
    expect(new Set(measured)).toEqual(new Set([512]));
    // What there was no time for is computed as without tuning.
    expect(choose(large)).toEqual(variantsOf(large, traits)[0]);
  });

  it("passes over ways that fail", async () => {
    const refusing = async (_program: Program, dispatch: Dispatch) => {
      const way = variantsOf(large, traits).findIndex(
        (one) => JSON.stringify(one) === JSON.stringify(dispatch),
      );
      if (way < 2) throw new Error("refused by the driver");
      return way;
    };
    const choose = await tuner().tune(programOf(large), refusing);
    expect(choose(large)).toEqual(variantsOf(large, traits)[2]);
    const all = async () => Promise.reject(new Error("refused"));
    expect((await tuner(1000, "another").tune(programOf(large), all))(large)).toEqual(
      variantsOf(large, traits)[0],
    );
  });

  it("learns nothing from a device that is gone, where every way fails", async () => {
    const gone = async () => Promise.reject(new Error("the device was lost"));
    await tuner().tune(programOf(large), gone);
    const { measure, measured } = measuring();
    await tuner().tune(programOf(large), measure);
    expect(measured).not.toEqual([]);
  });

  it.each([
    ["narrow", traits, product(16), product(64)],
    ["wide", { ...traits, narrow: false }, product(512, 2), product(1024)],
  ])("leaves small work alone, on a %s device", async (_kind, traits, small, enough) => {
    expect(variantsOf(small, traits).length).toBeGreaterThan(1);
    const { measure, measured } = measuring();
    const one = new Tuner("device", traits, undefined, 1000);
    const choose = await one.tune(programOf(small), measure);
    expect(measured).toEqual([]);
    expect(choose(small)).toEqual(variantsOf(small, traits)[0]);
    await one.tune(programOf(enough), measure);
    expect(measured).not.toEqual([]);
  });
});

describe("the time of a step", () => {
  /** A device that takes so long for a run, besides its steps; milliseconds. */
  async function measured(way: number, step: number) {
    let clock = 0;
    let most = 0;
    const now = vi.spyOn(performance, "now").mockImplementation(() => clock);
    const time = await bestTime(async (steps) => {
      most = Math.max(most, steps);
      clock += way + steps * step;
    });
    now.mockRestore();
    return { time, most, spent: clock };
  }

  it("is not that of the way to the device and back, which takes a GPU longer than the step", async () => {
    const { time, spent } = await measured(0.2, 0.005);
    expect(time).toBeGreaterThan(0.005);
    expect(time).toBeLessThan(0.0056);
    expect(spent).toBeLessThan(20);
  });

  it("takes few steps where one is long, and ends where each is too short for the clock", async () => {
    expect((await measured(0, 2)).most).toBe(1);
    expect(await measured(0, 0)).toEqual({ time: 0, most: 512, spent: 0 });
  });
});

describe("an engine that tunes", () => {
  async function losses(engine: GpuEngine): Promise<Float32Array> {
    const model = sequential(dense(64), relu(), dense(10));
    const trainer = createTrainer(engine, model, {
      inputShape: [96],
      optimizer: sgd({ learningRate: 0.1 }),
      seed: 1,
    });
    const inputs = { x: [64, 96], y: { shape: [64], dtype: "i32" } } as const;
    const step = await trainer.compile(({ x, y }, net) => ({ minimize: ops.crossEntropy(net(x), y) }), {
      inputs,
      maxSteps: 5,
    });
    step.write({
      x: Float32Array.from({ length: 64 * 96 }, (_, i) => Math.sin(i)),
      y: Int32Array.from({ length: 64 }, (_, i) => i % 10),
    });
    const { loss } = await step.runMany(5, () => ({}));
    await engine.destroy();
    return loss as Float32Array;
  }

  it("gives the same to the bit as one that does not, and keeps what it found", async () => {
    const plain = await losses(await connect({ tune: false }));
    expect(await losses(await connect({ tune: { budget: 2000, folder } }))).toEqual(plain);
    const [file] = await readdir(folder);
    expect(file).toMatch(/^tuning-[0-9a-f]{16}\.json$/);
    const kept = await readFile(join(folder, file), "utf8");
    expect(Object.keys(JSON.parse(kept).choices).length).toBeGreaterThan(0);
    expect(await losses(await connect({ tune: { budget: 2000, folder } }))).toEqual(plain);
    expect(await readFile(join(folder, file), "utf8")).toBe(kept);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("refuses a budget of %d", async (budget) => {
    await expect(connect({ tune: { budget } })).rejects.toThrow(/tune\.budget is .*; give milliseconds/);
  });
});

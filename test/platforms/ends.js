/**
 * Runs of the built package that end in every way, one after another, on engines that nobody destroys: the process of this program
 * ends by itself. What each way holds open (in Node), and what it threw, is printed as JSON. Runs in Node and in Deno.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  connect,
  cpu,
  DeviceLostError,
  dense,
  evaluate,
  fit,
  predict,
  relu,
  sequential,
  session,
} from "wgrad";
import { checkpoints } from "wgrad/callbacks";
import { makeBlobs, stream } from "wgrad/data";
import { wasm } from "wgrad/wasm";

/** @typedef {import("wgrad").Engine} Engine */
/** @typedef {import("wgrad").FitOptions} FitOptions */

const { Deno } = /** @type {any} */ (globalThis);
const [kind, ending] = Deno ? Deno.args : process.argv.slice(2);
/** What must not hold the process: longer than a test waits. */
const SECONDS = 60;

const data = makeBlobs({ count: 48, features: 4 });
const model = () => sequential(dense(8), relu(), dense(3));
const folder = mkdtempSync(join(tmpdir(), "wgrad-ends-"));

/** @type {Record<string, () => Promise<Engine>>} */
const engines = {
  gpu: () => connect({ tune: false, stalledAfter: SECONDS }),
  wasm: async () => wasm({ threads: 3 }),
  cpu: async () => cpu(),
};
const open = engines[kind];

/** Trains to the end. @param {FitOptions} [options] @param {import("wgrad").Data} [source] */
async function train(options = {}, source = data) {
  const run = fit(await open(), model(), source, { batchSize: 8, epochs: 3, seed: 1, ...options });
  await run;
  return run.trainer;
}

/** Samples with a timer in their reading, which goes when the reading is closed. @param {() => unknown} between */
function timed(between) {
  return stream({
    name: "timed",
    count: 48,
    inputs: { type: "f32", shape: [4] },
    targets: { type: "i32" },
    classes: 3,
    async *open() {
      const timer = setTimeout(() => {}, SECONDS * 1000);
      try {
        for (let i = 0; i < 6; i++) {
          if (i === 3) await between();
          yield { inputs: new Float32Array(32).fill(i), targets: new Int32Array(8).fill(i % 3) };
        }
      } finally {
        clearTimeout(timer);
      }
    },
  });
}

/** @param {FitOptions} [options] */
async function interrupted(options) {
  for await (const _epoch of fit(await open(), model(), data, { batchSize: 8, epochs: 3, ...options })) break;
}

/** @param {import("wgrad").RecoverOptions | false} [recover] @param {FitOptions} [options] */
async function lost(recover = false, options = {}) {
  const engine = await connect({ tune: false, stalledAfter: SECONDS });
  const onProgress = () => engine.device.destroy();
  await fit(engine, model(), data, { batchSize: 8, epochs: 3, recover, onProgress, ...options });
}

async function diverged() {
  const inputs = Float32Array.from({ length: 48 * 4 }, () => 3e38);
  await train({}, { ...data, inputs: { ...data.inputs, data: inputs } });
}

/** Work waits for a device that does not answer, until the engine gives up. */
async function stalled() {
  const engine = await connect({ tune: false, stalledAfter: SECONDS });
  const one = await session(engine, model(), data, { batchSize: 8 });
  await one.advance(1);
  const { device } = engine;
  const { createBuffer } = device;
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer.call(device, descriptor);
    buffer.mapAsync = async () => {
      await device.lost;
      throw new Error("the device is gone");
    };
    return buffer;
  };
  // More than the buffers that were made before.
  const work = [one.advance(20), ...Array.from({ length: 8 }, () => one.evaluate())];
  const settled = Promise.allSettled(work);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await engine.destroy();
  const reasons = (await settled).map((one) => (one.status === "rejected" ? one.reason : "done"));
  throw reasons.find((reason) => reason !== "done");
}

/** @type {Record<string, () => unknown>} */
const ways = {
  async success() {
    const trainer = await train({ validation: data });
    await evaluate(trainer, data);
    await predict(trainer, data);
  },
  async "an error of a callback"() {
    const onEpoch = () => {
      throw new Error("of a callback");
    };
    await train({ callbacks: [{ name: "failing", onEpoch }] });
  },
  async "an error of onProgress"() {
    const onProgress = () => {
      throw new Error("of onProgress");
    };
    await train({ onProgress });
  },
  async "an abort"() {
    const controller = new AbortController();
    await train({ signal: controller.signal, onProgress: () => controller.abort(new Error("enough")) });
  },
  "a broken loop": () => interrupted(),
  async "a broken loop with checkpoints"() {
    const path = join(folder, "broken-{epoch}.safetensors");
    await interrupted({ callbacks: [checkpoints(path, { everySeconds: SECONDS, everySteps: 1 })] });
  },
  async "a run with checkpoints"() {
    await train({ callbacks: [checkpoints(join(folder, "whole.safetensors"), { everySeconds: SECONDS })] });
  },
  "numbers gone wrong": diverged,
  async "a stream half read"() {
    const one = await session(
      await open(),
      model(),
      timed(() => {}),
      { batchSize: 8 },
    );
    await one.advance(2);
    one.release();
  },
  async "a stream that fails"() {
    const source = timed(() => {
      throw new Error("of the stream");
    });
    await train({}, source);
  },
  async "an evaluation of a stream that fails"() {
    const source = timed(() => {
      throw new Error("of the stream");
    });
    await evaluate(await train(), source);
  },
  async "an abort while the stream waits"() {
    const controller = new AbortController();
    const source = timed(() => {
      controller.abort(new Error("enough"));
      return new Promise((resolve) => setTimeout(resolve, 20));
    });
    await train({ signal: controller.signal }, source);
  },
  async "a refused evaluation"() {
    await evaluate(await train(), makeBlobs({ count: 8, features: 5 }));
  },
  ...(kind === "gpu" && {
    "a lost device": () => lost(),
    "a recovery that gives up": () =>
      lost({
        attempts: 2,
        async connect() {
          const next = await connect({ tune: false });
          next.device.destroy();
          return next;
        },
      }),
    async "a recovery that is aborted in its pause"() {
      const controller = new AbortController();
      const connectNever = async () => {
        throw new DeviceLostError("not there");
      };
      const onEvent = () => setTimeout(() => controller.abort(new Error("enough")), 20);
      await lost({ attempts: 100, connect: connectNever }, { signal: controller.signal, onEvent });
    },
    "a stalled queue": stalled,
  }),
};

/** Timers, workers, requests. */
const held = () => (Deno ? [] : process.getActiveResourcesInfo().sort());

/** What is held more than before. @param {readonly string[]} before */
async function heldMore(before) {
  /** @type {string[]} */
  let more = [];
  // What ends by itself within a moment may be open at this one.
  for (let i = 0; i < 50; i++) {
    more = held();
    for (const one of before) if (more.includes(one)) more.splice(more.indexOf(one), 1);
    if (more.length === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return more;
}

if (ending === "uncaught") await diverged();
else {
  /** @type {Record<string, { said: string, held: string[] }>} */
  const found = {};
  for (const [way, once] of Object.entries(ways)) {
    const before = held();
    let said = "nothing";
    try {
      await once();
    } catch (error) {
      said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    }
    found[way] = { said, held: await heldMore(before) };
  }
  rmSync(folder, { recursive: true });
  console.log(JSON.stringify(found));
}

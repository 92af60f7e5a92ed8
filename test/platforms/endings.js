/**
 * What the built package says of engines that end, and of what is refused. Runs in Node, in Deno and in a page, where an
 * import map says where `wgrad` is.
 */
import { compile, connect, createTrainer, dense, evaluate, mul, ops, sequential, sgd, sum } from "wgrad";
import { digits } from "wgrad/data";

/** @typedef {import("wgrad").GpuEngine} GpuEngine */
/** @typedef {{ underWay: Record<string, string>, after: Record<string, string> }} Ending */

/** Everything that this file finds. */
export async function endings() {
  return {
    lost: await ending((engine) => engine.device.destroy()),
    destroyed: await ending((engine) => engine.destroy()),
    refused: await refusals(),
  };
}

/** @param {() => unknown} work */
async function said(work) {
  try {
    await work();
    return "nothing";
  } catch (error) {
    return `${error instanceof Error ? `${error.name}: ${error.message}` : error}`;
  }
}

/**
 * What work says that was under way when `end` was called, and what it says that begins afterwards.
 * @param {(engine: GpuEngine) => unknown} end
 * @returns {Promise<Ending>}
 */
async function ending(end) {
  const engine = await connect({ tune: false });
  const { trainer, step, data } = await open(engine);
  let width = 3;
  /** @type {Record<string, () => unknown>} */
  const work = {
    run: () => step.run(),
    read: () => trainer.weights(),
    evaluate: () => evaluate(trainer, data, { batchSize: 10 }),
    profile: () => step.profile(1, () => ({})),
    // A kernel that is not there yet.
    compile: () => {
      const inputs = /** @type {const} */ ({ x: [width++, 784] });
      return trainer.compile(({ x }, model) => ({ y: model(x) }), { inputs });
    },
  };
  const begin = () => Object.entries(work).map(async ([name, one]) => [name, await said(one)]);
  const begun = begin();
  const ended = end(engine);
  const underWay = Object.fromEntries(await Promise.all(begun));
  await ended;
  work.buffer = () => engine.buffer("late", "f32", 4);
  work.write = () => trainer.memory.parameters.write(new Float32Array(1));
  const after = Object.fromEntries(await Promise.all(begin()));
  await engine.destroy();
  return { underWay, after };
}

/** @param {GpuEngine} engine */
async function open(engine) {
  const data = digits({ train: 20, test: 20 }).test;
  const optimizer = sgd({ learningRate: 0.1 });
  const trainer = createTrainer(engine, sequential(dense(10)), { inputShape: [784], optimizer });
  const step = await trainer.compile(({ x, y }, model) => ({ minimize: ops.crossEntropy(model(x), y) }), {
    inputs: { x: [4, 784], y: { shape: [4], dtype: "i32" } },
  });
  step.write({ x: new Float32Array(4 * 784).fill(0.5), y: Int32Array.of(1, 2, 3, 4) });
  await step.run();
  return { trainer, step, data };
}

/** What is refused is said, and the engine goes on: as two programs of it show. */
async function refusals() {
  const engine = await connect({ tune: false });
  const [one, other] = [await open(engine), await open(engine)];
  /** @type {Record<string, string>} */
  const found = {};
  found.bytes = await byteWrites(engine);
  found.outputs = await said(() => manyOutputs(engine));
  // Where WebGPU is Dawn. It refuses a run whose memory was destroyed behind the engine's back.
  if (!("Deno" in globalThis)) {
    const { parameters } = /** @type {Record<string, any>} */ (other.trainer.memory);
    parameters.gpu.destroy();
    const runs = await Promise.all([one, other, one].map(({ step }) => said(() => step.run())));
    [found.before, found.broken, found.beside] = runs;
  }
  other.trainer.release();
  found.released = await said(() => other.step.run());
  found.after = await said(() => one.step.run());
  await engine.destroy();
  return found;
}

/** More outputs than a device can be sure to write in one launch. @param {GpuEngine} engine */
async function manyOutputs(engine) {
  const numbers = Array.from({ length: 9 }, (_, i) => i);
  const times = await compile(engine, { a: [4] }, ({ a }) =>
    Object.fromEntries(numbers.map((i) => [`times${i}`, sum(mul(a, i))])),
  );
  const found = await times({ a: Float32Array.of(1, 2, 3, 4) });
  const values = numbers.map((i) => found[`times${i}`][0]).join();
  if (values !== numbers.map((i) => 10 * i).join()) throw new Error(`the sums are ${values}`);
}

/** Bytes at all places, in all numbers. Says where they are not what was written. @param {GpuEngine} engine */
async function byteWrites(engine) {
  const expected = new Uint8Array(11);
  const buffer = engine.buffer("bytes", "u8", expected.length);
  let next = 1;
  for (let offset = 0; offset < expected.length; offset++) {
    for (let length = 1; length <= expected.length - offset; length += 2) {
      const data = Uint8Array.from({ length }, () => next++ % 251);
      buffer.write(data, offset);
      expected.set(data, offset);
      const found = await buffer.read();
      if (found.join() !== expected.join())
        return `${length} bytes at ${offset}: ${found.join()}, not ${expected.join()}`;
    }
  }
  return "nothing";
}

if ("document" in globalThis) Object.assign(globalThis, { endings: endings() });
else console.log(JSON.stringify(await endings()));

/**
 * Stands in for Python with PyTorch: answers the requests of bench/pytorch.py's protocol. It trains on wgrad's CPU
 * engine, from nothing but the files and the words that it is given.
 *
 *   node fake-python.mjs <how> …   how: right, wrong (losses and maxima are off), without (PyTorch), broken (dies)
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { adam, cpu, createTrainer, dense, ops, relu, sequential } from "wgrad";

const how = process.argv[2];
const off = how === "wrong" ? 1.01 : 1;
/** @param {object} value */
const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

/** @param {string} name */
const optionOf = (name) =>
  process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined;

if (how === "without") {
  answer({ error: "No module named 'torch'" });
  process.exit(3);
}
answer({
  torch: "9.9",
  python: "3.99",
  device: "cpu",
  deviceName: "fake",
  threads: Number(optionOf("--threads") ?? 1),
  modes: ["eager", "compile"],
});

/** @type {any} */
let loaded;

/** @param {any} request */
async function begin({ folder, samples, batch, learningRate, hidden, classes, convolutions, shapes }) {
  if (convolutions.length > 0) throw new Error("this fake knows no convolutions");
  const inputs = new Uint8Array(readFileSync(join(folder, "inputs")));
  const targets = new Uint8Array(readFileSync(join(folder, "targets")));
  const order = new Int32Array(new Uint8Array(readFileSync(join(folder, "order"))).buffer);
  const weights = new Float32Array(new Uint8Array(readFileSync(join(folder, "weights"))).buffer);
  const layers = hidden.flatMap((/** @type {number} */ width) => [dense(width), relu()]);
  const features = inputs.length / samples;
  const trainer = createTrainer(cpu(), sequential(...layers, dense(classes)), {
    inputShape: [features],
    optimizer: adam({ learningRate }),
  });
  let offset = 0;
  const values = shapes.map((/** @type {number[]} */ shape) => {
    const length = shape.reduce((product, size) => product * size, 1);
    offset += length;
    return { shape, data: weights.slice(offset - length, offset) };
  });
  if (offset !== weights.length) throw new Error(`${weights.length} weights for shapes of ${offset}`);
  const names = Object.keys(await trainer.weights());
  await trainer.load(Object.fromEntries(names.map((name, i) => [name, values[i]])));
  const step = await trainer.compile(({ x, y }, model) => ({ minimize: ops.crossEntropy(model(x), y) }), {
    inputs: { x: [batch, features], y: { shape: [batch], dtype: "i32" } },
  });
  let cursor = 0;
  return async () => {
    const chosen = [...order.subarray(cursor, cursor + batch)];
    cursor += batch;
    const x = Float32Array.from(
      chosen.flatMap((i) => [...inputs.subarray(i * features, (i + 1) * features)]),
      (v) => v / 255,
    );
    const { loss } = await step.run({ x, y: Int32Array.from(chosen, (i) => targets[i]) });
    return loss[0];
  };
}

/** @type {Record<string, (request: any) => Promise<object> | object>} */
const requests = {
  load(request) {
    loaded = request;
    return { parameters: 0 };
  },
  async losses({ steps, mode }) {
    if (mode !== "eager") throw new Error(`this fake knows no ${mode}`);
    const step = await begin(loaded);
    const losses = [];
    for (let i = 0; i < steps; i++) losses.push((await step()) * off);
    return { losses };
  },
  steps: ({ count }) => ({ seconds: 0.002 * count }),
  matrices({ folder, size }) {
    const [a, b] = ["a", "b"].map(
      (name) => new Float32Array(new Uint8Array(readFileSync(join(folder, name))).buffer),
    );
    const element = (/** @type {number} */ row, /** @type {number} */ column) => {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += a[row * size + k] * b[k * size + column];
      return sum;
    };
    const all = Array.from({ length: size }, (_, i) => i);
    return { maxima: all.map((row) => off * Math.max(...all.map((column) => element(row, column)))) };
  },
  matmul: ({ count }) => ({ seconds: 0.003 * count }),
};

for await (const line of createInterface({ input: process.stdin })) {
  if (how === "broken") {
    console.error("Segmentation fault of the fake");
    process.exit(1);
  }
  const request = JSON.parse(line);
  try {
    if (!(request.op in requests)) throw new Error(`there is no op '${request.op}'`);
    answer(await requests[request.op](request));
  } catch (error) {
    answer({ error: String(error) });
  }
}

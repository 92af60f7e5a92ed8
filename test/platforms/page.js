/** Run by `test/browser.test.ts` in a page: what it finds is the promise `result` of the window. */
import { adam, connect, correctCount, createTrainer, dense, evaluate, ops, relu, sequential } from "wgrad";
import { digits, epochOrder, subset } from "wgrad/data";
import { craft, firstLosses } from "./agreement.js";

// Small, as SwiftShader is slow: a step takes it some 50 ms.
const BATCH_SIZE = 16;
const STEPS = 300;
const COMPARED_STEPS = 20;

async function run() {
  const gpu = await connect();
  try {
    const compared = await firstLosses(gpu, COMPARED_STEPS);
    return { adapter: gpu.info.adapter, compared, craft: await craft(gpu), ...(await train(gpu)) };
  } finally {
    await gpu.destroy();
  }
}

/** @param {import("wgrad").Engine} gpu */
async function train(gpu) {
  const data = digits({ train: STEPS * BATCH_SIZE, test: 500 });
  const model = sequential(dense(256), relu(), dense(128), relu(), dense(10));
  const trainer = createTrainer(gpu, model, {
    inputShape: [784],
    optimizer: adam({ learningRate: 1e-3 }),
    seed: 1,
  });
  const step = await trainer.compile(
    ({ x, y }, predict) => {
      const logits = predict(x);
      return { minimize: ops.crossEntropy(logits, y), correct: correctCount(logits, y) };
    },
    { inputs: { x: [BATCH_SIZE, 784], y: { shape: [BATCH_SIZE], dtype: "i32" } } },
  );
  const order = epochOrder(data.train.count, 1, 1);
  const losses = [];
  for (let i = 0; i < STEPS; i++) {
    const { inputs, targets } = subset(data.train, order.subarray(i * BATCH_SIZE, (i + 1) * BATCH_SIZE));
    const x = Float32Array.from(inputs.data, (pixel) => pixel * inputs.scale);
    const { loss } = await step.run({ x, y: Int32Array.from(targets.data) });
    losses.push(loss[0]);
  }
  const { accuracy } = await evaluate(trainer, data.test, { batchSize: 250 });
  return { losses, accuracy };
}

Object.assign(globalThis, { result: run() });

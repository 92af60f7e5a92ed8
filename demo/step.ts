/**
 * A training loop written by hand, on the level under `session`: for people who want to see how training works.
 *
 *   npm run demo:step -- [--steps 300] [--batch 128] [--learning-rate 0.001] [--seed 1]
 *
 * The network sees a few images at a time (a batch), says for each how likely it holds to be each digit, and is told
 * by one number, the loss, how wrong it was. Each of its weights is then moved a little to where the loss falls.
 */
import { adam, connect, correctCount, createTrainer, dense, evaluate, ops, relu, sequential } from "wgrad";
import { type Dataset, digits, epochOrder, sampleSize } from "wgrad/data";
import { loopArguments, refuse } from "./arguments.ts";

const { steps, batchSize, learningRate, seed } = loopArguments("demo:step");

// The engine: the GPU, or, without a GPU, the processor, with the same arithmetic in WebAssembly.
await using engine = await connect().catch(async (error: Error) => {
  console.log(`${error.message}\nTraining on the processor.`);
  const { wasm } = await import("wgrad/wasm");
  return wasm();
});
console.log(`device: ${engine.info.adapter}`);

// The data: images of 28 × 28 grey pixels, and the digit that each shows. The test images are never trained on.
const { train, test } = digits();
if (batchSize > train.count) refuse(`--batch is ${batchSize}; there are ${train.count} images`);

// The model: three layers of weighted sums. Without relu between them, the three would be one big sum.
const model = sequential(dense(256), relu(), dense(128), relu(), dense(10));
const trainer = createTrainer(engine, model, { inputShape: [784], optimizer: adam({ learningRate }), seed });
console.log(`${trainer.parameterCount} weights`);

// One step, written once with stand-ins for the tensors. To `minimize` a loss is to ask for its gradient (how it
// changes with every weight, found by the chain rule) and to have the optimizer move the weights against it.
const step = await trainer.compile(
  ({ x, y }, predict) => {
    const logits = predict(x); // [batch, 10]: a score for each digit
    return { minimize: ops.crossEntropy(logits, y), correct: correctCount(logits, y) };
  },
  { name: "train", inputs: { x: [batchSize, 784], y: { shape: [batchSize], dtype: "i32" } } },
);

// The loop. Each image comes once an epoch (but for a few that fill no batch), in a new order each time.
const stepsPerEpoch = Math.floor(train.count / batchSize);
let order = epochOrder(train.count, seed, 0);
for (let i = 0; i < steps; i++) {
  const position = i % stepsPerEpoch;
  if (position === 0) order = epochOrder(train.count, seed, i / stepsPerEpoch);
  const batch = order.subarray(position * batchSize, (position + 1) * batchSize);
  const { loss, correct } = await step.run(samples(train, batch));
  if (i % 50 === 0 || i === steps - 1) {
    console.log(`step ${i + 1}: loss ${loss[0].toFixed(4)}, ${correct[0]} of ${batchSize} right`);
  }
}

// The result: the fraction of right answers on images that the network has never seen.
const { accuracy = 0 } = await evaluate(trainer, test);
console.log(`test accuracy: ${(100 * accuracy).toFixed(2)} %`);

/** The samples at `indices` as the step takes them: pixels from 0 to 1, and class indices. */
function samples({ inputs, targets }: Dataset, indices: Uint32Array) {
  const size = sampleSize(inputs);
  const x = new Float32Array(indices.length * size);
  indices.forEach((index, i) => {
    for (let j = 0; j < size; j++) x[i * size + j] = inputs.data[index * size + j] * inputs.scale;
  });
  return { x, y: Int32Array.from(indices, (index) => targets.data[index]) };
}

/**
 * Training by a session, some steps at a time: as little as it takes to train, look, and go on.
 *
 *   npm run demo:loop -- [--steps 300] [--batch 128] [--learning-rate 0.001] [--seed 1]
 *
 * demo/step.ts does the same on the level below, and shows the parts of a step.
 */
import { adam, connect, dense, relu, sequential, session } from "wgrad";
import { digits } from "wgrad/data";
import { loopArguments, refuse } from "./arguments.ts";

const { steps, batchSize, learningRate, seed } = loopArguments("demo:loop");

await using engine = await connect().catch(async (error: Error) => {
  console.log(`${error.message}\nTraining on the processor.`);
  const { wasm } = await import("wgrad/wasm");
  return wasm();
});
console.log(`device: ${engine.info.adapter}`);

const { train, test } = digits();
if (batchSize > train.count) refuse(`--batch is ${batchSize}; there are ${train.count} images`);

using training = await session(engine, sequential(dense(256), relu(), dense(128), relu(), dense(10)), train, {
  optimizer: adam({ learningRate }),
  batchSize,
  seed,
  dropLast: true,
  firstEpoch: 0,
});
console.log(`${training.trainer.parameterCount} weights`);

for (let left = steps; left > 0; ) {
  const { loss, accuracy = 0, place } = await training.advance();
  console.log(
    `step ${place.steps}: loss ${loss.toFixed(4)}, ${Math.round(accuracy * batchSize)} of ${batchSize} right`,
  );
  left = steps - place.steps;
  // Up to the next one that is told of, which is the 50th from here, or the last.
  const between = Math.min(50, left) - 1;
  if (between > 0) left -= (await training.advance(between)).steps;
}

const { accuracy = 0 } = await training.evaluate(test);
console.log(`test accuracy: ${(100 * accuracy).toFixed(2)} %`);

/** Prediction: a model's outputs for samples from the host. */
import { inputSource } from "../nn/ops/source.ts";
import { ShapeError } from "../nn/tensor.ts";
import { elementCount, formatShape } from "../program.ts";
import { checkBatchSize } from "./evaluate.ts";
import type { TensorData, Trainer } from "./trainer.ts";

export interface PredictOptions {
  /** Samples a step (default 256, or all if they are fewer). */
  readonly batchSize?: number;
}

/**
 * The model's outputs [samples, …] for `inputs`, samples one after the other.
 * @throws RangeError when the inputs are no whole number of samples.
 */
export async function predict(
  trainer: Trainer,
  inputs: Float32Array,
  options: PredictOptions = {},
): Promise<TensorData> {
  const { inputShape } = trainer.options;
  const sampleSize = elementCount(inputShape);
  const count = inputs.length / sampleSize;
  if (!Number.isInteger(count) || count === 0) {
    throw new RangeError(
      `predict: got ${inputs.length} numbers; expected a multiple of ${sampleSize}, one sample being ${formatShape(inputShape)}`,
    );
  }
  const { batchSize = 256 } = options;
  checkBatchSize("predict", batchSize);
  const size = Math.min(batchSize, count);
  let shape: readonly number[] = [];
  const step = await trainer.compile(
    (_inputs, model) => {
      const outputs = model(inputSource("x", [size, ...inputShape]));
      if (outputs.shape[0] !== size) {
        throw new ShapeError(
          "predict",
          `the model turns ${size} samples into ${formatShape(outputs.shape)}; expected [${size}, …], a row for each`,
        );
      }
      shape = outputs.shape.slice(1);
      return { outputs };
    },
    { name: "predict", training: false },
  );
  try {
    const outputSize = elementCount(shape);
    const data = new Float32Array(count * outputSize);
    for (let start = 0; start < count; start += size) {
      // The last batch is filled up with the samples before it: each is computed on its own, none is left out.
      const first = Math.min(start, count - size);
      const x = inputs.slice(first * sampleSize, (first + size) * sampleSize);
      const { outputs } = await step.run({ x });
      data.set(outputs, first * outputSize);
    }
    return { shape: [count, ...shape], data };
  } finally {
    step.release();
  }
}

/** Prediction: a model's outputs for samples from the host. */
import type { Dataset } from "../data/dataset.ts";
import { sigmoidOp } from "../nn/ops/scalar.ts";
import { softmaxOf } from "../nn/ops/softmax.ts";
import { inputSource } from "../nn/ops/source.ts";
import { ShapeError } from "../nn/tensor.ts";
import { elementCount, formatShape } from "../program.ts";
import { checkBatchSize } from "./evaluate.ts";
import type { TensorData, Trainer } from "./trainer.ts";

export interface PredictOptions {
  /** Samples a step (default 256, or all if they are fewer). */
  readonly batchSize?: number;
  /**
   * Gives probabilities, computed on the engine, instead of the outputs as they are: softmax over the last axis, or the
   * sigmoid of each output. For models that give logits.
   */
  readonly probabilities?: "softmax" | "sigmoid";
  /** With `probabilities`: from which one on a class counts, from 0 to 1. Gives `classes`. */
  readonly threshold?: number;
}

/** The outputs or probabilities, and what was decided. */
export interface Prediction extends TensorData {
  /**
   * With a threshold. After softmax, for each sample: the most probable class (the first of equal ones), or -1 where it
   * is less probable than the threshold. After sigmoid, for each output: whether it reaches the threshold, 1 or 0. NaN
   * is -1.
   */
  readonly classes?: Int32Array;
}

/**
 * The model's outputs [samples, …] for `inputs`: samples one after the other, or those of a data set.
 * @throws RangeError when the inputs are no whole number of samples, or an option makes no sense.
 */
export async function predict(
  trainer: Trainer,
  inputs: Float32Array | Dataset,
  options: PredictOptions & { readonly threshold: number },
): Promise<Required<Prediction>>;
export async function predict(
  trainer: Trainer,
  inputs: Float32Array | Dataset,
  options?: PredictOptions,
): Promise<Prediction>;
export async function predict(
  trainer: Trainer,
  inputs: Float32Array | Dataset,
  options: PredictOptions = {},
): Promise<Prediction> {
  const { probabilities, threshold } = options;
  checkDecision(options);
  const { inputShape } = trainer.options;
  const sampleSize = elementCount(inputShape);
  const { data: samples, scale } = "inputs" in inputs ? inputs.inputs : { data: inputs, scale: 1 };
  const count = samples.length / sampleSize;
  if (!Number.isInteger(count) || count === 0 || ("count" in inputs && count !== inputs.count)) {
    throw new RangeError(
      `predict: got ${samples.length} numbers; expected a multiple of ${sampleSize}, one sample being ${formatShape(inputShape)}`,
    );
  }
  const { batchSize = 256 } = options;
  checkBatchSize("predict", batchSize);
  const size = Math.min(batchSize, count);
  let shape: readonly number[] = [];
  const step = await trainer.compile(
    (_inputs, model) => {
      let outputs = model(inputSource("x", [size, ...inputShape]));
      if (outputs.shape[0] !== size) {
        throw new ShapeError(
          "predict",
          `the model turns ${size} samples into ${formatShape(outputs.shape)}; expected [${size}, …], a row for each`,
        );
      }
      shape = outputs.shape.slice(1);
      if (probabilities === "sigmoid") outputs = sigmoidOp(outputs);
      if (probabilities === "softmax") {
        if (!(shape[shape.length - 1] > 1)) {
          throw new ShapeError(
            "predict",
            `softmax over the last axis of ${formatShape(outputs.shape)} is 1 everywhere; use "sigmoid"`,
          );
        }
        outputs = softmaxOf(outputs);
      }
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
      const x = new Float32Array(samples.subarray(first * sampleSize, (first + size) * sampleSize));
      // In f32, as steps that read a data set do it.
      if (scale !== 1) for (let i = 0; i < x.length; i++) x[i] *= Math.fround(scale);
      const { outputs } = await step.run({ x });
      data.set(outputs, first * outputSize);
    }
    const prediction = { shape: [count, ...shape], data };
    if (threshold === undefined) return prediction;
    const rowSize = probabilities === "softmax" ? shape[shape.length - 1] : 1;
    return { ...prediction, classes: decided(data, rowSize, threshold) };
  } finally {
    step.release();
  }
}

/** Of each row of probabilities the largest; of rows of one, whether it is large enough. */
function decided(data: Float32Array, rowSize: number, threshold: number): Int32Array {
  // As the probabilities are f32, the threshold must be, to be reached.
  const least = Math.fround(threshold);
  return Int32Array.from({ length: data.length / rowSize }, (_, row) => {
    const probabilities = data.subarray(row * rowSize, (row + 1) * rowSize);
    const most = probabilities.reduce((a, b) => Math.max(a, b));
    if (most >= least) return rowSize > 1 ? probabilities.indexOf(most) : 1;
    return most < least && rowSize === 1 ? 0 : -1;
  });
}

function checkDecision({ probabilities, threshold }: PredictOptions): void {
  if (![undefined, "softmax", "sigmoid"].includes(probabilities)) {
    throw new RangeError(`predict: probabilities is ${probabilities}; give "softmax" or "sigmoid"`);
  }
  if (threshold !== undefined && !(probabilities && threshold >= 0 && threshold <= 1)) {
    throw new RangeError(
      `predict: threshold is ${threshold}; give a number from 0 to 1, and with it probabilities: "softmax" or "sigmoid"`,
    );
  }
}

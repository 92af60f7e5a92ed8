/** Computes predictions. This module is loaded on the first use. */
import { inWords, isList } from "../checks.ts";
import type { InputSet } from "../data/dataset.ts";
import type { RawRows } from "../data/schema.ts";
import { sigmoid } from "../nn/graph/ops/activations.ts";
import { softmax } from "../nn/graph/ops/softmax.ts";
import { inputSource } from "../nn/graph/ops/source.ts";
import { ShapeError } from "../nn/graph/tensor.ts";
import { elementCount, formatShape, type Shape } from "../program.ts";
import { MemoryLimitError } from "../runtime/limits.ts";
import type { Samples } from "./arguments.ts";
import type { CompiledStep } from "./compiledStep.ts";
import { firstNonFinite } from "./finite.ts";
import type { KeptSteps } from "./kept.ts";
import type { PredictInputs, Prediction, PredictOptions } from "./predict.ts";
import { checkSchema } from "./schema.ts";
import type { Trainer } from "./trainer.ts";

/** Predictions for `predict` and predictors, by steps kept in `steps`. */
export async function predictedBy(
  trainer: Trainer,
  steps: KeptSteps,
  inputs: PredictInputs,
  options: PredictOptions,
): Promise<Prediction> {
  const { probabilities, threshold, signal } = options;
  const { inputShape } = trainer.options;
  const sampleSize = elementCount(inputShape);
  const data = inputSet(trainer, inputs);
  const { data: samples, scale } = data?.inputs ?? {
    data: flatSamples("predict", inputs as Samples, sampleSize),
    scale: inputs instanceof Uint8Array ? (trainer.schema?.scale ?? 1) : 1,
  };
  const count = samples.length / sampleSize;
  if (!Number.isInteger(count) || count === 0 || (data && count !== data.count)) {
    throw new RangeError(
      `predict: got ${samples.length} numbers; expected a multiple of ${sampleSize}, one sample being ${formatShape(inputShape)}`,
    );
  }
  if (options.nonFinite !== "allow" && samples instanceof Float32Array) checkFinite(samples, sampleSize);
  const run = async (step: CompiledStep, size: number): Promise<Prediction> => {
    const [, ...shape] = step.program.outputs.outputs.shape;
    const outputSize = elementCount(shape);
    const data = new Float32Array(count * outputSize);
    for (let start = 0; start < count; start += size) {
      signal?.throwIfAborted();
      // The last batch starts earlier, so that it is full.
      const first = Math.max(0, Math.min(start, count - size));
      const x = batchOf(samples.subarray(first * sampleSize, (first + size) * sampleSize), size, sampleSize);
      // In f32, as in steps that read a data set.
      if (scale !== 1) for (let i = 0; i < x.length; i++) x[i] *= Math.fround(scale);
      const { outputs } = await step.run({ x });
      const room = data.length - first * outputSize;
      data.set(outputs.length > room ? outputs.subarray(0, room) : outputs, first * outputSize);
    }
    const prediction = { shape: [count, ...shape], data };
    if (threshold === undefined) return prediction;
    const rowSize = probabilities === "softmax" ? shape[shape.length - 1] : 1;
    const classes = decided(data, rowSize, threshold);
    const classNames =
      classes.length === count ? namesOf(classes, rowSize, trainer.schema?.classes) : undefined;
    return { ...prediction, classes, ...(classNames && { classNames }) };
  };
  for (;;) {
    const size = stepSize(count, options.batchSize ?? steps.most);
    try {
      return await steps.on(trainer.engine).use(
        `predict ${size} ${probabilities}`,
        () => compiled(trainer, size, inputShape, probabilities),
        (step) => run(step, size),
      );
    } catch (error) {
      const free = options.batchSize === undefined && size > 1;
      if (!(free && error instanceof MemoryLimitError)) throw error;
      steps.most = size / 2;
    }
  }
}

/** Batch size of a step for `count` samples: the next power of two, at most `most`. */
function stepSize(count: number, most: number): number {
  return Math.min(most, 2 ** Math.ceil(Math.log2(count)));
}

/** A batch of `size` samples, filled from the first sample on where too few are given. */
function batchOf(samples: InputSet["inputs"]["data"], size: number, sampleSize: number): Float32Array {
  const x = new Float32Array(size * sampleSize);
  x.set(samples);
  for (let at = samples.length; at < x.length; at *= 2) x.copyWithin(at, 0, at);
  return x;
}

function compiled(
  trainer: Trainer,
  size: number,
  inputShape: Shape,
  probabilities: PredictOptions["probabilities"],
): Promise<CompiledStep> {
  return trainer.compile(
    (_inputs, model) => {
      const outputs = model(inputSource("x", [size, ...inputShape]));
      if (outputs.shape[0] !== size) {
        throw new ShapeError(
          "predict",
          `the model turns ${size} samples into ${formatShape(outputs.shape)}; expected [${size}, …], a row for each`,
        );
      }
      if (probabilities === undefined) return { outputs };
      if (probabilities === "sigmoid") return { outputs: sigmoid(outputs) };
      const { rank, shape } = outputs;
      if (rank < 2 || shape[rank - 1] === 1) {
        throw new ShapeError(
          "predict",
          `softmax over the last axis of ${formatShape(shape)} is 1 everywhere; use "sigmoid"`,
        );
      }
      return { outputs: softmax(outputs) };
    },
    // Inputs are checked before, by sample.
    { name: "predict", training: false, nonFinite: "allow" },
  );
}

/**
 * The inputs as a data set.
 * @throws RangeError where a set was read otherwise than the training set, or its bytes have another scale; TypeError
 *   where the model does not know how to read a table
 */
function inputSet({ schema }: Trainer, inputs: PredictInputs): InputSet | undefined {
  if ("inputs" in Object(inputs)) {
    const set = inputs as InputSet;
    checkSchema("predict", set, schema);
    const { data, scale } = set.inputs;
    if (data instanceof Uint8Array && schema?.scale !== undefined && scale !== schema.scale) {
      throw new RangeError(
        `predict: ${set.name} has bytes with scale ${scale}, the model was trained on such with ${schema.scale}; give the same: inputs: { data, shape, scale }`,
      );
    }
    return set;
  }
  if (typeof (inputs as Partial<RawRows> | undefined)?.dataset !== "function") return undefined;
  if (schema?.columns) return (inputs as RawRows).dataset({ like: schema });
  throw new TypeError(
    "predict: the model does not know how rows of a table are read: it was not trained on a data set of a table, nor loaded from " +
      "the file of one that was; give table.dataset({ inputs: […] })",
  );
}

/** Names of the decisions; undefined where classes have no names, or their number differs from the outputs. */
function namesOf(
  classes: Int32Array,
  rowSize: number,
  names: readonly string[] | undefined,
): (string | undefined)[] | undefined {
  return names?.length === Math.max(rowSize, 2) ? Array.from(classes, (index) => names[index]) : undefined;
}

/** The largest of each row of probabilities; for rows of one, whether it reaches the threshold. */
function decided(data: Float32Array, rowSize: number, threshold: number): Int32Array {
  // In f32, as the probabilities are: otherwise an equal probability could miss the threshold.
  const least = Math.fround(threshold);
  return Int32Array.from({ length: data.length / rowSize }, (_, row) => {
    const probabilities = data.subarray(row * rowSize, (row + 1) * rowSize);
    const most = probabilities.reduce((a, b) => Math.max(a, b));
    if (most >= least) return rowSize > 1 ? probabilities.indexOf(most) : 1;
    return most < least && rowSize === 1 ? 0 : -1;
  });
}

function checkFinite(samples: Float32Array, sampleSize: number): void {
  const bad = firstNonFinite(samples);
  if (bad < 0) return;
  throw new RangeError(
    `predict: sample ${Math.floor(bad / sampleSize)} holds ${samples[bad]} at element ${bad % sampleSize}; drop the sample or fill the gap, or give nonFinite: "allow"`,
  );
}

/**
 * All numbers of `samples`, one after the other.
 * @param size number of elements of a sample, and of each row
 * @throws RangeError naming a row of another length; TypeError where `samples` holds no numbers
 */
function flatSamples(owner: string, samples: Samples, size: number): Float32Array {
  if (!isList(samples)) {
    throw new TypeError(
      `${owner}: the inputs are ${inWords(samples)}; give numbers, rows of numbers, or a data set`,
    );
  }
  if (samples instanceof Float32Array) return samples;
  // Typed arrays hold numbers, or else big integers.
  if (ArrayBuffer.isView(samples) && typeof samples[0] === "number")
    return new Float32Array(samples as ArrayLike<number>);
  const nested = isList(samples[0]);
  const numbers: number[] = [];
  for (let i = 0; i < samples.length; i++) {
    const before = numbers.length;
    collect(samples[i] as Samples | number, `${owner}: ${nested ? "row" : "number"} ${i}`, numbers);
    const length = numbers.length - before;
    if (nested && length !== size)
      throw new RangeError(`${owner}: row ${i} has ${length} numbers; expected ${size}, those of one sample`);
  }
  return Float32Array.from(numbers);
}

function collect(value: unknown, what: string, into: number[]): void {
  if (typeof value === "number") into.push(value);
  else if (isList(value)) for (let i = 0; i < value.length; i++) collect(value[i], what, into);
  else throw new TypeError(`${what} is or holds ${inWords(value)}; give numbers`);
}

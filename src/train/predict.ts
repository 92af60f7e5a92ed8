/** Prediction: a model's outputs for samples from the host. */
import { checkOptions, checkWhole } from "../checks.ts";
import type { InputSet } from "../data/dataset.ts";
import type { RawRows } from "../data/schema.ts";
import { sigmoidOp } from "../nn/ops/scalar.ts";
import { softmaxOf } from "../nn/ops/softmax.ts";
import { inputSource } from "../nn/ops/source.ts";
import { ShapeError } from "../nn/tensor.ts";
import { elementCount, formatShape, type Shape } from "../program.ts";
import { MemoryLimitError } from "../runtime/limits.ts";
import { checkTrainer, flatSamples, type Samples } from "./arguments.ts";
import type { CompiledStep } from "./compiledStep.ts";
import { checkNonFinite, firstNonFinite, type NonFinite } from "./finite.ts";
import { KeptSteps } from "./kept.ts";
import { checkSchema } from "./schema.ts";
import type { TensorData, Trainer } from "./trainer.ts";

export interface PredictOptions {
  /** Samples a step at most (default 256, or what the device can hold). */
  readonly batchSize?: number;
  /**
   * Gives probabilities, computed on the engine, instead of the outputs as they are: softmax over the last axis, or the
   * sigmoid of each output. For models that give logits.
   */
  readonly probabilities?: "softmax" | "sigmoid";
  /** With `probabilities`: from which one on a class counts, from 0 to 1. Gives `classes`. */
  readonly threshold?: number;
  /** Whether the inputs may hold NaN and infinities (default "refuse"). */
  readonly nonFinite?: NonFinite;
}

/** The outputs or probabilities, and what was decided. */
export interface Prediction extends TensorData {
  /**
   * With a threshold. After softmax, for each sample: the most probable class (the first of equal ones), or -1 where it
   * is less probable than the threshold. After sigmoid, for each output: whether it reaches the threshold, 1 or 0. NaN
   * is -1.
   */
  readonly classes?: Int32Array;
  /**
   * Beside `classes`, where the model knows what each is called and decides for one in each sample: its name, or undefined
   * where there is none. Of one output after sigmoid, the first name is for 0 and the second for 1.
   */
  readonly classNames?: readonly (string | undefined)[];
}

/** A prediction with what was decided. */
export type Decision = Prediction & Required<Pick<Prediction, "classes">>;

/**
 * What is predicted for: numbers, samples one after the other; rows of numbers, in rows of rows where samples have more
 * axes; the samples of a data set; or the rows of a table as they stand, which are read as those that the model was trained
 * on. Bytes in a Uint8Array are worth what those were worth.
 */
export type PredictInputs = Samples | InputSet | RawRows;

/** {@link predict} with its options, and steps of its own. */
export interface Predictor<P extends Prediction = Prediction> {
  (inputs: PredictInputs): Promise<P>;
  /** Frees its steps on the engine; calls after that compile them anew. */
  release(): void;
}

type Decided = PredictOptions & { readonly threshold: number };

/**
 * The model's outputs [samples, …] for `inputs`: samples one after the other, or those of a data set.
 *
 * Steps are compiled for 1, 2, 4 … samples, up to `batchSize`, and kept with the trainer: of a model, the first call of a
 * size takes long, others little more than the step. What is too short for a step is filled up with other samples of the
 * call, so that layers that mix the samples of a batch see nothing but samples; each sample's outputs are the same to the
 * bit in a batch of any size, as far as the model computes each on its own.
 * @throws RangeError when the inputs are no whole number of samples or not finite, or an option makes no sense
 */
export async function predict(trainer: Trainer, inputs: PredictInputs, options: Decided): Promise<Decision>;
export async function predict(
  trainer: Trainer,
  inputs: PredictInputs,
  options?: PredictOptions,
): Promise<Prediction>;
export async function predict(
  trainer: Trainer,
  inputs: PredictInputs,
  options: PredictOptions = {},
): Promise<Prediction> {
  checkTrainer("predict", trainer);
  return predicted(trainer, trainer.kept, inputs, checked("predict", options));
}

/**
 * `predict` as a function of the inputs, for those who ask again and again. Its steps are its own: `release` frees them,
 * and other predictions do not crowd them out.
 * @throws RangeError where an option makes no sense
 */
export function predictor(trainer: Trainer, options: Decided): Predictor<Decision>;
export function predictor(trainer: Trainer, options?: PredictOptions): Predictor;
export function predictor(trainer: Trainer, options: PredictOptions = {}): Predictor {
  checkTrainer("predictor", trainer);
  const settings = checked("predictor", options);
  const steps = new KeptSteps();
  const call = (inputs: PredictInputs) => predicted(trainer, steps, inputs, settings);
  return Object.assign(call, { release: () => steps.release() });
}

async function predicted(
  trainer: Trainer,
  steps: KeptSteps,
  inputs: PredictInputs,
  options: PredictOptions,
): Promise<Prediction> {
  trainer.checkAwaited("predict");
  const { probabilities, threshold } = options;
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
      // The last batch begins earlier, so that it is full.
      const first = Math.max(0, Math.min(start, count - size));
      const x = batchOf(samples.subarray(first * sampleSize, (first + size) * sampleSize), size, sampleSize);
      // In f32, as steps that read a data set do it.
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
      return await steps.use(
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

/** How many samples a step for `count` of them takes: a power of two at least, as long as that is no more than `most`. */
function stepSize(count: number, most: number): number {
  return Math.min(most, 2 ** Math.ceil(Math.log2(count)));
}

/** A batch of `size` samples: those given, from the first again where they are too few. */
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
      if (probabilities === "sigmoid") return { outputs: sigmoidOp(outputs) };
      const { rank, shape } = outputs;
      if (rank < 2 || shape[rank - 1] === 1) {
        throw new ShapeError(
          "predict",
          `softmax over the last axis of ${formatShape(shape)} is 1 everywhere; use "sigmoid"`,
        );
      }
      return { outputs: softmaxOf(outputs) };
    },
    // The inputs are held against it before, by sample.
    { name: "predict", training: false, nonFinite: "allow" },
  );
}

/**
 * The data set that the inputs are, or become.
 * @throws TypeError for a table where the model does not know how to read it; RangeError for a set that was read otherwise
 *   than what it was trained on, or bytes that are worth something else
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

/** What was decided, by name; undefined where classes have no names, or there are others than the model's outputs. */
function namesOf(
  classes: Int32Array,
  rowSize: number,
  names: readonly string[] | undefined,
): (string | undefined)[] | undefined {
  return names?.length === Math.max(rowSize, 2) ? Array.from(classes, (index) => names[index]) : undefined;
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

function checkFinite(samples: Float32Array, sampleSize: number): void {
  const bad = firstNonFinite(samples);
  if (bad < 0) return;
  throw new RangeError(
    `predict: sample ${Math.floor(bad / sampleSize)} holds ${samples[bad]} at element ${bad % sampleSize}; drop the sample or fill the gap, or give nonFinite: "allow"`,
  );
}

/** @throws RangeError | TypeError for an option that makes no sense */
function checked(owner: string, options: PredictOptions): PredictOptions {
  checkOptions(owner, options, {
    batchSize: "number",
    probabilities: "string",
    threshold: "number",
    nonFinite: "string",
  });
  const { batchSize = 256, probabilities, threshold, nonFinite = "refuse" } = options;
  checkWhole(`${owner}: batchSize`, batchSize);
  checkNonFinite(owner, nonFinite);
  if (![undefined, "softmax", "sigmoid"].includes(probabilities)) {
    throw new RangeError(`${owner}: probabilities is ${probabilities}; give "softmax" or "sigmoid"`);
  }
  if (threshold !== undefined && !(probabilities && threshold >= 0 && threshold <= 1)) {
    throw new RangeError(
      `${owner}: threshold is ${threshold}; give a number from 0 to 1, and with it probabilities: "softmax" or "sigmoid"`,
    );
  }
  return options;
}

/**
 * The work of benchmarks: models, data, and the compiled training step.
 *
 * The step is that of `fit`: a batch is gathered from a data set in the engine's memory, and many steps go into one
 * submit.
 */
import {
  adam,
  type CompiledStep,
  DivergenceError,
  type Engine,
  init,
  type Sequential,
  type Session,
  session,
  type Trainer,
} from "wgrad";
import { type Dataset, dataset, epochOrder } from "wgrad/data";
import { network } from "../presets/build.ts";
import { CONVOLUTIONS, type Filters, layerSizes } from "../presets/choices.ts";
import { relativeDifference, TOLERANCE } from "./agreement.ts";

export { COMPARED_STEPS, relativeDifference } from "./agreement.ts";

/** A model: two convolutions or none, then hidden dense layers, then one unit for each class. */
export interface StepModel {
  readonly convolutions: boolean;
  /** Widths of the hidden dense layers. */
  readonly hidden: readonly number[];
}

/** A model with the size of its batches. */
export interface Workload extends StepModel {
  readonly batch: number;
  /** Seed of the initial parameters. */
  readonly seed: number;
}

export const IMAGE = [1, 28, 28];
const FEATURES = 784;
export const CLASSES = 10;
/** Enough that a step's batch is not in the caches from the step before. */
export const SAMPLES = 20_000;
/** Adam's learning rate. */
export const LEARNING_RATE = 0.001;
export interface Samples {
  /** SAMPLES images of bytes, one after another. */
  readonly inputs: Uint8Array<ArrayBuffer>;
  /** A class each. */
  readonly targets: Uint8Array<ArrayBuffer>;
  /** The order in which batches take them. */
  readonly order: Int32Array<ArrayBuffer>;
}

/** So many images are drawn; the others repeat them, as drawing takes seconds. */
const DRAWN = 2000;

/** Random bytes as images, random classes, and a shuffled order: a data set without structure, for time alone. */
export function samples(seed: number): Samples {
  const uniform = (length: number, below: number, stream: number) =>
    Uint8Array.from(init.uniform(0, below)([length], { seed, stream }), Math.floor);
  const inputs = new Uint8Array(SAMPLES * FEATURES);
  const drawn = uniform(DRAWN * FEATURES, 256, 1);
  for (let offset = 0; offset < inputs.length; offset += drawn.length) inputs.set(drawn, offset);
  return {
    inputs,
    targets: uniform(SAMPLES, CLASSES, 2),
    order: Int32Array.from(epochOrder(SAMPLES, seed, 1)),
  };
}

/** Images and their classes as a data set whose samples lie in the order in which batches are to take them. */
export function inOrder(
  { inputs, targets, order }: Samples,
  shape: readonly number[],
  classes?: number,
): Dataset {
  const images = new Uint8Array(order.length * FEATURES);
  order.forEach((sample, i) => {
    images.set(inputs.subarray(sample * FEATURES, (sample + 1) * FEATURES), i * FEATURES);
  });
  return dataset({
    inputs: { data: images, shape, scale: 1 / 255 },
    targets: { data: Uint8Array.from(order, (sample) => targets[sample]) },
    classes,
  });
}

/** The shape of a sample, as the model's first layer takes it. */
export function inputShapeOf({ convolutions }: StepModel): number[] {
  return convolutions ? IMAGE : [FEATURES];
}

/** The convolutions of a model: those of the ConvNet, or none. */
export function convolutionsOf({ convolutions }: StepModel): readonly Filters[] {
  return convolutions ? CONVOLUTIONS : [];
}

export function modelOf(model: StepModel): Sequential {
  return network({ convolutions: convolutionsOf(model), hidden: model.hidden, classes: CLASSES });
}

/** Inputs, filters and their sizes, hidden widths, classes. */
export function layersOf(model: StepModel): (number | string)[] {
  return layerSizes(FEATURES, convolutionsOf(model), model.hidden, CLASSES);
}

/** Losses and times of a number of steps. */
interface StepsRun {
  readonly losses: readonly number[];
  /** Time of all steps. */
  readonly milliseconds: number;
  /** The part of these in which this thread encoded and submitted. */
  readonly hostMilliseconds: number;
}

/** A model in training on one engine: the steps of `fit`, on batches that come in the same order in every epoch. */
export class Candidate {
  private constructor(readonly training: Session) {}

  static async open(engine: Engine, workload: Workload, data: Samples): Promise<Candidate> {
    const { batch: batchSize, seed } = workload;
    const samples = inOrder(data, inputShapeOf(workload), CLASSES);
    const optimizer = adam({ learningRate: LEARNING_RATE });
    const options = { optimizer, batchSize, seed, shuffle: false, dropLast: true };
    return new Candidate(await session(engine, modelOf(workload), samples, options));
  }

  get step(): CompiledStep {
    return this.training.step;
  }

  get trainer(): Trainer {
    return this.training.trainer;
  }

  /** Number of trainable values. */
  get parameters(): number {
    return this.trainer.parameterCount;
  }

  /** Runs `count` steps, and waits for the last. */
  async run(count: number): Promise<StepsRun> {
    const began = performance.now();
    const { losses, hostMilliseconds } = await this.training.advance(count);
    return { losses, milliseconds: performance.now() - began, hostMilliseconds };
  }

  /** Runs `count` steps to be compared: where training diverges, their losses are NaN. */
  async compared(count: number): Promise<StepsRun> {
    const began = performance.now();
    try {
      return await this.run(count);
    } catch (error) {
      if (!(error instanceof DivergenceError)) throw error;
      const milliseconds = performance.now() - began;
      return { losses: Array(count).fill(Number.NaN), milliseconds, hostMilliseconds: milliseconds };
    }
  }

  /** Runs `count` steps launch by launch, or as many as one run can have. */
  profile(count: number): ReturnType<CompiledStep["profile"]> {
    const { batchSize, stepsPerEpoch } = this.training;
    const { rows } = this.step.executable.table;
    return this.step.profile(Math.min(count, rows), (i) => ({ batchStart: (i % stepsPerEpoch) * batchSize }));
  }

  /** Frees the workload's memory on the engine. */
  release(): void {
    this.training.release();
  }
}

/** The agreement of two engines, or of two systems, on the same steps. */
export interface Agreement {
  /** The largest relative difference between the losses. */
  readonly lossDifference: number;
  readonly comparedSteps: number;
}

/**
 * Holds the losses of the same first steps on two engines against each other.
 * @throws Error when they do not agree: then there is nothing worth timing
 */
export function agreement(
  actual: { readonly adapter: string; readonly losses: readonly number[] },
  expected: { readonly adapter: string; readonly losses: readonly number[] },
  tolerance: number = TOLERANCE.engines,
): Agreement {
  const lossDifference = relativeDifference(actual.losses, expected.losses);
  const comparedSteps = expected.losses.length;
  if (!(lossDifference <= tolerance)) {
    throw new Error(
      `the engines disagree by ${lossDifference} in the losses of the first ${comparedSteps} steps, more than ${TOLERANCE.engines}; nothing was timed. ` +
        `${actual.adapter}: ${actual.losses.join(" ")}; ${expected.adapter}: ${expected.losses.join(" ")}`,
    );
  }
  return { lossDifference, comparedSteps };
}

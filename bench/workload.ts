/**
 * What benchmarks train: models, data, and the compiled training step.
 *
 * The step is that of `fit`: a batch is gathered from a data set in the engine's memory, and many steps go into one
 * submit.
 */
import {
  adam,
  type CompiledStep,
  correctCount,
  createTrainer,
  dataSource,
  type Engine,
  type EngineBuffer,
  gather,
  init,
  mul,
  ops,
  type Sequential,
  stepWindow,
  type Tensor,
  type Trainer,
} from "wgrad";
import { epochOrder } from "wgrad/data";
import { network } from "../presets/build.ts";
import { CONVOLUTIONS, type Filters, layerSizes } from "../presets/choices.ts";
import { relativeDifference, TOLERANCE } from "./agreement.ts";

export { COMPARED_STEPS, relativeDifference } from "./agreement.ts";

/** What is trained: two convolutions or none, then hidden dense layers, then one unit for each class. */
export interface StepModel {
  readonly convolutions: boolean;
  /** Widths of the hidden dense layers. */
  readonly hidden: readonly number[];
}

/** A model with the size of its batches. */
export interface Workload extends StepModel {
  readonly batch: number;
  /** Of the initial parameters. */
  readonly seed: number;
}

export const IMAGE = [1, 28, 28];
const FEATURES = 784;
export const CLASSES = 10;
/** Enough that a step's batch is not in the caches from the step before. */
export const SAMPLES = 20_000;
/** Of Adam. */
export const LEARNING_RATE = 0.001;
/** As in `fit`. */
const MAX_STEPS_PER_RUN = 256;

interface Samples {
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

/** A data set in an engine's memory, for as many candidates as share it. */
export type ResidentSamples = Readonly<Record<keyof Samples, EngineBuffer>>;

export function upload(engine: Engine, { inputs, targets, order }: Samples): ResidentSamples {
  return {
    inputs: engine.buffer("inputs", "u8", inputs.length, inputs),
    targets: engine.buffer("targets", "u8", targets.length, targets),
    order: engine.buffer("order", "i32", order.length, order),
  };
}

/**
 * Traces a batch of `size` samples out of `count` resident ones: those that the order names from step scalar
 * `batchStart` on.
 */
export function tracedBatch(
  count: number,
  inputShape: readonly number[],
  size: number,
): { x: Tensor; y: Tensor } {
  const indices = stepWindow(dataSource("order", [count], "i32"), "batchStart", size);
  const images = dataSource("inputs", [count, ...inputShape], "u8");
  const classes = dataSource("targets", [count], "u8");
  return { x: mul(gather(images, indices), 1 / 255), y: gather(classes, indices) };
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

/** What a number of steps came to. */
interface StepsRun {
  readonly losses: number[];
  /** In all. */
  readonly milliseconds: number;
  /** Until the last call returned that encodes and submits. */
  readonly hostMilliseconds: number;
}

/** The step on one engine, with all it needs in the engine's memory. */
export class Candidate {
  private constructor(
    readonly step: CompiledStep,
    readonly batch: number,
    readonly trainer: Trainer,
  ) {}

  static async compile(engine: Engine, workload: Workload, data: ResidentSamples): Promise<Candidate> {
    const { batch, seed } = workload;
    const inputShape = inputShapeOf(workload);
    const optimizer = adam({ learningRate: LEARNING_RATE });
    const trainer = createTrainer(engine, modelOf(workload), { inputShape, optimizer, seed });
    const step = await trainer.compile(
      (_inputs, model) => {
        const { x, y } = tracedBatch(SAMPLES, inputShape, batch);
        const logits = model(x);
        return { minimize: ops.crossEntropy(logits, y), correct: correctCount(logits, y) };
      },
      { name: "train", data, maxSteps: MAX_STEPS_PER_RUN },
    );
    return new Candidate(step, batch, trainer);
  }

  /** How many numbers the model learns. */
  get parameters(): number {
    return this.trainer.parameterCount;
  }

  /** Runs `count` steps, and waits for the last. */
  async run(count: number): Promise<StepsRun> {
    const batches = Math.floor(SAMPLES / this.batch);
    const runs: ReturnType<CompiledStep["runMany"]>[] = [];
    const began = performance.now();
    for (let first = 0; first < count; first += MAX_STEPS_PER_RUN) {
      const steps = Math.min(MAX_STEPS_PER_RUN, count - first);
      const batchStart = (i: number) => ((first + i) % batches) * this.batch;
      runs.push(this.step.runMany(steps, (i) => ({ batchStart: batchStart(i) })));
    }
    const enqueued = performance.now();
    const outputs = await Promise.all(runs);
    const ended = performance.now();
    return {
      losses: outputs.flatMap(({ loss }) => [...loss]),
      milliseconds: ended - began,
      hostMilliseconds: enqueued - began,
    };
  }

  /** Runs `count` steps launch by launch. */
  profile(count: number): ReturnType<CompiledStep["profile"]> {
    const batches = Math.floor(SAMPLES / this.batch);
    return this.step.profile(count, (i) => ({ batchStart: (i % batches) * this.batch }));
  }

  /** Frees what it alone has in the engine's memory. */
  release(): void {
    this.step.release();
    this.trainer.release();
  }
}

/** What two engines, or two systems, made of the same steps. */
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
): Agreement {
  const lossDifference = relativeDifference(actual.losses, expected.losses);
  const comparedSteps = expected.losses.length;
  if (!(lossDifference <= TOLERANCE.engines)) {
    throw new Error(
      `the engines disagree by ${lossDifference} in the losses of the first ${comparedSteps} steps, more than ${TOLERANCE.engines}; nothing was timed. ` +
        `${actual.adapter}: ${actual.losses.join(" ")}; ${expected.adapter}: ${expected.losses.join(" ")}`,
    );
  }
  return { lossDifference, comparedSteps };
}

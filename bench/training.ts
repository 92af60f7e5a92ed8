/** A whole training run on a data set, with the accuracy on its test set after every few steps. */
import { adam, type Engine, oneCycle, openData, session } from "wgrad";
import type { Dataset } from "wgrad/data";
import { inputShapeOf, modelOf, type StepModel } from "./workload.ts";

/** Training of a model: Adam, with a learning rate that goes up and down along one cycle. */
export interface Recipe extends StepModel {
  readonly batch: number;
  readonly epochs: number;
  /** Learning rate at the cycle's peak. */
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
}

export interface TrainingData {
  readonly train: Dataset;
  readonly test: Dataset;
}

/** Seconds from nothing to the end of the first step. */
export interface StartUp {
  /** Until the data lay in the engine's memory. */
  readonly upload: number;
  /** Compilation of the training step. */
  readonly compile: number;
  readonly firstStep: number;
}

export interface AccuracyPoint {
  readonly steps: number;
  /** Spent in training steps, the first one included. */
  readonly seconds: number;
  readonly accuracy: number;
}

export interface TrainingRun {
  readonly seed: number;
  readonly startUp: StartUp;
  readonly points: readonly AccuracyPoint[];
  /** Spent in evaluations, which the seconds of training leave out, and in compiling them. */
  readonly evaluationSeconds: number;
}

/**
 * Trains with the recipe, and evaluates after every `every` steps and at the end. A last batch that would be smaller is
 * left out.
 * @throws Error as soon as a loss is no number
 */
export async function trainOnce(
  engine: Engine,
  recipe: Recipe,
  { train, test }: TrainingData,
  { every, seed }: { readonly every: number; readonly seed: number },
): Promise<TrainingRun> {
  const { batch: batchSize, epochs, learningRate, beta1, beta2 } = recipe;
  const shaped = (data: Dataset) => ({ ...data, inputs: { ...data.inputs, shape: inputShapeOf(recipe) } });
  const images = shaped(train);
  const upload = await secondsToUpload(engine, images, batchSize);
  const watch = new Stopwatch();
  using training = await session(engine, modelOf(recipe), images, {
    optimizer: adam({ learningRate, beta1, beta2 }),
    schedule: oneCycle(),
    batchSize,
    epochs,
    seed,
    dropLast: true,
    confusion: false,
  });
  const opened = watch.lap();
  await training.advance(1);
  const firstStep = watch.lap();
  let seconds = firstStep;
  let evaluationSeconds = 0;
  const points: AccuracyPoint[] = [];
  const unseen = shaped(test);
  while (!training.finished) {
    const { place } = await training.advance(every - (training.place.steps % every));
    seconds += watch.lap();
    const { accuracy = Number.NaN } = await training.evaluate(unseen);
    points.push({ steps: place.steps, seconds, accuracy });
    evaluationSeconds += watch.lap();
  }
  const startUp = { upload, compile: Math.max(0, opened - upload), firstStep };
  return { seed, startUp, points, evaluationSeconds };
}

/** Until a data set lies in the engine's memory: what opening a session takes beside that goes into compiling. */
async function secondsToUpload(engine: Engine, data: Dataset, batchSize: number): Promise<number> {
  const watch = new Stopwatch();
  const source = await openData(engine, data, { batchSize });
  // Reading waits for everything before.
  await source.data[`${data.name} order`]?.read();
  const seconds = watch.lap();
  source.release();
  return seconds;
}

/** Seconds from lap to lap. */
export class Stopwatch {
  #last = performance.now();

  lap(): number {
    const now = performance.now();
    const seconds = (now - this.#last) / 1000;
    this.#last = now;
    return seconds;
  }
}

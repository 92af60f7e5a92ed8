/** A whole training run on a data set, with the accuracy on its test set after every few steps. */
import {
  adam,
  type CompiledStep,
  correctCount,
  createTrainer,
  type Engine,
  type EngineBuffer,
  oneCycle,
  ops,
  type Trainer,
} from "wgrad";
import { type Dataset, epochOrder } from "wgrad/data";
import { inputShapeOf, modelOf, type StepModel, tracedBatch } from "./workload.ts";

/** How a model is trained: Adam, with a learning rate that goes up and down along one cycle. */
export interface Recipe extends StepModel {
  readonly batch: number;
  readonly epochs: number;
  /** At the cycle's peak. */
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
  /** Of the training step. */
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

/** Steps in one submit: few enough that a page would stay responsive. */
const STEPS_PER_RUN = 32;
const MAX_EVALUATION_BATCH = 1000;

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
  const watch = new Stopwatch();
  const memory = await upload(engine, train);
  const uploaded = watch.lap();
  const training = await Training.compile(engine, recipe, train, memory, seed);
  const compiled = watch.lap();
  const evaluation = await Evaluation.compile(training.trainer, inputShapeOf(recipe), test);
  let evaluationSeconds = watch.lap();

  await training.advance(1);
  const firstStep = watch.lap();
  let seconds = firstStep;
  const points: AccuracyPoint[] = [];
  while (training.steps < training.total) {
    await training.advance(every - (training.steps % every));
    seconds += watch.lap();
    points.push({ steps: training.steps, seconds, accuracy: await evaluation.accuracy() });
    evaluationSeconds += watch.lap();
  }
  evaluation.release();
  training.release();
  release(memory);
  return { seed, startUp: { upload: uploaded, compile: compiled, firstStep }, points, evaluationSeconds };
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

type Resident = Readonly<Record<"inputs" | "targets" | "order", EngineBuffer>>;

/** Puts a data set of bytes into the engine's memory, and waits until it is there. */
async function upload(engine: Engine, { name, inputs, targets, count }: Dataset): Promise<Resident> {
  const resident = {
    inputs: engine.buffer(`${name} inputs`, "u8", inputs.data.length, inputs.data),
    targets: engine.buffer(`${name} targets`, "u8", targets.data.length, targets.data),
    order: engine.buffer(
      `${name} order`,
      "i32",
      count,
      Int32Array.from({ length: count }, (_, i) => i),
    ),
  };
  // Reading waits for everything before.
  await resident.order.read();
  return resident;
}

function release(resident: Resident): void {
  for (const buffer of Object.values(resident)) buffer.release();
}

class Training {
  steps = 0;
  readonly total: number;
  readonly #stepsPerEpoch: number;
  readonly #schedule = oneCycle();

  private constructor(
    readonly trainer: Trainer,
    readonly step: CompiledStep,
    readonly recipe: Recipe,
    readonly count: number,
    readonly order: EngineBuffer,
  ) {
    this.#stepsPerEpoch = Math.floor(count / recipe.batch);
    this.total = this.#stepsPerEpoch * recipe.epochs;
  }

  static async compile(engine: Engine, recipe: Recipe, { count }: Dataset, data: Resident, seed: number) {
    const { batch, learningRate, beta1, beta2 } = recipe;
    const inputShape = inputShapeOf(recipe);
    const optimizer = adam({ learningRate, beta1, beta2 });
    const trainer = createTrainer(engine, modelOf(recipe), { inputShape, optimizer, seed });
    const step = await trainer.compile(
      (_inputs, model) => {
        const { x, y } = tracedBatch(count, inputShape, batch);
        return { minimize: ops.crossEntropy(model(x), y) };
      },
      { name: "train", data, maxSteps: STEPS_PER_RUN },
    );
    return new Training(trainer, step, recipe, count, data.order);
  }

  /** Takes `count` steps, or as many as are left, and waits for them. */
  async advance(count: number): Promise<void> {
    const runs: Promise<unknown>[] = [];
    const end = Math.min(this.total, this.steps + count);
    while (this.steps < end) {
      const inEpoch = this.steps % this.#stepsPerEpoch;
      if (inEpoch === 0) this.#shuffle(this.steps / this.#stepsPerEpoch + 1);
      const steps = Math.min(STEPS_PER_RUN, end - this.steps, this.#stepsPerEpoch - inEpoch);
      runs.push(this.#run(steps, inEpoch));
      this.steps += steps;
    }
    await Promise.all(runs);
  }

  #shuffle(epoch: number): void {
    this.order.write(Int32Array.from(epochOrder(this.count, this.trainer.seed, epoch)));
  }

  async #run(count: number, inEpoch: number): Promise<void> {
    const { batch, learningRate } = this.recipe;
    const first = this.steps;
    const factor = (step: number) =>
      this.#schedule.factor({ step, total: this.total, stepsPerEpoch: this.#stepsPerEpoch, history: [] });
    const { loss } = await this.step.runMany(count, (i) => ({
      batchStart: (inEpoch + i) * batch,
      learningRate: learningRate * factor(first + i),
    }));
    const wrong = loss.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) throw new Error(`the loss became ${loss[wrong]} in step ${first + wrong + 1}`);
  }

  release(): void {
    this.step.release();
    this.trainer.release();
  }
}

/** Counts right answers on a test set, in batches of one size and a last one of what is left. */
class Evaluation {
  private constructor(
    readonly count: number,
    readonly memory: Resident,
    readonly parts: readonly { readonly step: CompiledStep; readonly starts: readonly number[] }[],
  ) {}

  static async compile(trainer: Trainer, inputShape: readonly number[], test: Dataset) {
    const { count } = test;
    const memory = await upload(trainer.engine, test);
    const batch = Math.min(count, MAX_EVALUATION_BATCH);
    const full = Math.floor(count / batch);
    const sizes = [
      { size: batch, starts: Array.from({ length: full }, (_, i) => i * batch) },
      ...(count % batch > 0 ? [{ size: count % batch, starts: [full * batch] }] : []),
    ];
    const parts = await Promise.all(
      sizes.map(async ({ size, starts }) => {
        const step = await trainer.compile(
          (_inputs, model) => {
            const { x, y } = tracedBatch(count, inputShape, size);
            return { correct: correctCount(model(x), y) };
          },
          { name: "evaluate", training: false, data: memory, maxSteps: starts.length },
        );
        return { step, starts };
      }),
    );
    return new Evaluation(count, memory, parts);
  }

  /** The part of samples that the model, as it is now, gets right. */
  async accuracy(): Promise<number> {
    const runs = this.parts.map(({ step, starts }) =>
      step.runMany(starts.length, (i) => ({ batchStart: starts[i] })),
    );
    const outputs = await Promise.all(runs);
    const correct = outputs.flatMap((output) => [...output.correct]).reduce((sum, value) => sum + value, 0);
    return correct / this.count;
  }

  release(): void {
    for (const { step } of this.parts) step.release();
    release(this.memory);
  }
}

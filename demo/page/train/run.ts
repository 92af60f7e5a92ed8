/** A network in training: its steps, what they find, and what is seen of it. On the level under `fit`, to be paused anywhere. */
import {
  type BatchSource,
  type CompiledStep,
  createTrainer,
  describe,
  type Engine,
  encodeSafetensors,
  logSoftmax,
  openData,
  predict,
  type Schedule,
  type Trainer,
  type TrainerState,
} from "wgrad";
import { Batches, type Bunch } from "../../batches.ts";
import { buildModel, buildOptimizer, buildSchedule } from "../network/build.ts";
import type { Settings } from "../network/settings.ts";
import { compileTrainingStep } from "../network/step.ts";
import type { Images } from "./data.ts";
import { filtersOf, gradientHistogram, type Judged, judge, type NamedTensor } from "./insight.ts";
import type { Insight } from "./messages.ts";

/** Rows of the step table, and so the most steps in one submit. */
const MOST_AT_ONCE = 128;
/** Images of an evaluation that are computed at once. */
const EVALUATION_BATCH = 500;
const IMAGE = [1, 28, 28] as const;

export interface BunchResult {
  readonly steps: number;
  /** Means over the bunch's samples. */
  readonly loss: number;
  readonly accuracy: number;
  readonly learningRate: number;
}

export class Run {
  /** Changes take effect with the next steps. */
  learningRate: number;
  /** The validation loss of each epoch so far, by which schedules go. */
  readonly history: number[] = [];
  readonly stepsPerEpoch: number;
  #batches: Batches | undefined;

  private constructor(
    readonly engine: Engine,
    readonly settings: Settings,
    readonly images: Images,
    readonly trainer: Trainer,
    readonly source: BatchSource,
    readonly testSource: BatchSource,
    readonly step: CompiledStep,
    readonly evaluation: CompiledStep,
    readonly schedule: Schedule,
  ) {
    this.learningRate = settings.learningRate;
    this.stepsPerEpoch = Math.floor(images.train.count / settings.batchSize);
  }

  /** Puts data and network on the engine and compiles the steps. Nothing stays there if that fails. */
  static async open(engine: Engine, images: Images, settings: Settings): Promise<Run> {
    const { batchSize, seed } = settings;
    const held: { release(): void }[] = [];
    const holding = <T extends { release(): void }>(one: T): T => {
      held.push(one);
      return one;
    };
    try {
      const optimizer = buildOptimizer(settings);
      const trainer = holding(
        createTrainer(engine, buildModel(settings), { inputShape: IMAGE, optimizer, seed }),
      );
      const source = holding(await openData(engine, images.train, { batchSize }));
      const testBatch = Math.min(EVALUATION_BATCH, images.test.count);
      const testSource = holding(await openData(engine, images.test, { batchSize: testBatch }));
      const [step, evaluation] = await Promise.all([
        compileTrainingStep(trainer, source, settings, MOST_AT_ONCE),
        trainer.compile(
          (_inputs, model) => ({ logProbabilities: logSoftmax(model(testSource.batch(testBatch).x)) }),
          {
            name: "evaluate",
            data: testSource.data,
            maxSteps: Math.floor(images.test.count / testBatch),
            training: false,
          },
        ),
      ]);
      held.push(step, evaluation);
      return new Run(
        engine,
        settings,
        images,
        trainer,
        source,
        testSource,
        step,
        evaluation,
        buildSchedule(settings),
      );
    } catch (error) {
      for (const one of held) one.release();
      throw error;
    }
  }

  get total(): number {
    return this.stepsPerEpoch * this.settings.epochs;
  }

  /** From 1; the last one once all is done. */
  get epoch(): number {
    return Math.min(this.settings.epochs, Math.floor(this.trainer.steps / this.stepsPerEpoch) + 1);
  }

  get finished(): boolean {
    return this.trainer.steps >= this.total;
  }

  /** The next batches, at most `count`, all of one epoch; none once all epochs are done. */
  take(count: number): Promise<Bunch> {
    const { batchSize, epochs, seed } = this.settings;
    // Not before the first are asked for: a snapshot may have set the steps that were taken.
    this.#batches ??= new Batches(this.source, { size: batchSize, seed, epochs, taken: this.trainer.steps });
    return this.#batches.take(Math.min(count, MOST_AT_ONCE));
  }

  /** Enqueues the steps of a bunch. Resolves when they are done. */
  async train({ epoch, starts }: Bunch): Promise<BunchResult> {
    const { batchSize } = this.settings;
    const before = this.trainer.steps;
    const rate = (i: number) =>
      this.learningRate *
      this.schedule.factor({
        step: before + i,
        total: this.total,
        stepsPerEpoch: this.stepsPerEpoch,
        history: this.history,
      });
    const { loss, correct } = await this.step.runMany(starts.length, (i) => ({
      batchStart: starts[i],
      epoch,
      learningRate: rate(i),
    }));
    const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);
    return {
      steps: starts.length,
      loss: sum(loss) / starts.length,
      accuracy: sum(correct) / (starts.length * batchSize),
      learningRate: rate(starts.length - 1),
    };
  }

  /** Reads all test images. */
  async evaluate(): Promise<Judged> {
    const { test } = this.images;
    for await (const [{ starts }] of this.testSource.read({ epoch: 0, seed: 0, shuffle: false })) {
      const { logProbabilities } = await this.evaluation.runMany(starts.length, (i) => ({
        batchStart: starts[i],
      }));
      return judge(logProbabilities as Float32Array, test);
    }
    throw new Error("the test images could not be read");
  }

  /** What can be seen of the network now, and the state to come back to. */
  async look({ confusion, mistakes }: Judged): Promise<{ insight: Insight; state: TrainerState }> {
    const { trainer } = this;
    const [state, gradients] = await Promise.all([trainer.snapshot(), trainer.memory.gradients.read()]);
    const weights = this.#weights(state.arenas.parameters);
    return {
      state,
      insight: {
        step: state.steps,
        confusion,
        mistakes,
        filters: filtersOf(weights[0]),
        gradients: this.#weights(gradients as Float32Array).map(gradientHistogram),
      },
    };
  }

  /** The parameters that multiply, without biases, out of an arena. */
  #weights(arena: Float32Array): NamedTensor[] {
    const { layout } = this.trainer;
    const matrices = layout.specs.filter(({ shape }) => shape.length > 1);
    return matrices.map(({ name, shape }) => {
      const offset = layout.offset(name);
      return { name, shape, data: arena.slice(offset, offset + shape.reduce((a, b) => a * b)) };
    });
  }

  /** How likely the image is to show each digit. Its pixels are from 0 to 1. */
  async predict(image: Float32Array): Promise<number[]> {
    return Array.from((await predict(this.trainer, image, { probabilities: "softmax" })).data);
  }

  /** A safetensors file with PyTorch's names. */
  async weightsFile(): Promise<Uint8Array> {
    return encodeSafetensors(await this.trainer.weights(), { format: "pt" });
  }

  programTable(): string {
    return describe(this.step.program);
  }

  /** Frees what the run has on the engine. */
  release(): void {
    for (const one of [this.step, this.evaluation, this.source, this.testSource, this.trainer]) one.release();
  }
}

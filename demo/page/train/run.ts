/** A network in training, with the results of its steps, and its pictures and figures. */
import {
  type Advance,
  type BatchSource,
  type CompiledStep,
  describe,
  type Engine,
  openData,
  ops,
  predict,
  type Session,
  type SessionState,
  session,
} from "wgrad";
import { encodeSafetensors } from "wgrad/safetensors";
import { buildModel, buildSchedule, buildTraining } from "../network/build.ts";
import type { Settings } from "../network/settings.ts";
import type { Images } from "./data.ts";
import { filtersOf, gradientHistogram, type Judged, judge, type NamedTensor } from "./insight.ts";
import type { Insight } from "./messages.ts";

/** Images of an evaluation that are computed at once. */
const EVALUATION_BATCH = 500;

/** The results of some steps. */
export type Trained = Required<Pick<Advance, "steps" | "loss" | "accuracy" | "learningRate">>;

export class Run {
  /** Steps that were asked for: some may be under way. */
  asked = 0;

  private constructor(
    readonly engine: Engine,
    readonly settings: Settings,
    readonly images: Images,
    readonly session: Session,
    readonly testSource: BatchSource,
    readonly evaluation: CompiledStep,
  ) {}

  /** Puts data and network on the engine and compiles the steps. Nothing stays there if that fails. */
  static async open(engine: Engine, images: Images, settings: Settings): Promise<Run> {
    const held: { release(): void }[] = [];
    try {
      const training = await session(engine, buildModel(settings), images.train, {
        ...buildTraining(settings),
        schedule: buildSchedule(settings),
        epochs: settings.epochs,
      });
      held.push(training);
      // The page shows an evaluation image by image, which takes a step of its own.
      const testBatch = Math.min(EVALUATION_BATCH, images.test.count);
      const testSource = await openData(engine, images.test, { batchSize: testBatch });
      held.push(testSource);
      const evaluation = await training.trainer.compile(
        (_inputs, model) => ({ logProbabilities: ops.logSoftmax(model(testSource.batch(testBatch).x)) }),
        {
          name: "evaluate",
          data: testSource.data,
          maxSteps: Math.floor(images.test.count / testBatch),
          training: false,
        },
      );
      return new Run(engine, settings, images, training, testSource, evaluation);
    } catch (error) {
      for (const one of held) one.release();
      throw error;
    }
  }

  get total(): number {
    return this.session.stepsPerEpoch * this.settings.epochs;
  }

  get steps(): number {
    return this.session.place.steps;
  }

  /** From 1; the last one once all is done. */
  get epoch(): number {
    return Math.min(this.settings.epochs, this.session.place.epoch);
  }

  /** Whether the last step that was asked for ends an epoch. */
  get epochEnds(): boolean {
    return this.asked % this.session.stepsPerEpoch === 0;
  }

  /** Whether all steps are asked for. */
  get finished(): boolean {
    return this.asked >= this.total;
  }

  /** Takes the next steps, at most `count`, all of one epoch. Calls may overlap. */
  async train(count: number): Promise<Trained> {
    const { stepsPerEpoch } = this.session;
    const steps = Math.min(count, stepsPerEpoch - (this.asked % stepsPerEpoch));
    this.asked += steps;
    return { accuracy: 0, ...(await this.session.advance(steps)) };
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

  /** The network's pictures and figures now, and the state to return to. */
  async look({ confusion, mistakes }: Judged): Promise<{ insight: Insight; state: SessionState }> {
    const { trainer } = this.session;
    const [state, gradients] = await Promise.all([this.session.snapshot(), trainer.memory.gradients.read()]);
    const weights = this.#weights(state.trainer.arenas.parameters);
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
    const { layout } = this.session.trainer;
    const matrices = layout.specs.filter(({ shape }) => shape.length > 1);
    return matrices.map(({ name, shape }) => {
      const offset = layout.offset(name);
      return { name, shape, data: arena.slice(offset, offset + shape.reduce((a, b) => a * b)) };
    });
  }

  /** The probability of each digit, for an image with pixels from 0 to 1. */
  async predict(image: Float32Array): Promise<number[]> {
    return Array.from((await predict(this.session.trainer, image, { probabilities: "softmax" })).data);
  }

  /** A safetensors file with PyTorch's names. */
  async weightsFile(): Promise<Uint8Array> {
    return encodeSafetensors(await this.session.trainer.weights(), { format: "pt" });
  }

  programTable(): string {
    return describe(this.session.program);
  }

  /** Frees the run's memory on the engine. */
  release(): void {
    for (const one of [this.evaluation, this.testSource, this.session]) one.release();
  }
}

/**
 * The textbook's 784-30-10 network on a few images, learned with and without cures against overfitting (Nielsen, chapter
 * 3). The networks take turns, so that they stay side by side on any machine.
 */
import {
  connect,
  cpu,
  createTrainer,
  DeviceLostError,
  dense,
  dropout,
  type Engine,
  flatten,
  init,
  sequential,
  sgd,
  sigmoid,
  sigmoidCrossEntropy,
  type Trainer,
} from "wgrad";
import { augment, rotate, scale, translate } from "wgrad/augment";
import { type Dataset, digits, take } from "wgrad/data";
import { Exam } from "./exam.ts";
import { Lessons } from "./lessons.ts";
import {
  type ComputedOn,
  type Cure,
  MORE,
  type OverfittingSettings,
  type Standing,
  stepsFor,
  TEST_IMAGES,
  TURN,
} from "./settings.ts";

const HIDDEN = 30;
const RATE = 0.25;
const L2 = 0.001;
const DROP = 0.2;

interface Run {
  readonly trainer: Trainer;
  readonly lessons: Lessons;
  readonly exams: readonly [training: Exam, test: Exam];
}

export class Runs {
  #engine: Engine | undefined;
  #runs: Run[] = [];
  #steps = 0;

  /** `engine`: what to compute on (default: the GPU, or where there is none the CPU). */
  constructor(engine?: Engine) {
    this.#engine = engine;
  }

  /** Begins anew, with a run without a cure and one for each cure. */
  async open(settings: OverfittingSettings): Promise<ComputedOn> {
    const { count, cures, seed } = settings;
    this.#release();
    this.#steps = stepsFor(settings);
    this.#engine ??= await this.#connect();
    const engine = this.#engine;
    const { train, test } = digits({ train: MORE * count, test: TEST_IMAGES });
    const few = take(train, count);
    for (const cure of [undefined, ...cures]) {
      this.#runs.push(await openRun(engine, cure === "more" ? train : few, test, cure, seed));
    }
    return { kind: engine.kind, adapter: engine.info.adapter };
  }

  /** Teaches the network whose turn it is, and marks it. @returns undefined once all are at the end */
  async advance(): Promise<Standing | undefined> {
    const steps = Math.min(...this.#runs.map(({ lessons }) => lessons.steps));
    const place = this.#runs.findIndex(({ lessons }) => lessons.steps === steps);
    const run = this.#runs[place];
    if (!run || steps >= this.#steps) return undefined;
    try {
      await run.lessons.take(TURN);
      const [training, test] = await Promise.all(run.exams.map((exam) => exam.run()));
      return { run: place, steps: run.lessons.steps, training, test };
    } catch (error) {
      // A lost device stays lost: whoever begins anew gets another.
      if (error instanceof DeviceLostError) this.#engine = undefined;
      throw error;
    }
  }

  /** The GPU, or where there is none the CPU: the view says so. */
  async #connect(): Promise<Engine> {
    try {
      // Kernels that are a little faster are not worth the wait for so small a network.
      return await connect({ tune: false });
    } catch {
      return cpu();
    }
  }

  #release(): void {
    for (const { trainer, lessons, exams } of this.#runs) {
      for (const one of [lessons, ...exams, trainer]) one.release();
    }
    this.#runs = [];
  }
}

async function openRun(
  engine: Engine,
  images: Dataset,
  test: Dataset,
  cure: Cure | undefined,
  seed: number,
): Promise<Run> {
  const loss = sigmoidCrossEntropy();
  const trainer = createTrainer(engine, network(cure === "dropout"), {
    inputShape: images.inputs.shape,
    optimizer: sgd({ learningRate: RATE }),
    seed,
  });
  const lessons = await Lessons.compile(trainer, images, {
    loss,
    penalty: cure === "l2" ? { l2: L2 } : undefined,
    augment: cure === "augmentation" ? augment(rotate(10), scale(0.9, 1.1), translate(1.5)) : undefined,
  });
  const exams = [await Exam.compile(trainer, images, loss), await Exam.compile(trainer, test, loss)] as const;
  return { trainer, lessons, exams };
}

/** Weights from N(0, 1), as the textbook's: large enough for a network to learn by heart. */
function network(drops: boolean) {
  const wide = { init: init.normal(1), biasInit: init.normal(1) };
  const drop = drops ? [dropout(DROP)] : [];
  return sequential(flatten(), ...drop, dense(HIDDEN, wide), sigmoid(), ...drop, dense(10, wide));
}

/**
 * The textbook's 784-30-10 network on a few images, learned with and without cures against overfitting (Nielsen, chapter
 * 3). The networks take turns, so that they stay side by side on any machine.
 */
import {
  DeviceLostError,
  dense,
  dropout,
  type Engine,
  flatten,
  init,
  type Session,
  sequential,
  session,
  sgd,
  sigmoid,
  sigmoidCrossEntropy,
} from "wgrad";
import { augment, rotate, scale, translate } from "wgrad/augment";
import { type Dataset, digits, take } from "wgrad/data";
import type { EngineName } from "../../device.tsx";
import { openEngine } from "../../engine.ts";
import {
  BATCH,
  type ComputedOn,
  type Cure,
  type Marks,
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

/** A network in training, and its two exams: on the images learned from, and on images never seen. */
interface Run {
  readonly training: Session;
  readonly images: readonly [training: Dataset, test: Dataset];
}

export class Runs {
  #engine: Engine | undefined;
  #runs: Run[] = [];
  #steps = 0;

  /** `engine`: the engine to compute on (default: the GPU, or WebAssembly without a GPU). */
  constructor(engine?: Engine) {
    this.#engine = engine;
  }

  /** Begins anew, with a run without a cure and one for each cure. The engine stays the one that was first opened. */
  async open(settings: OverfittingSettings, kind: EngineName = "gpu"): Promise<ComputedOn> {
    const { count, cures, seed } = settings;
    this.#release();
    this.#steps = stepsFor(settings);
    // Kernels that are a little faster are not worth the wait for so small a network.
    this.#engine ??= (await openEngine(kind, { tune: false })).engine;
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
    const taken = this.#runs.map(({ training }) => training.place.steps);
    const steps = Math.min(...taken);
    const place = taken.indexOf(steps);
    const run = this.#runs[place];
    if (!run || steps >= this.#steps) return undefined;
    try {
      await run.training.advance(TURN);
      const [training, test] = await Promise.all(run.images.map((images) => marks(run.training, images)));
      return { run: place, steps: run.training.place.steps, training, test };
    } catch (error) {
      // A lost device stays lost: a new run gets another.
      if (error instanceof DeviceLostError) this.#engine = undefined;
      throw error;
    }
  }

  #release(): void {
    for (const { training } of this.#runs) training.release();
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
  const training = await session(engine, network(cure === "dropout"), images, {
    loss: sigmoidCrossEntropy(),
    optimizer: sgd({ learningRate: RATE }),
    batchSize: BATCH,
    dropLast: true,
    confusion: false,
    seed,
    penalty: cure === "l2" ? { l2: L2 } : undefined,
    augment: cure === "augmentation" ? augment(rotate(10), scale(0.9, 1.1), translate(1.5)) : undefined,
  });
  return { training, images: [images, test] };
}

async function marks(training: Session, images: Dataset): Promise<Marks> {
  const { accuracy = 0, loss } = await training.evaluate(images);
  return { accuracy, cost: loss };
}

/** Weights from N(0, 1), as the textbook's: large enough for a network to learn by heart. */
function network(drops: boolean) {
  const wide = { init: init.normal(1), biasInit: init.normal(1) };
  const drop = drops ? [dropout(DROP)] : [];
  return sequential(flatten(), ...drop, dense(HIDDEN, wide), sigmoid(), ...drop, dense(10, wide));
}

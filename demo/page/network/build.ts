/** From a person's choices to arguments of `wgrad`. */
import {
  type Augment,
  constantRate,
  cosineDecay,
  exponentialDecay,
  type Optimizer,
  oneCycle,
  reduceOnPlateau,
  type Schedule,
  type Sequential,
  type SessionOptions,
  stepDecay,
} from "wgrad";
import { augment, elastic, rotate, scale, translate } from "wgrad/augment";
import { network, optimizerOf } from "../../../presets/build.ts";
import { CONVOLUTIONS } from "../../../presets/choices.ts";
import type { AugmentationName, ScheduleName, Settings } from "./settings.ts";

const SCHEDULE_OF: Record<ScheduleName, () => Schedule> = {
  constant: constantRate,
  cosine: cosineDecay,
  oneCycle,
  exponential: () => exponentialDecay({ gamma: 0.9 }),
  step: () => stepDecay({ epochs: 3 }),
  plateau: () => reduceOnPlateau({ patience: 2 }),
};

const AUGMENT_OF: Record<AugmentationName, () => Augment | undefined> = {
  none: () => undefined,
  shift: () => augment(translate(2)),
  affine: () => augment(rotate(10), scale(0.9, 1.1), translate(2)),
  elastic: () => augment(elastic()),
};

const CLASSES = 10;
/** Widths of hidden layers, where they are the model's own. */
const HIDDEN = { linear: [], textbook: [30], convnet: [128] } as const;

/** Takes images [batch, 1, 28, 28]. */
export function buildModel({ model, hidden, activation, dropout }: Settings): Sequential {
  return network({
    convolutions: model === "convnet" ? CONVOLUTIONS : [],
    hidden: model === "mlp" ? hidden : HIDDEN[model],
    classes: CLASSES,
    activation: model === "textbook" ? "sigmoid" : activation,
    dropout,
  });
}

export function buildOptimizer({ optimizer, learningRate }: Settings): Optimizer {
  return optimizerOf(optimizer, { learningRate });
}

export function buildSchedule({ schedule }: Settings): Schedule {
  return SCHEDULE_OF[schedule]();
}

/** The training step of a person's choices, which Train runs and Look inside takes apart. */
export function buildTraining(settings: Settings): SessionOptions {
  const { batchSize, seed, l2, augmentation } = settings;
  return {
    optimizer: buildOptimizer(settings),
    augment: AUGMENT_OF[augmentation](),
    penalty: l2 > 0 ? { l2 } : undefined,
    batchSize,
    seed,
    dropLast: true,
  };
}

/** From a person's choices to what `wgrad` takes. */
import {
  type Augment,
  adagrad,
  adam,
  adamw,
  constantRate,
  conv2d,
  cosineDecay,
  dense,
  dropout,
  elu,
  exponentialDecay,
  flatten,
  gelu,
  type Layer,
  leakyRelu,
  maxPool2d,
  type Optimizer,
  oneCycle,
  reduceOnPlateau,
  relu,
  rmsprop,
  type Schedule,
  type Sequential,
  selu,
  sequential,
  sgd,
  sigmoid,
  silu,
  softplus,
  stepDecay,
  tanh,
} from "wgrad";
import { augment, elastic, rotate, scale, translate } from "wgrad/augment";
import type { ActivationName, AugmentationName, OptimizerName, ScheduleName, Settings } from "./settings.ts";

const ACTIVATION_LAYERS: Record<ActivationName, () => Layer> = {
  relu,
  leakyRelu,
  elu,
  selu,
  gelu,
  silu,
  sigmoid,
  tanh,
  softplus,
};

const OPTIMIZER_OF: Record<OptimizerName, (lr: number) => Optimizer> = {
  adam: (lr) => adam({ lr }),
  adamw: (lr) => adamw({ lr }),
  sgd: (lr) => sgd({ lr }),
  momentum: (lr) => sgd({ lr, momentum: 0.9 }),
  nesterov: (lr) => sgd({ lr, momentum: 0.9, nesterov: true }),
  rmsprop: (lr) => rmsprop({ lr }),
  adagrad: (lr) => adagrad({ lr }),
};

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

/** The convolutions of the ConvNet, each followed by max-pooling of 2×2 and the activation. */
const CONVOLUTIONS = [
  { filters: 24, kernel: 5 },
  { filters: 32, kernel: 3 },
] as const;
const CONVNET_HIDDEN = 128;
const TEXTBOOK_HIDDEN = 30;
const CLASSES = 10;

/** Takes images [batch, 1, 28, 28]. */
export function buildModel(settings: Settings): Sequential {
  const { model, hidden, activation } = settings;
  const layer = ACTIVATION_LAYERS[activation];
  const drop = settings.dropout > 0 ? [dropout(settings.dropout)] : [];
  switch (model) {
    case "linear":
      return sequential(flatten(), dense(CLASSES));
    case "mlp":
      return sequential(
        flatten(),
        ...hidden.flatMap((width) => [dense(width), layer(), ...drop]),
        dense(CLASSES),
      );
    case "textbook":
      return sequential(flatten(), dense(TEXTBOOK_HIDDEN), sigmoid(), ...drop, dense(CLASSES));
    case "convnet":
      return sequential(
        ...CONVOLUTIONS.flatMap(({ filters, kernel }) => [conv2d(filters, kernel), maxPool2d(2), layer()]),
        flatten(),
        dense(CONVNET_HIDDEN),
        layer(),
        ...drop,
        dense(CLASSES),
      );
  }
}

export function buildOptimizer({ optimizer, lr }: Settings): Optimizer {
  return OPTIMIZER_OF[optimizer](lr);
}

export function buildSchedule({ schedule }: Settings): Schedule {
  return SCHEDULE_OF[schedule]();
}

export function buildAugment({ augmentation }: Settings): Augment | undefined {
  return AUGMENT_OF[augmentation]();
}

/** From options to a model, its loss, optimizer and schedule. The tables here are the values the options take. */
import {
  adam,
  adamw,
  constantRate,
  crossEntropy,
  dense,
  elu,
  gelu,
  type Layer,
  type Loss,
  leakyRelu,
  meanSquaredError,
  type Optimizer,
  oneCycle,
  quadratic,
  relu,
  type Schedule,
  type Sequential,
  selu,
  sequential,
  sgd,
  sigmoid,
  silu,
  softplus,
  tanh,
} from "wgrad";

export const ACTIVATIONS = {
  relu,
  leakyRelu,
  elu,
  selu,
  gelu,
  silu,
  sigmoid,
  tanh,
  softplus,
} satisfies Record<string, () => Layer>;

export const LOSSES = {
  "cross-entropy": ({ labelSmoothing }) => crossEntropy({ labelSmoothing }),
  quadratic: () => quadratic(),
  mse: () => meanSquaredError(),
} satisfies Record<string, (options: LossOptions) => Loss>;

export const OPTIMIZERS = {
  sgd: (options) => sgd(options),
  momentum: (options) => sgd(options),
  nesterov: (options) => sgd({ ...options, nesterov: true }),
  adam: (options) => adam(options),
  adamw: (options) => adamw(options),
} satisfies Record<string, (options: OptimizerOptions) => Optimizer>;

export const SCHEDULES = {
  constant: () => constantRate(),
  "one-cycle": () => oneCycle(),
} satisfies Record<string, () => Schedule>;

export type ActivationName = keyof typeof ACTIVATIONS;
export type LossName = keyof typeof LOSSES;
export type OptimizerName = keyof typeof OPTIMIZERS;
export type ScheduleName = keyof typeof SCHEDULES;

interface LossOptions {
  readonly labelSmoothing: number;
}

interface OptimizerOptions {
  readonly lr: number;
  readonly weightDecay: number;
  readonly momentum?: number;
}

export interface ModelOptions extends LossOptions, OptimizerOptions {
  /** Widths of the hidden layers; none for a linear model. */
  readonly hidden: readonly number[];
  readonly activation: ActivationName;
  readonly loss: LossName;
  readonly optimizer: OptimizerName;
  readonly schedule: ScheduleName;
}

/** What `fit` takes. */
export interface Training {
  readonly model: Sequential;
  readonly loss: Loss;
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
}

export function buildTraining(options: ModelOptions, classes: number): Training {
  const activation = ACTIVATIONS[options.activation] as () => Layer;
  const hidden = options.hidden.flatMap((width) => [dense(width), activation()]);
  // The textbook's cost compares activations with targets, so its last layer has one, too.
  const last = options.loss === "quadratic" ? [dense(classes), activation()] : [dense(classes)];
  return {
    model: sequential(...hidden, ...last),
    loss: LOSSES[options.loss](options),
    optimizer: OPTIMIZERS[options.optimizer](options),
    schedule: SCHEDULES[options.schedule](),
  };
}

/** "784-256-128-10". */
export function sizes(inputs: number, { hidden }: ModelOptions, classes: number): string {
  return [inputs, ...hidden, classes].join("-");
}

/** The rules of the optimizers. `optimizer.ts` has the shared parts: learning rates, decay, groups. */
import { abs, add, div, maximum, mul, sign, sqrt, sub } from "../graph/ops/scalar.ts";
import { type Optimizer, type OptimizerOptions, optimizer } from "./optimizer.ts";
import { fraction, from0, moving, movingSquare, settingsOf, sharedOf } from "./settings.ts";

export interface SgdOptions extends OptimizerOptions {
  /** Momentum; 0 is plain gradient descent (default). */
  readonly momentum?: number;
  readonly nesterov?: boolean;
}

export interface AdamOptions extends OptimizerOptions {
  /** Decay rate of the mean of gradients (default 0.9). */
  readonly beta1?: number;
  /** Decay rate of the mean of squared gradients (default 0.999). */
  readonly beta2?: number;
  /** Added to the root of the mean of squares (default 1e-8). */
  readonly epsilon?: number;
}

export interface NadamOptions extends AdamOptions {
  /** Decay of the momentum schedule, which reduces the momentum of the first steps (default 0.004). */
  readonly momentumDecay?: number;
}

export interface LionOptions extends OptimizerOptions {
  /** Weight of the momentum in a step's direction (default 0.9). */
  readonly beta1?: number;
  /** Decay rate of the momentum (default 0.99). */
  readonly beta2?: number;
}

export interface RmspropOptions extends OptimizerOptions {
  /** Decay rate of the mean of squared gradients (default 0.99). */
  readonly decay?: number;
  readonly momentum?: number;
  /** Added to the root of the mean of squares (default 1e-8). */
  readonly epsilon?: number;
}

export interface AdagradOptions extends OptimizerOptions {
  /** The learning rate of step t is divided by 1 + (t - 1) · lrDecay (default 0). */
  readonly lrDecay?: number;
  /** Added to the root of the sum of squares (default 1e-10). */
  readonly epsilon?: number;
}

/**
 * Gradient descent, optionally with momentum (Polyak 1964) or Nesterov's momentum. Default learning rate 0.01.
 * @throws RangeError where `momentum` is outside [0, 1), a rate or a decay is negative or not finite, or `nesterov`
 *   is set without momentum
 * @throws TypeError where an option is unknown or of another kind
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { momentum, nesterov } = settingsOf("sgd", options, { momentum: fraction(0), nesterov: false });
  if (nesterov && momentum === 0) throw new RangeError("sgd: nesterov needs a momentum above 0, such as 0.9");
  const shared = { ...sharedOf(options, 0.01), name: "sgd" };
  if (momentum === 0) {
    return optimizer({
      ...shared,
      update: ({ parameter, gradient, learningRate }) => ({
        parameter: sub(parameter, mul(learningRate, gradient)),
      }),
    });
  }
  return optimizer({
    ...shared,
    settings: { name: "sgd (momentum)", momentum, nesterov: Number(nesterov) },
    slots: ["first"],
    update({ parameter, gradient, learningRate, first }) {
      const velocity = add(mul(momentum, first), gradient);
      const direction = nesterov ? add(gradient, mul(momentum, velocity)) : velocity;
      return { first: velocity, parameter: sub(parameter, mul(learningRate, direction)) };
    },
  });
}

/**
 * Adam (Kingma & Ba 2015), with L2 decay added to the gradient. Default learning rate 0.001.
 * @throws RangeError where `beta1` or `beta2` is outside [0, 1), or another number is negative or not finite
 * @throws TypeError where an option is unknown or of another kind
 */
export function adam(options: AdamOptions = {}): Optimizer {
  return adamFamily("adam", options, 0, false);
}

/**
 * AdamW (Loshchilov & Hutter 2019): Adam with decoupled decay, 0.01 by default. Default learning rate 0.001.
 * @throws RangeError where `beta1` or `beta2` is outside [0, 1), or another number is negative or not finite
 * @throws TypeError where an option is unknown or of another kind
 */
export function adamw(options: AdamOptions = {}): Optimizer {
  return adamFamily("adamw", options, 0.01, true);
}

const ADAM = { beta1: fraction(0.9), beta2: fraction(0.999), epsilon: from0(1e-8) };

function adamFamily(name: string, options: AdamOptions, decay: number, decoupled: boolean): Optimizer {
  const { beta1, beta2, epsilon } = settingsOf(name, options, ADAM);
  return optimizer({
    ...sharedOf(options, 0.001, decay),
    name,
    decoupled,
    settings: {
      name: decoupled ? `${name} (adam)` : name,
      beta1,
      beta2,
      epsilon,
      decoupled: Number(decoupled),
    },
    slots: ["first", "second"],
    scalars: { correction1: (t) => 1 / (1 - beta1 ** t), correction2: (t) => 1 / Math.sqrt(1 - beta2 ** t) },
    update({ parameter, gradient, learningRate, first, second, correction1, correction2 }) {
      const mean = moving(beta1, first, gradient);
      const variance = movingSquare(beta2, second, gradient);
      const denominator = add(mul(sqrt(variance), correction2), epsilon);
      const step = div(mul(mul(learningRate, correction1), mean), denominator);
      return { first: mean, second: variance, parameter: sub(parameter, step) };
    },
  });
}

/**
 * NAdam (Dozat 2016): Adam with Nesterov's momentum, as in PyTorch. Default learning rate 0.002.
 * @throws RangeError where `beta1` or `beta2` is outside [0, 1), or another number is negative or not finite
 * @throws TypeError where an option is unknown or of another kind
 */
export function nadam(options: NadamOptions = {}): Optimizer {
  const { momentumDecay, ...own } = settingsOf("nadam", options, { ...ADAM, momentumDecay: from0(0.004) });
  const { beta1, beta2, epsilon } = own;
  const momentum = (t: number) => beta1 * (1 - 0.5 * 0.96 ** (t * momentumDecay));
  /** Product of the momenta of the first t steps. */
  const product = (t: number) => {
    let value = 1;
    for (let i = 1; i <= t && value > 1e-20; i++) value *= momentum(i);
    return value;
  };
  return optimizer({
    ...sharedOf(options, 0.002),
    name: "nadam",
    settings: { ...own, momentumDecay },
    slots: ["first", "second"],
    scalars: {
      ofMean: (t) => momentum(t + 1) / (1 - product(t + 1)),
      ofGradient: (t) => (1 - momentum(t)) / (1 - product(t)),
      correction: (t) => 1 / Math.sqrt(1 - beta2 ** t),
    },
    update({ parameter, gradient, learningRate, first, second, ofMean, ofGradient, correction }) {
      const mean = moving(beta1, first, gradient);
      const variance = movingSquare(beta2, second, gradient);
      const ahead = add(mul(ofMean, mean), mul(ofGradient, gradient));
      const step = div(mul(learningRate, ahead), add(mul(sqrt(variance), correction), epsilon));
      return { first: mean, second: variance, parameter: sub(parameter, step) };
    },
  });
}

/**
 * Adamax (Kingma & Ba 2015): Adam with the largest gradient in place of the mean square. Default learning rate 0.002.
 * @throws RangeError where `beta1` or `beta2` is outside [0, 1), or another number is negative or not finite
 * @throws TypeError where an option is unknown or of another kind
 */
export function adamax(options: AdamOptions = {}): Optimizer {
  const { beta1, beta2, epsilon } = settingsOf("adamax", options, ADAM);
  return optimizer({
    ...sharedOf(options, 0.002),
    name: "adamax",
    settings: { beta1, beta2, epsilon },
    slots: ["first", "second"],
    scalars: { correction: (t) => 1 / (1 - beta1 ** t) },
    update({ parameter, gradient, learningRate, first, second, correction }) {
      const mean = moving(beta1, first, gradient);
      const largest = maximum(mul(beta2, second), add(abs(gradient), epsilon));
      const step = div(mul(mul(learningRate, correction), mean), largest);
      return { first: mean, second: largest, parameter: sub(parameter, step) };
    },
  });
}

/**
 * Lion (Chen et al. 2023): steps of one size, by the sign of a momentum, with decoupled decay. Default learning rate
 * 1e-4.
 * @throws RangeError where `beta1` or `beta2` is outside [0, 1), or another number is negative or not finite
 * @throws TypeError where an option is unknown or of another kind
 */
export function lion(options: LionOptions = {}): Optimizer {
  const { beta1, beta2 } = settingsOf("lion", options, { beta1: fraction(0.9), beta2: fraction(0.99) });
  return optimizer({
    ...sharedOf(options, 1e-4),
    name: "lion",
    decoupled: true,
    settings: { beta1, beta2 },
    slots: ["first"],
    update: ({ parameter, gradient, learningRate, first }) => ({
      first: moving(beta2, first, gradient),
      parameter: sub(parameter, mul(learningRate, sign(moving(beta1, first, gradient)))),
    }),
  });
}

/**
 * RMSProp (Tieleman & Hinton 2012), with momentum as in PyTorch. Default learning rate 0.001, as in Keras: at
 * PyTorch's 0.01 the first steps throw a plain network far off.
 * @throws RangeError where `decay` or `momentum` is outside [0, 1), or another number is negative or not finite
 * @throws TypeError where an option is unknown or of another kind
 */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  const own = { decay: fraction(0.99), momentum: fraction(0), epsilon: from0(1e-8) };
  const { decay, momentum, epsilon } = settingsOf("rmsprop", options, own);
  return optimizer({
    ...sharedOf(options, 0.001),
    name: "rmsprop",
    settings: { decay, momentum, epsilon },
    slots: ["first", "second"],
    update({ parameter, gradient, learningRate, first, second }) {
      const variance = movingSquare(decay, second, gradient);
      const direction = div(gradient, add(sqrt(variance), epsilon));
      const velocity = momentum > 0 ? add(direction, mul(momentum, first)) : direction;
      return { first: velocity, second: variance, parameter: sub(parameter, mul(learningRate, velocity)) };
    },
  });
}

/**
 * Adagrad (Duchi, Hazan & Singer 2011). Default learning rate 0.01.
 * @throws RangeError where a number is negative or not finite
 * @throws TypeError where an option is unknown or of another kind
 */
export function adagrad(options: AdagradOptions = {}): Optimizer {
  const { lrDecay, epsilon } = settingsOf("adagrad", options, { lrDecay: from0(0), epsilon: from0(1e-10) });
  return optimizer({
    ...sharedOf(options, 0.01),
    name: "adagrad",
    settings: { epsilon },
    slots: ["second"],
    scalars: { correction1: (t) => 1 / (1 + (t - 1) * lrDecay) },
    update({ parameter, gradient, learningRate, second, correction1 }) {
      const total = add(second, mul(gradient, gradient));
      const step = div(mul(mul(learningRate, correction1), gradient), add(sqrt(total), epsilon));
      return { second: total, parameter: sub(parameter, step) };
    },
  });
}

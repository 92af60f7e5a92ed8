/** Wrappers of optimizers: each takes an optimizer and returns another. Wrappers nest in any order. */
import { checkOptions, checkWhole, inWords } from "../../checks.ts";
import { sum } from "../graph/ops/reduce.ts";
import { add, choose, div, maximum, minimum, mul, sqrt, square, sub } from "../graph/ops/scalar.ts";
import { reshape } from "../graph/ops/view.ts";
import { type Tensor, withLabel } from "../graph/tensor.ts";
import {
  checkedGroup,
  checkOptimizer,
  extended,
  INFINITE,
  inRange,
  type Optimizer,
  type ParameterGroup,
  withDecay,
} from "./optimizer.ts";

/** Bounds on gradients, applied before the optimizer. */
export interface Clipping {
  /** Limit of the norm of all gradients together; above it, all gradients are scaled down. */
  readonly norm?: number;
  /** Limit of each gradient's absolute value. */
  readonly value?: number;
}

/** @throws TypeError or RangeError naming the invalid bound; `owner` opens the message */
export function checkClipping(owner: string, clip: Clipping, path = ""): void {
  checkOptions<Clipping>(path ? `${owner}: ${path}` : owner, clip, { norm: "number", value: "number" });
  for (const name of ["norm", "value"] as const) {
    const bound = clip[name];
    if (bound === undefined || (bound > 0 && Number.isFinite(bound))) continue;
    throw new RangeError(
      `${owner}: ${path ? `${path}.` : ""}${name} is ${bound}; give a finite number above 0, or leave it out`,
    );
  }
}

/** Number of partial sums of squares: few enough for one dispatch to add, many enough to keep a device busy. */
const NORM_PARTS = 64;

/**
 * Clips gradients before `inner`: by value first, then by the norm of all gradients (Pascanu et al. 2013). `fit`
 * applies this wrapper for its option `clip`. Around other wrappers, clipping comes first.
 * @throws RangeError where a bound is not finite and above 0
 * @throws TypeError where `inner` is no optimizer, no bound is given, or an option is unknown
 */
export function clipped(inner: Optimizer, bounds: Clipping): Optimizer {
  checkOptimizer("clipped", inner);
  checkClipping("clipped", bounds);
  const { norm, value } = bounds;
  if (norm === undefined && value === undefined)
    throw new TypeError("clipped: there is no bound; give a norm or a value, as { norm: 1 }");
  return extended(inner, "clipped", {
    name: `clipped ${inner.name}`,
    settings: { clipNorm: norm ?? "none", clipValue: value ?? "none" },
    update(state, tools) {
      let { gradient } = state;
      if (value !== undefined) gradient = maximum(-value, minimum(value, gradient));
      if (norm !== undefined) gradient = withNorm(gradient, norm);
      return { gradient, ...inner.update({ ...state, gradient }, tools) };
    },
  });
}

function withNorm(gradient: Tensor, norm: number): Tensor {
  const squares = withLabel("clipping", () => sum(sum(reshape(square(gradient), [NORM_PARTS, -1]), 1)));
  return mul(gradient, minimum(1, div(norm, add(sqrt(squares), 1e-6))));
}

export interface DecayOptions {
  readonly weightDecay: number;
  /** Whether biases and norms decay, too (default false). */
  readonly decayBiases?: boolean;
  /** Whether parameters shrink directly, as in AdamW, in place of changing gradients (default false). */
  readonly decoupled?: boolean;
}

/**
 * Adds weight decay to `inner`, as the option `weightDecay` of all optimizers does. A group's own decay takes
 * precedence.
 * @throws RangeError where `weightDecay` is negative or not finite
 * @throws TypeError where `inner` is no optimizer, or an option is unknown
 */
export function decayed(inner: Optimizer, options: DecayOptions): Optimizer {
  checkOptimizer("decayed", inner);
  checkOptions<DecayOptions>("decayed", options, {
    weightDecay: "number",
    decayBiases: "boolean",
    decoupled: "boolean",
  });
  const { weightDecay, decayBiases = false, decoupled = false } = options;
  inRange("decayed", "weightDecay", weightDecay, 0, INFINITE);
  const outer = withDecay(inner, { weightDecay, decayBiases, decoupled });
  return { ...outer, settings: { ...outer.settings, weightDecay, decayBiases, decoupled } };
}

/**
 * Adds groups of parameters to `inner`, ahead of its own groups.
 * @throws RangeError where a number of a group is out of range
 * @throws TypeError where `inner` is no optimizer, or `groups` is no array of groups
 */
export function grouped(inner: Optimizer, groups: readonly ParameterGroup[]): Optimizer {
  checkOptimizer("grouped", inner);
  if (!Array.isArray(groups))
    throw new TypeError(
      `grouped: the groups are ${inWords(groups)}; give an array, such as [{ match: "0", lr: 0.01 }]`,
    );
  const checked = groups.map((group, i) => checkedGroup("grouped", group, i, inner.learningRate));
  const outer = { ...inner, groups: [...checked, ...inner.groups] };
  const decays = checked.some(({ weightDecay }) => weightDecay !== undefined && weightDecay > 0);
  if (!decays || "decay" in inner.perParameter) return outer;
  return withDecay(outer, { weightDecay: 0, decayBiases: false, decoupled: false });
}

export interface AveragedOptions {
  /** Decay rate of the average in each step (default 0.999). */
  readonly decay?: number;
}

/**
 * Keeps an exponential moving average of the parameters next to `inner`: after each step, average = decay · average +
 * (1 − decay) · parameter, starting from the parameters after the first step (Polyak & Juditsky 1992; as PyTorch's
 * `AveragedModel` with an EMA). Training itself does not change; `averagedModel` returns the model with averaged
 * weights.
 * @throws RangeError where `decay` is outside [0, 1)
 * @throws TypeError where `inner` is no optimizer, or an option is unknown
 */
export function averaged(inner: Optimizer, options: AveragedOptions = {}): Optimizer {
  checkOptimizer("averaged", inner);
  checkOptions<AveragedOptions>("averaged", options, { decay: "number" });
  const { decay = 0.999 } = options;
  inRange("averaged", "decay", decay, 0, 1);
  return extended(inner, "averaged", {
    name: `averaged ${inner.name}`,
    settings: { average: decay },
    slots: [AVERAGE],
    scalars: { averageRate: (t) => (t === 1 ? 1 : 1 - decay) },
    update(state, tools) {
      const next = inner.update(state, tools);
      const { average, averageRate } = state;
      return { ...next, average: add(average, mul(averageRate, sub(next.parameter, average))) };
    },
  });
}

/** The slot of averaged parameters. */
export const AVERAGE = "average";

export interface LookaheadOptions {
  /** Number of steps of `inner` for each step of the slow weights (default 5). */
  readonly steps?: number;
  /** Fraction of the way that the slow weights follow (default 0.5). */
  readonly rate?: number;
}

/**
 * Lookahead (Zhang et al. 2019): every `steps` steps of `inner`, slow weights move a fraction of the way to the current
 * weights, and `inner` continues from there. The state of `inner` stays.
 * @throws RangeError where `steps` is no whole number from 1, or `rate` is outside (0, 1]
 * @throws TypeError where `inner` is no optimizer, or an option is unknown
 */
export function lookahead(inner: Optimizer, options: LookaheadOptions = {}): Optimizer {
  checkOptimizer("lookahead", inner);
  checkOptions<LookaheadOptions>("lookahead", options, { steps: "number", rate: "number" });
  const { steps = 5, rate = 0.5 } = options;
  checkWhole("lookahead: steps", steps);
  if (!(rate > 0 && rate <= 1))
    throw new RangeError(`lookahead: rate is ${rate}; give a number above 0, up to 1`);
  return extended(inner, "lookahead", {
    name: `lookahead ${inner.name}`,
    settings: { lookaheadSteps: steps, lookaheadRate: rate },
    slots: ["slow"],
    scalars: { begins: (t) => (t === 1 ? 1 : 0), follows: (t) => (t % steps === 0 ? 1 : 0) },
    update(state, tools) {
      const next = inner.update(state, tools);
      const { begins, follows } = state;
      const before = choose(begins, state.parameter, state.slow);
      const slow = choose(follows, add(before, mul(rate, sub(next.parameter, before))), before);
      const parameter = choose(follows, slow, next.parameter);
      // A frozen parameter may be loaded at any time; its slow weight is then of no use.
      return {
        ...next,
        slow,
        parameter: state.frozen ? choose(state.frozen, state.parameter, parameter) : parameter,
      };
    },
  });
}

/** What can be done to any optimizer: each takes one, and gives another. They go inside one another in any order. */
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

/** Bounds on gradients, before the optimizer sees them. */
export interface Clipping {
  /** All gradients shrink together when the norm of all is over this. */
  readonly norm?: number;
  /** Every gradient is brought into ± this. */
  readonly value?: number;
}

/** @throws TypeError | RangeError naming the bound that makes no sense; `owner` opens the message */
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

/** Partial sums of squares: few enough to add up in one dispatch, many enough to keep a device busy. */
const NORM_PARTS = 64;

/**
 * `inner`, with gradients clipped before it sees them: by value first, then by the norm of all of them (Pascanu et al. 2013).
 * What `fit`'s option `clip` does. Around other wrappers it clips before what they do to gradients.
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
  /** Whether parameters shrink directly, as with AdamW, instead of by their gradients (default false). */
  readonly decoupled?: boolean;
}

/** `inner` with weight decay: what the option `weightDecay` of all optimizers does. A group's own decay counts instead of it. */
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

/** `inner` with parameters that are treated differently, by groups in front of those that it has. */
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
  /** By which part the average stays what it was with each step (default 0.999). */
  readonly decay?: number;
}

/**
 * `inner`, beside an exponential moving average of the parameters after each step: average = decay · average + (1 - decay) ·
 * parameter, from the parameters after the first step on (Polyak & Juditsky 1992; as PyTorch's `AveragedModel` with an EMA).
 * Training goes on as without it; `averagedModel` gives the model with the averaged weights.
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
  /** Steps of the optimizer for each of the slow weights (default 5). */
  readonly steps?: number;
  /** By which part of the way the slow weights follow (default 0.5). */
  readonly rate?: number;
}

/**
 * Lookahead (Zhang et al. 2019): every so many steps of `inner`, slow weights go a part of the way to where it came, and it
 * goes on from them. What `inner` keeps of gradients stays.
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
      return { ...next, slow, parameter: choose(follows, slow, next.parameter) };
    },
  });
}

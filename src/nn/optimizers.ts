/** Optimizers: each is one kernel over the arena of all parameters, and the numbers that change with the step. */
import { OPTIMIZER_BLOCK, optimizerConstants } from "../kernels/optimizer.ts";
import type { BufferSpec, Dispatch } from "../program.ts";
import type { ProgramBuilder } from "./lower/builder.ts";
import type { ArenaLayout } from "./parameters.ts";

export interface Optimizer {
  readonly name: string;
  readonly learningRate: number;
  /** Its state, one number a parameter each: names of arenas. */
  readonly slots: readonly ("first" | "second")[];
  readonly weightDecay: number;
  /** Whether weight decay applies to biases, too, as PyTorch's does. */
  readonly decayBiases: boolean;
  /** The kernel, and its constants beside those all optimizers have. */
  readonly kernel: string;
  readonly constants: Readonly<Record<string, number>>;
  /** Names of further step scalars, by the constant that holds their slot. */
  readonly scalars: Readonly<Record<string, string>>;
  /** Values of those scalars at step `t`, counted from 1. */
  scalarsAt(t: number): Readonly<Record<string, number>>;
}

/** Options that all optimizers share. */
export interface OptimizerOptions {
  /** Learning rate: a number above 0, or 0 to change nothing. */
  readonly lr?: number;
  /** L2 decay of weights (default 0). For `adamw` it is decoupled, and 0.01 by default. */
  readonly weightDecay?: number;
  /** Whether biases and norms decay, too (default false). */
  readonly decayBiases?: boolean;
}

export interface SgdOptions extends OptimizerOptions {
  /** 0 for plain gradient descent (default). */
  readonly momentum?: number;
  readonly nesterov?: boolean;
}

export interface AdamOptions extends OptimizerOptions {
  /** Decay of the mean of gradients (default 0.9). */
  readonly beta1?: number;
  /** Decay of the mean of their squares (default 0.999). */
  readonly beta2?: number;
  /** Added to the root of the latter (default 1e-8). */
  readonly epsilon?: number;
}

/** Gradient descent, with momentum (Polyak 1964) or Nesterov's if asked. Default learning rate 0.01. */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { momentum = 0, nesterov = false } = options;
  inRange("sgd", "momentum", momentum, 0, 1);
  if (nesterov && momentum === 0) throw new RangeError("sgd: nesterov needs a momentum above 0, such as 0.9");
  const shared = common("sgd", options, 0.01, 0);
  if (momentum === 0) return { ...shared, kernel: "sgd", slots: [], constants: {} };
  return {
    ...shared,
    kernel: "momentum",
    slots: ["first"],
    constants: { MOMENTUM: momentum, NESTEROV: nesterov ? 1 : 0 },
  };
}

/** Adam (Kingma & Ba 2015), with L2 decay added to the gradient. Default learning rate 0.001. */
export function adam(options: AdamOptions = {}): Optimizer {
  return adamFamily("adam", options, 0, false);
}

/** AdamW (Loshchilov & Hutter 2019): decay apart from the gradient, 0.01 by default. Default learning rate 0.001. */
export function adamw(options: AdamOptions = {}): Optimizer {
  return adamFamily("adamw", options, 0.01, true);
}

function adamFamily(name: string, options: AdamOptions, decay: number, decoupled: boolean): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  inRange(name, "beta1", beta1, 0, 1);
  inRange(name, "beta2", beta2, 0, 1);
  inRange(name, "epsilon", epsilon, 0, Number.POSITIVE_INFINITY);
  return {
    ...common(name, options, 0.001, decay),
    kernel: "adam",
    slots: ["first", "second"],
    constants: { BETA1: beta1, BETA2: beta2, EPSILON: epsilon, DECOUPLED: decoupled ? 1 : 0 },
    scalars: { CORRECTION1: "correction1", CORRECTION2: "correction2" },
    scalarsAt: (t) => ({ correction1: 1 / (1 - beta1 ** t), correction2: 1 / Math.sqrt(1 - beta2 ** t) }),
  };
}

function common(name: string, options: OptimizerOptions, defaultRate: number, defaultDecay: number) {
  const { lr = defaultRate, weightDecay = defaultDecay, decayBiases = false } = options;
  inRange(name, "lr", lr, 0, Number.POSITIVE_INFINITY);
  inRange(name, "weightDecay", weightDecay, 0, Number.POSITIVE_INFINITY);
  return { name, learningRate: lr, weightDecay, decayBiases, scalars: {}, scalarsAt: () => ({}) };
}

/** @throws RangeError unless low ≤ value < high; NaN is never inside. */
function inRange(optimizer: string, what: string, value: number, low: number, high: number): void {
  if (value >= low && value < high) return;
  const wanted =
    high === Number.POSITIVE_INFINITY
      ? `a finite number from ${low}`
      : `a number from ${low} up to, not including, ${high}`;
  throw new RangeError(`${optimizer}: ${what} is ${value}; give ${wanted}`);
}

/** The state that training needs beside the parameters, all of the arena's length. */
export function arena(
  name: "parameters" | "gradients" | "first" | "second",
  layout: ArenaLayout,
): BufferSpec {
  return { name, kind: "state", dtype: "f32", length: layout.length };
}

function blocks(layout: ArenaLayout): BufferSpec {
  return { name: "blocks", kind: "state", dtype: "f32", length: (layout.length / OPTIMIZER_BLOCK) * 2 };
}

/** What the optimizer's kernel knows of each block of the arena: [rate factor, weight decay]. */
export function blockValues(layout: ArenaLayout, { weightDecay, decayBiases }: Optimizer): Float32Array {
  const values = new Float32Array(blocks(layout).length);
  layout.specs.forEach(({ name, decay }, i) => {
    const first = layout.offset(name) / OPTIMIZER_BLOCK;
    const next = layout.specs[i + 1];
    const end = (next ? layout.offset(next.name) : layout.length) / OPTIMIZER_BLOCK;
    for (let block = first; block < end; block++) {
      values[2 * block] = 1;
      values[2 * block + 1] = decay || decayBiases ? weightDecay : 0;
    }
  });
  return values;
}

/** The one dispatch that updates all parameters. */
export function optimizerDispatch(
  optimizer: Optimizer,
  layout: ArenaLayout,
  builder: ProgramBuilder,
): Dispatch {
  const names = ["parameters", "gradients", ...optimizer.slots] as const;
  const shape = [layout.length];
  const bindings = Object.fromEntries(names.map((name) => [name, builder.view(arena(name, layout), shape)]));
  const slots = Object.entries({ LEARNING_RATE: "learningRate", ...optimizer.scalars });
  return {
    label: "optimizer",
    kernel: optimizer.kernel,
    constants: {
      ...optimizerConstants(layout.length),
      ...optimizer.constants,
      ...Object.fromEntries(slots.map(([constant, scalar]) => [constant, builder.slot(scalar)])),
    },
    hooks: {},
    bindings: { ...bindings, blocks: builder.view(blocks(layout), [blocks(layout).length]) },
  };
}

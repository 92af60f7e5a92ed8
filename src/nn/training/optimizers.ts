/** Optimizers: each is one kernel over the arena of all parameters, and the numbers that change with the step. */
import { checkOptions, inWords, type OptionKinds } from "../../checks.ts";

export interface Optimizer {
  readonly name: string;
  readonly learningRate: number;
  /** Its state, one number a parameter each: names of arenas. */
  readonly slots: readonly ("first" | "second")[];
  readonly weightDecay: number;
  /** Whether weight decay applies to biases and norms, too, as PyTorch's does. */
  readonly decayBiases: boolean;
  readonly groups: readonly ParameterGroup[];
  /** The kernel, and its constants beside those all optimizers have. */
  readonly kernel: string;
  readonly constants: Readonly<Record<string, number>>;
  /** Names of further step scalars, by the constant that holds their slot. */
  readonly scalars: Readonly<Record<string, string>>;
  /** The value of one of those scalars at step `t`, counted from 1; undefined for any other name. */
  scalarAt(name: string, t: number): number | undefined;
}

/** Parameters that are treated differently. The first group that matches a parameter's name counts. */
export interface ParameterGroup {
  /** A parameter's full name, the path in front of it (`"0"` for `0.weight` and `0.bias`), or a pattern. */
  readonly match: string | RegExp;
  /** Its own learning rate; `lr` is the same, for short. */
  readonly learningRate?: number;
  readonly lr?: number;
  readonly weightDecay?: number;
  /**
   * Left as they are: no gradient is computed for them. A layer of which all parameters are frozen behaves as in evaluation,
   * as in Keras: batch normalisation goes by its running statistics and does not move them.
   */
  readonly frozen?: boolean;
}

/** Options that all optimizers share. */
export interface OptimizerOptions {
  /** A number above 0, or 0 to change nothing; `lr` is the same, for short. */
  readonly learningRate?: number;
  readonly lr?: number;
  /** L2 decay of weights (default 0). For `adamw` it is decoupled, and 0.01 by default. */
  readonly weightDecay?: number;
  /** Whether biases and norms decay, too (default false). */
  readonly decayBiases?: boolean;
  readonly groups?: readonly ParameterGroup[];
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

export interface RmspropOptions extends OptimizerOptions {
  /** Decay of the mean of squared gradients (default 0.99). */
  readonly decay?: number;
  readonly momentum?: number;
  /** Added to the root of that mean (default 1e-8). */
  readonly epsilon?: number;
}

export interface AdagradOptions extends OptimizerOptions {
  /** The learning rate of step t is divided by 1 + (t - 1) · lrDecay (default 0). */
  readonly lrDecay?: number;
  /** Added to the root of the sum of squares (default 1e-10). */
  readonly epsilon?: number;
}

const INFINITE = Number.POSITIVE_INFINITY;

const RATE_KINDS = { learningRate: "number", lr: "number" } as const;
const SHARED: OptionKinds<OptimizerOptions> = {
  ...RATE_KINDS,
  weightDecay: "number",
  decayBiases: "boolean",
  groups: "array",
};
const GROUP: OptionKinds<ParameterGroup> = {
  match: "any",
  ...RATE_KINDS,
  weightDecay: "number",
  frozen: "boolean",
};

/**
 * The learning rate under either of its names.
 * @throws TypeError where both are given
 */
function rateOf(owner: string, { learningRate, lr }: { learningRate?: number; lr?: number }) {
  if (learningRate !== undefined && lr !== undefined)
    throw new TypeError(`${owner}: learningRate and lr are both given, and are the same; give one`);
  return { name: learningRate === undefined ? "lr" : "learningRate", rate: learningRate ?? lr };
}

/** Gradient descent, with momentum (Polyak 1964) or Nesterov's if asked. Default learning rate 0.01. */
export function sgd(options: SgdOptions = {}): Optimizer {
  checkOptions("sgd", options, { ...SHARED, momentum: "number", nesterov: "boolean" });
  const { momentum = 0, nesterov = false } = options;
  inRange("sgd", "momentum", momentum, 0, 1);
  if (nesterov && momentum === 0) {
    throw new RangeError("sgd: nesterov needs a momentum above 0, such as 0.9");
  }
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
  checkOptions(name, options, { ...SHARED, beta1: "number", beta2: "number", epsilon: "number" });
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  inRange(name, "beta1", beta1, 0, 1);
  inRange(name, "beta2", beta2, 0, 1);
  inRange(name, "epsilon", epsilon, 0, INFINITE);
  return {
    ...common(name, options, 0.001, decay),
    kernel: "adam",
    slots: ["first", "second"],
    constants: { BETA1: beta1, BETA2: beta2, EPSILON: epsilon, DECOUPLED: decoupled ? 1 : 0 },
    scalars: { CORRECTION1: "correction1", CORRECTION2: "correction2" },
    scalarAt: (name, t) => {
      if (name === "correction1") return 1 / (1 - beta1 ** t);
      return name === "correction2" ? 1 / Math.sqrt(1 - beta2 ** t) : undefined;
    },
  };
}

/** RMSProp (Tieleman & Hinton 2012). Default learning rate 0.01. */
export function rmsprop(options: RmspropOptions = {}): Optimizer {
  checkOptions("rmsprop", options, { ...SHARED, decay: "number", momentum: "number", epsilon: "number" });
  const { decay = 0.99, momentum = 0, epsilon = 1e-8 } = options;
  inRange("rmsprop", "decay", decay, 0, 1);
  inRange("rmsprop", "momentum", momentum, 0, 1);
  inRange("rmsprop", "epsilon", epsilon, 0, INFINITE);
  return {
    ...common("rmsprop", options, 0.01, 0),
    kernel: "rmsprop",
    slots: ["first", "second"],
    constants: { DECAY: decay, MOMENTUM: momentum, EPSILON: epsilon },
  };
}

/** Adagrad (Duchi, Hazan & Singer 2011). Default learning rate 0.01. */
export function adagrad(options: AdagradOptions = {}): Optimizer {
  checkOptions("adagrad", options, { ...SHARED, lrDecay: "number", epsilon: "number" });
  const { lrDecay = 0, epsilon = 1e-10 } = options;
  inRange("adagrad", "lrDecay", lrDecay, 0, INFINITE);
  inRange("adagrad", "epsilon", epsilon, 0, INFINITE);
  return {
    ...common("adagrad", options, 0.01, 0),
    kernel: "adagrad",
    slots: ["second"],
    constants: { EPSILON: epsilon },
    scalars: { CORRECTION1: "correction1" },
    scalarAt: (name, t) => (name === "correction1" ? 1 / (1 + (t - 1) * lrDecay) : undefined),
  };
}

function common(name: string, options: OptimizerOptions, defaultRate: number, defaultDecay: number) {
  const { weightDecay = defaultDecay, decayBiases = false } = options;
  const { name: called, rate: learningRate = defaultRate } = rateOf(name, options);
  inRange(name, called, learningRate, 0, INFINITE);
  inRange(name, "weightDecay", weightDecay, 0, INFINITE);
  const groups = Array.from(options.groups ?? [], (group, i) => checkedGroup(name, group, i, learningRate));
  return { name, learningRate, weightDecay, decayBiases, groups, scalars: {}, scalarAt: () => undefined };
}

/** The group, with its learning rate under the name `lr`. */
function checkedGroup(name: string, group: ParameterGroup, i: number, shared: number): ParameterGroup {
  const { match } = checkOptions(`${name}: groups[${i}]`, group, GROUP);
  if (typeof match !== "string" && !(match instanceof RegExp)) {
    throw new TypeError(
      `${name}: groups[${i}]: match is ${inWords(match)}; give a parameter's name, the path in front of it, or a pattern`,
    );
  }
  const { name: called, rate } = rateOf(`${name}: group ${match}`, group);
  inRange(name, `${called} of group ${match}`, rate ?? 0, 0, INFINITE);
  inRange(name, `weightDecay of group ${match}`, group.weightDecay ?? 0, 0, INFINITE);
  if (rate === undefined) return group;
  if (shared === 0) {
    throw new RangeError(`${name}: group ${match} has a learning rate of its own, so lr must be above 0`);
  }
  const { learningRate: _, ...others } = group;
  return { ...others, lr: rate };
}

/** @throws TypeError for what is no optimizer, in the name of `owner` */
export function checkOptimizer(owner: string, optimizer: unknown): void {
  if (typeof (optimizer as Optimizer | null | undefined)?.kernel === "string") return;
  const remedy =
    typeof optimizer === "function"
      ? "call it first: adam()"
      : "give one, such as adam({ learningRate: 0.001 })";
  throw new TypeError(`${owner}: optimizer is ${inWords(optimizer)}; ${remedy}`);
}

/** @throws RangeError unless low ≤ value < high; NaN is never inside. */
function inRange(optimizer: string, what: string, value: number, low: number, high: number): void {
  if (value >= low && value < high) return;
  const wanted =
    high === INFINITE ? `a finite number from ${low}` : `a number from ${low} up to, not including, ${high}`;
  throw new RangeError(`${optimizer}: ${what} is ${value}; give ${wanted}`);
}

/** @throws RangeError when a group matches none of a model's parameters: it would silently do nothing. */
export function checkGroups({ name, groups }: Optimizer, parameters: readonly string[]): void {
  for (const group of groups) {
    if (parameters.some((parameter) => matches(group, parameter))) continue;
    throw new RangeError(
      `${name}: group ${group.match} matches no parameter; the model has ${parameters.join(", ") || "none"}`,
    );
  }
}

/** The group that a parameter belongs to, if any. */
export function groupOf({ groups }: Optimizer, parameter: string): ParameterGroup | undefined {
  return groups.find((group) => matches(group, parameter));
}

/** Whether training leaves a parameter as it is. */
export function isFrozen(
  optimizer: Optimizer | undefined,
  { name, frozen }: { readonly name: string; readonly frozen?: boolean },
): boolean {
  return frozen || (optimizer !== undefined && groupOf(optimizer, name)?.frozen === true);
}

function matches({ match }: ParameterGroup, parameter: string): boolean {
  if (typeof match === "string") return parameter === match || parameter.startsWith(`${match}.`);
  // Unlike `test`, `search` does not remember where a global pattern matched last.
  return parameter.search(match) >= 0;
}

/** What an optimizer is: how parameters move by their gradients, in traced ops over all of them at once. */
import { checkOptions, inWords, type OptionKinds } from "../../checks.ts";
import type { Shape } from "../../program.ts";
import { add, choose, mul, sub } from "../graph/ops/scalar.ts";
import { Tensor } from "../graph/tensor.ts";

/** What an update is told of a parameter, for numbers that differ from one to the next. */
export interface ParameterInfo {
  readonly name: string;
  readonly shape: Shape;
  /** Whether weight decay applies by default: to weights, not to biases and norms. */
  readonly decay: boolean;
  readonly frozen: boolean;
  /** The group that it belongs to. */
  readonly group?: ParameterGroup | undefined;
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

/**
 * What an update is written of: tensors over all parameters at once, flat, [n]; `learningRate` and scalars are [] or [n]. By
 * their names: the optimizer's slots, its scalars, and its numbers per parameter.
 */
export type UpdateState<Name extends string = string> = {
  readonly [key in "parameter" | "gradient" | "learningRate" | Name]: Tensor;
};

/** New values, [n], by name. `gradient` may be among them: what is left in the memory of gradients. */
export type Updated<Slot extends string = string> = { readonly [key in "parameter" | Slot]: Tensor };

export interface UpdateTools {
  /**
   * `x` [n] with the part of each matrix replaced by what `compute` makes of it; elsewhere 0. Matrices are parameters with two
   * axes or more, [rows, all others]; those for which `of` gives 0 are left out. The results go to the optimizer's `scratch`
   * of that name.
   */
  eachMatrix(
    scratch: string,
    x: Tensor,
    of: (parameter: ParameterInfo) => number,
    compute: (matrix: Tensor) => Tensor,
  ): Tensor;
}

export interface Optimizer {
  readonly name: string;
  readonly learningRate: number;
  readonly groups: readonly ParameterGroup[];
  /** What it was set to, by name: a checkpoint is of the same optimizer. */
  readonly settings: Readonly<Record<string, number | string | boolean>>;
  /** Its state, one number a parameter each, 0 in the beginning: names of arenas. */
  readonly slots: readonly string[];
  /** Memory of the same size that a step writes before it reads it. */
  readonly scratch: readonly string[];
  /** Numbers that change with the step, counted from 1. */
  readonly scalars: Readonly<Record<string, (step: number) => number>>;
  /** Numbers that differ from parameter to parameter. */
  readonly perParameter: Readonly<Record<string, (parameter: ParameterInfo) => number>>;
  /** The learning rate of a parameter without a group of its own rate (default: `learningRate`). */
  readonly rateOf?: ((parameter: ParameterInfo) => number) | undefined;
  update(state: UpdateState, tools: UpdateTools): Updated;
}

/** What an optimizer of one's own is made of. */
export interface OptimizerRule<
  Slot extends string = never,
  Scalar extends string = never,
  Value extends string = never,
> extends OptimizerOptions {
  readonly name: string;
  readonly slots?: readonly Slot[];
  readonly scalars?: Readonly<Record<Scalar, (step: number) => number>>;
  readonly perParameter?: Readonly<Record<Value, (parameter: ParameterInfo) => number>>;
  readonly scratch?: readonly string[];
  readonly rateOf?: (parameter: ParameterInfo) => number;
  /** Whether weight decay shrinks parameters directly (AdamW's) instead of being added to gradients (default false). */
  readonly decoupled?: boolean;
  /** What else it was set to: a checkpoint is of the same optimizer. */
  readonly settings?: Readonly<Record<string, number | string | boolean>>;
  update(state: UpdateState<Slot | Scalar | Value>, tools: UpdateTools): Updated<Slot>;
}

const RULE: OptionKinds<OptimizerRule<string, string, string>> = {
  name: "string",
  learningRate: "number",
  lr: "number",
  weightDecay: "number",
  decayBiases: "boolean",
  groups: "array",
  slots: "array",
  scalars: "any",
  perParameter: "any",
  scratch: "array",
  rateOf: "function",
  decoupled: "boolean",
  settings: "any",
  update: "function",
};

/** Names that stand for something else in an update, or in a model's memory. */
const TAKEN = [
  "parameter",
  "parameters",
  "gradient",
  "gradients",
  "learningRate",
  "statistics",
  "observed",
  "blocks",
  "history",
  "frozen",
];

/**
 * An optimizer of one's own: `update` gives the new values of all parameters, and of the optimizer's slots, in terms of ops.
 * It is called once, when a step is compiled, and all of it becomes one launch. Weight decay and groups come with it.
 * `optimizer({ name: "descent", learningRate: 0.1, update: ({ parameter, gradient, learningRate }) => ({ parameter:
 * sub(parameter, mul(learningRate, gradient)) }) })`
 * @throws TypeError | RangeError naming what is missing, taken or out of its range
 */
export function optimizer<
  const Slot extends string = never,
  Scalar extends string = never,
  Value extends string = never,
>(rule: OptimizerRule<Slot, Scalar, Value>): Optimizer {
  checkOptions<OptimizerRule<string, string, string>>(
    "optimizer",
    rule as unknown as OptimizerRule<string, string, string>,
    RULE,
  );
  const { name, weightDecay = 0, decayBiases = false, settings = {}, decoupled = false, rateOf: own } = rule;
  if (typeof name !== "string" || name === "")
    throw new TypeError(`optimizer: name is ${inWords(name)}; give what messages call it by`);
  if (typeof rule.update !== "function")
    throw new TypeError(
      `${name}: update is ${inWords(rule.update)}; give a function ({ parameter, gradient, learningRate, … }) => ({ parameter, … })`,
    );
  const { name: called, rate: learningRate } = rateOf(name, rule);
  if (learningRate === undefined)
    throw new TypeError(`${name}: there is no learningRate; give a number, such as 0.001`);
  inRange(name, called, learningRate, 0, INFINITE);
  inRange(name, "weightDecay", weightDecay, 0, INFINITE);
  const groups = Array.from(rule.groups ?? [], (group, i) => checkedGroup(name, group, i, learningRate));
  const plain: Optimizer = {
    name,
    learningRate,
    groups,
    settings: { weightDecay, decayBiases, ...settings },
    slots: rule.slots ?? [],
    scratch: rule.scratch ?? [],
    scalars: rule.scalars ?? {},
    perParameter: rule.perParameter ?? {},
    rateOf: own,
    update(state, tools) {
      const next = rule.update(state as UpdateState<Slot | Scalar | Value>, tools);
      // Whatever the rule makes of a gradient of 0.
      if (!state.frozen || !(next?.parameter instanceof Tensor)) return next;
      return { ...next, parameter: choose(state.frozen, state.parameter, next.parameter) };
    },
  };
  checkNames(plain);
  const decays = weightDecay > 0 || groups.some((group) => (group.weightDecay ?? 0) > 0);
  return decays ? withDecay(plain, { weightDecay, decayBiases, decoupled }) : plain;
}

/** Weight decay, what `weightDecay` of all optimizers does; a group's own counts instead of it. */
export function withDecay(
  inner: Optimizer,
  how: { weightDecay: number; decayBiases: boolean; decoupled: boolean },
): Optimizer {
  const { weightDecay, decayBiases, decoupled } = how;
  const decays = ({ decay, group, frozen }: ParameterInfo) =>
    frozen ? 0 : (group?.weightDecay ?? (decay || decayBiases ? weightDecay : 0));
  return extended(inner, "decayed", {
    perParameter: { decay: decays },
    update(state, tools) {
      const { parameter, gradient, learningRate, decay } = state;
      const decayed = decoupled
        ? { ...state, parameter: sub(parameter, mul(mul(learningRate, decay), parameter)) }
        : { ...state, gradient: add(gradient, mul(decay, parameter)) };
      return inner.update(decayed, tools);
    },
  });
}

/**
 * `inner` with more of everything and another update, as wrappers make it.
 * @throws Error where a name is taken: the same wrapper twice, as a rule
 */
export function extended(
  inner: Optimizer,
  wrapper: string,
  more: Partial<Pick<Optimizer, "slots" | "scalars" | "perParameter" | "settings" | "name">> &
    Pick<Optimizer, "update">,
): Optimizer {
  const { slots = [], scalars = {}, perParameter = {}, settings = {}, name = inner.name, update } = more;
  const names = namesOf(inner);
  const twice = [...slots, ...Object.keys(scalars), ...Object.keys(perParameter)].find((one) =>
    names.includes(one),
  );
  if (twice !== undefined)
    throw new Error(`${wrapper}: ${inner.name} has "${twice}" already; wrap an optimizer once in it`);
  return {
    ...inner,
    name,
    settings: { ...inner.settings, ...settings },
    slots: [...inner.slots, ...slots],
    scalars: { ...inner.scalars, ...scalars },
    perParameter: { ...inner.perParameter, ...perParameter },
    update,
  };
}

function namesOf({ slots, scalars, perParameter, scratch }: Optimizer): string[] {
  return [...slots, ...scratch, ...Object.keys(scalars), ...Object.keys(perParameter)];
}

/** @throws TypeError | RangeError naming a slot, a scalar or a number per parameter that cannot be */
function checkNames(optimizer: Optimizer): void {
  const { name, scalars, perParameter } = optimizer;
  const names = namesOf(optimizer);
  names.forEach((one, i) => {
    if (typeof one !== "string" || one === "")
      throw new TypeError(`${name}: a name of a slot is ${inWords(one)}; give a string`);
    if (TAKEN.includes(one))
      throw new Error(`${name}: "${one}" stands for something else; call a slot or a scalar otherwise`);
    if (names.indexOf(one) !== i)
      throw new Error(`${name}: two things are called "${one}"; give each its name`);
  });
  for (const [kind, functions] of Object.entries({ scalars, perParameter })) {
    for (const [one, value] of Object.entries(functions)) {
      if (typeof value !== "function")
        throw new TypeError(
          `${name}: ${kind} "${one}" is ${inWords(value)}; give a function of ${kind === "scalars" ? "the step, from 1" : "a parameter"}`,
        );
    }
  }
  for (const [scalar, at] of Object.entries(scalars)) {
    for (const step of [1, 2]) {
      const value: unknown = at(step);
      if (typeof value !== "number" || !Number.isFinite(value))
        throw new RangeError(
          `${name}: scalar "${scalar}" is ${inWords(value)} at step ${step}; give a finite number`,
        );
    }
  }
}

export const INFINITE = Number.POSITIVE_INFINITY;

const GROUP: OptionKinds<ParameterGroup> = {
  match: "any",
  learningRate: "number",
  lr: "number",
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

/** The group, with its learning rate under the name `lr`. */
export function checkedGroup(name: string, group: ParameterGroup, i: number, shared: number): ParameterGroup {
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
  if (typeof (optimizer as Optimizer | null | undefined)?.update === "function") return;
  const remedy =
    typeof optimizer === "function"
      ? "call it first: adam()"
      : "give one, such as adam({ learningRate: 0.001 })";
  throw new TypeError(`${owner}: optimizer is ${inWords(optimizer)}; ${remedy}`);
}

/** @throws RangeError unless low ≤ value < high; NaN is never inside. */
export function inRange(owner: string, what: string, value: number, low: number, high: number): void {
  if (value >= low && value < high) return;
  const wanted =
    high === INFINITE ? `a finite number from ${low}` : `a number from ${low} up to, not including, ${high}`;
  throw new RangeError(`${owner}: ${what} is ${value}; give ${wanted}`);
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
export function groupOf(
  { groups }: Pick<Optimizer, "groups">,
  parameter: string,
): ParameterGroup | undefined {
  return groups.find((group) => matches(group, parameter));
}

/** Whether training leaves a parameter as it is. */
export function isFrozen(
  optimizer: Optimizer | undefined,
  { name, frozen }: { readonly name: string; readonly frozen?: boolean },
): boolean {
  return frozen || (optimizer !== undefined && groupOf(optimizer, name)?.frozen === true);
}

/** Whether a group is of a parameter. */
export function matches({ match }: Pick<ParameterGroup, "match">, parameter: string): boolean {
  if (typeof match === "string") return parameter === match || parameter.startsWith(`${match}.`);
  // Unlike `test`, `search` does not remember where a global pattern matched last.
  return parameter.search(match) >= 0;
}

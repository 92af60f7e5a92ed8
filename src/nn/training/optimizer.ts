/** Optimizers: rules that move parameters by their gradients, in traced ops over all parameters at once. */
import { checkOptions, checkRecord, inWords, type OptionKinds } from "../../checks.ts";
import type { Shape } from "../../program.ts";
import { add, choose, mul, sub } from "../graph/ops/scalar.ts";
import { Tensor } from "../graph/tensor.ts";

/** A parameter, as the functions `perParameter` and `rateOf` see it. */
export interface ParameterInfo {
  readonly name: string;
  readonly shape: Shape;
  /** Whether weight decay applies by default: to weights, not to biases and norms. */
  readonly decay: boolean;
  readonly frozen: boolean;
  /** The parameter's group. */
  readonly group?: ParameterGroup | undefined;
}

/** Parameters with their own settings. The first group that matches a parameter's name applies. */
export interface ParameterGroup {
  /** A parameter's full name, a path (`"0"` for `0.weight` and `0.bias`), or a pattern. */
  readonly match: string | RegExp;
  /** Learning rate of the group; `lr` is the short name. */
  readonly learningRate?: number;
  readonly lr?: number;
  readonly weightDecay?: number;
  /**
   * Whether the parameters stay unchanged, without gradients. A layer whose parameters are all frozen behaves as in
   * evaluation, as in Keras: batch normalisation uses its running statistics and does not change them.
   */
  readonly frozen?: boolean;
}

/** Options shared by all optimizers. */
export interface OptimizerOptions {
  /** Learning rate, from 0; 0 changes nothing. `lr` is the short name. */
  readonly learningRate?: number;
  readonly lr?: number;
  /** L2 decay rate of weights (default 0). For `adamw`, decay is decoupled and 0.01 by default. */
  readonly weightDecay?: number;
  /** Whether biases and norms decay, too (default false). */
  readonly decayBiases?: boolean;
  readonly groups?: readonly ParameterGroup[];
}

/**
 * Operands of an update: flat tensors [n] over all parameters; `learningRate` and scalars are [] or [n]. Further
 * operands are the optimizer's slots, scalars and numbers per parameter, by name.
 */
export type UpdateState<Name extends string = string> = {
  readonly [key in "parameter" | "gradient" | "learningRate" | Name]: Tensor;
};

/** New values, [n], by name. `gradient` may be among them: the values left in the memory of gradients. */
export type Updated<Slot extends string = string> = { readonly [key in "parameter" | Slot]: Tensor };

export interface UpdateTools {
  /**
   * Applies `compute` to each matrix within `x` [n]; all other elements become 0. Matrices are parameters with two or
   * more axes, [rows, all others], for which `of` is not 0. The results use the optimizer's `scratch` memory of that
   * name.
   * @throws Error where the optimizer has no such scratch memory, or has filled it already
   * @throws TypeError where `compute` returns no tensor of its matrix's shape
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
  /** Settings by name; a checkpoint resumes only with equal ones. */
  readonly settings: Readonly<Record<string, number | string | boolean>>;
  /** Names of its state: arenas with one number for each parameter value, initially 0. */
  readonly slots: readonly string[];
  /** Names of arenas of the same size that a step writes before reading. */
  readonly scratch: readonly string[];
  /** Parameters that options name beside groups; each must match a parameter of the model. */
  readonly named: readonly ParameterGroup["match"][];
  /** Numbers that change with the step, which counts from 1. */
  readonly scalars: Readonly<Record<string, (step: number) => number>>;
  /** Numbers that differ between parameters. */
  readonly perParameter: Readonly<Record<string, (parameter: ParameterInfo) => number>>;
  /** Learning rate of a parameter whose group sets none (default: `learningRate`). */
  readonly rateOf?: ((parameter: ParameterInfo) => number) | undefined;
  /** Traces the new values of all parameters and slots. */
  update(state: UpdateState, tools: UpdateTools): Updated;
}

/** The rule of a custom optimizer. */
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
  /** Parameters that options name beside groups; each must match a parameter of the model. */
  readonly named?: readonly ParameterGroup["match"][];
  readonly rateOf?: (parameter: ParameterInfo) => number;
  /** Whether weight decay shrinks parameters directly, as in AdamW, in place of changing gradients (default false). */
  readonly decoupled?: boolean;
  /** Further settings; a checkpoint resumes only with equal ones. */
  readonly settings?: Readonly<Record<string, number | string | boolean>>;
  /** Traces the new values of all parameters and slots. */
  update(state: UpdateState<Slot | Scalar | Value>, tools: UpdateTools): Updated<Slot>;
}

export const SHARED_OPTIONS: OptionKinds<OptimizerOptions> = {
  learningRate: "number",
  lr: "number",
  weightDecay: "number",
  decayBiases: "boolean",
  groups: "array",
};

const RULE: OptionKinds<OptimizerRule<string, string, string>> = {
  ...SHARED_OPTIONS,
  name: "string",
  slots: "array",
  scalars: "any",
  perParameter: "any",
  scratch: "array",
  named: "array",
  rateOf: "function",
  decoupled: "boolean",
  settings: "any",
  update: "function",
};

/** Names reserved in an update, or in a model's memory and checkpoints. */
export const RESERVED: readonly string[] = [
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
  "rate of each",
];

/**
 * Creates an optimizer from a rule: `update` traces the new values of all parameters and slots. The function is called
 * once, when a step is compiled, and becomes one launch. Weight decay and groups are added to it.
 * `optimizer({ name: "descent", learningRate: 0.1, update: ({ parameter, gradient, learningRate }) => ({ parameter:
 * sub(parameter, mul(learningRate, gradient)) }) })`
 * @throws TypeError, RangeError or Error naming the option that is missing, reserved or out of range
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
    throw new TypeError(`optimizer: name is ${inWords(name)}; give the name for messages`);
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
    named: rule.named ?? [],
    scalars: rule.scalars ?? {},
    perParameter: rule.perParameter ?? {},
    rateOf: own,
    update(state, tools) {
      const next = rule.update(state as UpdateState<Slot | Scalar | Value>, tools);
      // Frozen, whatever the rule computes from a gradient of 0.
      if (!state.frozen || !(next?.parameter instanceof Tensor)) return next;
      return { ...next, parameter: choose(state.frozen, state.parameter, next.parameter) };
    },
  };
  checkNames(plain);
  const decays = weightDecay > 0 || groups.some((group) => (group.weightDecay ?? 0) > 0);
  return decays ? withDecay(plain, { weightDecay, decayBiases, decoupled }) : plain;
}

/** Weight decay for the option `weightDecay` of all optimizers; a group's own decay takes precedence. */
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
 * `inner` extended by slots, scalars and another update, for wrappers.
 * @throws Error where a name is taken, usually because a wrapper is applied twice
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

/** @throws TypeError, RangeError or Error naming an invalid slot, scalar or number per parameter */
function checkNames(optimizer: Optimizer): void {
  const { name, scalars, perParameter } = optimizer;
  const names = namesOf(optimizer);
  names.forEach((one, i) => {
    if (typeof one !== "string" || one === "")
      throw new TypeError(`${name}: a name of a slot is ${inWords(one)}; give a string`);
    if (RESERVED.includes(one))
      throw new Error(`${name}: "${one}" stands for something else; call a slot or a scalar otherwise`);
    if (names.indexOf(one) !== i)
      throw new Error(`${name}: the name "${one}" is given twice; give each operand a name of its own`);
  });
  for (const [kind, functions] of Object.entries({ scalars, perParameter })) {
    checkRecord(`${name}: ${kind} are`, functions);
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
    throw new RangeError(
      `${name}: group ${match} has a learning rate of its own, so learningRate must be above 0`,
    );
  }
  const { learningRate: _, ...others } = group;
  return { ...others, lr: rate };
}

/** @throws TypeError in the name of `owner`, where `optimizer` is none */
export function checkOptimizer(owner: string, optimizer: unknown): void {
  if (typeof (optimizer as Optimizer | null | undefined)?.update === "function") return;
  const remedy =
    typeof optimizer === "function"
      ? "call it first: adam()"
      : "give one, such as adam({ learningRate: 0.001 })";
  throw new TypeError(`${owner}: optimizer is ${inWords(optimizer)}; ${remedy}`);
}

/** @throws RangeError unless low ≤ value < high; NaN never passes */
export function inRange(owner: string, what: string, value: number, low: number, high: number): void {
  if (value >= low && value < high) return;
  const wanted =
    high === INFINITE ? `a finite number from ${low}` : `a number from ${low} up to, not including, ${high}`;
  throw new RangeError(`${owner}: ${what} is ${value}; give ${wanted}`);
}

/** @throws RangeError where a group matches no parameter: it would silently do nothing */
export function checkGroups({ name, groups, named }: Optimizer, parameters: readonly string[]): void {
  const chosen = [
    ...groups.map(({ match }) => ({ what: "group", match })),
    ...named.map((match) => ({ what: "parameter", match })),
  ];
  for (const { what, match } of chosen) {
    if (parameters.some((parameter) => matches({ match }, parameter))) continue;
    throw new RangeError(
      `${name}: ${what} ${match} matches no parameter; the model has ${parameters.join(", ") || "none"}`,
    );
  }
}

/** The group of a parameter, if any. */
export function groupOf(
  { groups }: Pick<Optimizer, "groups">,
  parameter: string,
): ParameterGroup | undefined {
  return groups.find((group) => matches(group, parameter));
}

/** Whether training leaves a parameter unchanged. */
export function isFrozen(
  optimizer: Optimizer | undefined,
  { name, frozen }: { readonly name: string; readonly frozen?: boolean },
): boolean {
  return frozen || (optimizer !== undefined && groupOf(optimizer, name)?.frozen === true);
}

/** Whether a group matches a parameter. */
export function matches({ match }: Pick<ParameterGroup, "match">, parameter: string): boolean {
  if (typeof match === "string") return parameter === match || parameter.startsWith(`${match}.`);
  // Unlike `test`, `search` ignores the last match of a global pattern.
  return parameter.search(match) >= 0;
}

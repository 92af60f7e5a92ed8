/** Builds programs from functions of traced tensors: a model's forward pass, or a whole training step. */
import { atOnce, checkFinite, checkOptions, checkWhole, inWords } from "../../checks.ts";
import type { Program } from "../../program.ts";
import { gradients } from "../graph/gradients.ts";
import { type LowerRequest, lower } from "../graph/lower/lower.ts";
import type { Place } from "../graph/lower/lowering.ts";
import type { UpdateRequest } from "../graph/lower/update.ts";
import { sum } from "../graph/ops/reduce.ts";
import { abs, add, mul, square } from "../graph/ops/scalar.ts";
import { constant, type SourceAttributes } from "../graph/ops/source.ts";
import { Tensor, withLabel } from "../graph/tensor.ts";
import type { ArenaLayout, ModelLayout } from "../model/layout.ts";
import { applyModel, type Layer } from "../model/model.ts";
import { ModelTrace, Scope, type StatisticSpec } from "../model/parameters.ts";
import type { Guard } from "./guard.ts";
import { isFrozen, type Optimizer } from "./optimizer.ts";
import { optimizerUpdate, statisticsUpdate } from "./updates.ts";
import { type Clipping, checkClipping, clipped } from "./wrappers.ts";

/** The model, as a function that a step calls. */
export interface ModelCall {
  (x: Tensor): Tensor;
  /** Parameters used by the calls so far, by name, for gradients or for terms of a loss. */
  readonly parameters: ReadonlyMap<string, Tensor>;
}

/** Result of a step function: tensors by name, read by the host; `minimize` is the loss to train on. */
export interface StepOutputs {
  readonly [name: string]: Tensor;
}

/** Penalty on weights, added to the loss: l1 · Σ|w| + l2 · Σw² over weights, not over biases and norms. */
export interface Penalty {
  readonly l1?: number;
  readonly l2?: number;
}

/** Options of the update after the loss. */
export interface TrainingOptions {
  readonly clip?: Clipping;
  readonly penalty?: Penalty;
  /**
   * Number of parts of a batch (default 1): the step is traced once for each part, and gradients are averaged, so that
   * a batch needs the memory of one part.
   */
  readonly accumulate?: number;
  /**
   * Whether a training step looks for NaN and infinities (default: no). Its output `nonFinite` is then 0 where all is well;
   * 1 where only the loss is not finite; 2 where a gradient is not or, after the update, a parameter, a slot of the optimizer or a
   * running statistic. With "skip", a step whose loss or gradients are not finite changes nothing, and shows 4; the
   * step counts.
   */
  readonly guard?: Guard;
}

/** @throws RangeError naming the option that is out of range */
export function checkTrainingOptions(
  name: string,
  { accumulate = 1, clip = {}, penalty = {} }: TrainingOptions,
): void {
  checkOptions(`${name}: penalty`, penalty, { l1: "number", l2: "number" });
  checkWhole(`${name}: accumulate`, accumulate);
  checkClipping(name, clip, "clip");
  for (const [weight, value] of Object.entries({ "penalty.l1": penalty.l1, "penalty.l2": penalty.l2 })) {
    if (value !== undefined) checkFinite(`${name}: ${weight}`, value, 0);
  }
}

export interface StepRequest extends Omit<TrainingOptions, "guard"> {
  readonly name: string;
  readonly model: Layer;
  readonly layout: ModelLayout;
  /** The optimizer of a training step. */
  readonly optimizer?: Optimizer;
  /** Whether layers behave as in training. */
  readonly training: boolean;
  /** Traces the step; its sources are created inside. `part` counts the parts of an accumulated batch. */
  readonly body: (model: ModelCall, part: number) => StepOutputs;
  /** Makes a program of the traced step (default: `lower`, with fused ops). */
  readonly lowered?: (step: LowerRequest) => Program;
}

/**
 * Traces a step, differentiates its loss, and lowers everything. The loss becomes the output `loss`, every other tensor
 * an output of its own name.
 */
export function buildStep(request: StepRequest): Program {
  const { name, model, layout, optimizer, training, body, accumulate = 1, lowered = lower } = request;
  checkTrainingOptions(name, request);
  const trace = new ModelTrace(layout.parameters.specs, (spec) => isFrozen(optimizer, spec));
  for (const spec of layout.statistics.specs) trace.statistics.specs.set(spec.name, spec);
  const scope = new Scope(trace, training);
  const call = Object.assign((x: Tensor) => applyModel(model, x, scope), {
    parameters: trace.parameters.tensors,
  });
  const parts = Array.from({ length: accumulate }, (_, part) =>
    checkedOutputs(
      name,
      withLabel(name, () => body(call, part)),
    ),
  );
  checkDeclarations(name, trace, layout);

  const assignments: Assignment[] = [];
  const updates: UpdateRequest[] = [];
  let outputs = averaged(parts);
  if ("minimize" in outputs) {
    if (!optimizer) {
      throw new Error(
        `${name}: the step returns \`minimize\`, but there is no optimizer; give one to createTrainer`,
      );
    }
    const penalty = withLabel("penalty", () => penaltyOf(trace, request.penalty ?? {}));
    const losses = parts.map(({ minimize }) => add(minimize, penalty));
    assignments.push(...gradientAssignments(losses, trace, layout.parameters, optimizer));
    const { minimize, ...rest } = outputs;
    outputs = { loss: add(minimize, penalty), ...rest };
    updates.push(optimizerUpdate(clippedBy(optimizer, request.clip), layout.parameters));
  }
  const { observations } = trace;
  for (const [statistic, tensor] of observations)
    assignments.push({ tensor, place: layout.statistics.place("observed", statistic) });
  if (observations.size > 0) {
    const rate = ({ name, momentum }: StatisticSpec) => (observations.has(name) ? momentum : 0);
    updates.push(statisticsUpdate(layout.statistics, rate));
  }
  const place = ({ role, name: source }: SourceAttributes) => {
    const arena = role === "statistic" ? "statistics" : "parameters";
    return layout[arena].place(arena, source);
  };
  return lowered({ name, outputs, assignments, place, updates });
}

/** The optimizer, wrapped by the option `clip`, if given. */
function clippedBy(optimizer: Optimizer, clip: Clipping = {}): Optimizer {
  return clip.norm === undefined && clip.value === undefined ? optimizer : clipped(optimizer, clip);
}

interface Assignment {
  readonly tensor: Tensor;
  readonly place: Place;
}

function checkedOutputs(step: string, outputs: StepOutputs): StepOutputs {
  const entries = Object.entries(atOnce(`${step}: the step`, outputs) ?? {});
  if (entries.length === 0)
    throw new TypeError("a step returns an object of tensors; got nothing to compute");
  if ("minimize" in outputs && "loss" in outputs) {
    throw new TypeError(
      'the step returns "loss" beside "minimize", whose value comes back as "loss"; give your own another name',
    );
  }
  for (const [name, tensor] of entries) {
    if (name === "__proto__") throw new TypeError('a step has no output "__proto__"; choose another name');
    if (!(tensor instanceof Tensor)) {
      throw new TypeError(`the step's output "${name}" is ${inWords(tensor)}; return tensors`);
    }
  }
  return outputs;
}

function checkDeclarations(name: string, trace: ModelTrace, { parameters, statistics }: ModelLayout): void {
  const added = [
    ...[...trace.parameters.specs.keys()].slice(parameters.specs.length),
    ...[...trace.statistics.specs.keys()].slice(statistics.specs.length),
  ];
  if (added.length > 0) {
    throw new Error(`${name}: the model declares tensors here that it had not before: ${added.join(", ")}`);
  }
}

/** The outputs of all parts of a batch: losses and counts are means and sums of equal parts. */
function averaged(parts: readonly StepOutputs[]): StepOutputs {
  if (parts.length === 1) return parts[0];
  const entries = Object.keys(parts[0]).map((name) => {
    const total = parts.map((part) => part[name]).reduce((a, b) => add(a, b));
    return [name, name === "minimize" ? mul(total, 1 / parts.length) : total] as const;
  });
  return Object.fromEntries(entries);
}

function penaltyOf(trace: ModelTrace, { l1 = 0, l2 = 0 }: Penalty): Tensor | number {
  const terms: Tensor[] = [];
  for (const [name, weight] of trace.parameters.tensors) {
    if (!trace.parameters.specs.get(name)?.decay) continue;
    if (l1 > 0) terms.push(mul(sum(abs(weight)), l1));
    if (l2 > 0) terms.push(mul(sum(square(weight)), l2));
  }
  return terms.length > 0 ? terms.reduce((a, b) => add(a, b)) : 0;
}

/**
 * Places of gradients in the gradient arena. A parameter without influence gets zeros, because another step may have
 * left values there.
 */
function gradientAssignments(
  losses: readonly Tensor[],
  trace: ModelTrace,
  layout: ArenaLayout,
  optimizer: Optimizer,
): Assignment[] {
  const free = layout.specs.filter((spec) => !isFrozen(optimizer, spec));
  const used = free.flatMap(({ name }) => trace.parameters.tensors.get(name) ?? []);
  if (used.length === 0) {
    throw new Error("every parameter is frozen, or the step uses none: there is nothing left to train");
  }
  // Each part's gradients follow its own forward pass, so that its activations are free before the next.
  const perPart = losses.map((loss) => gradients(mul(loss, 1 / losses.length), used));
  const indexOf = new Map(used.map((tensor, i) => [tensor, i]));
  return free.map(({ name, shape }) => {
    const i = indexOf.get(trace.parameters.tensors.get(name) as Tensor);
    const tensor =
      i === undefined ? constant(0, shape) : perPart.map((part) => part[i]).reduce((a, b) => add(a, b));
    return { tensor, place: layout.place("gradients", name) };
  });
}

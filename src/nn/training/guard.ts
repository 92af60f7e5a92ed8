/**
 * Guarded steps: they tell of NaN and infinities, where these numbers are in registers anyway. The launch that stores the loss
 * also stores whether the loss is finite, and the launches of the updates set flags.
 */
import { atOnce, inWords } from "../../checks.ts";
import type { Program } from "../../program.ts";
import { lowerBefore } from "../graph/lower/before.ts";
import { Watch } from "../graph/lower/flags.ts";
import { type LowerRequest, lower } from "../graph/lower/lower.ts";
import type { UpdateRequest } from "../graph/lower/update.ts";
import { sum } from "../graph/ops/reduce.ts";
import { add, choose, equal, isFinite as finite, mul, sub } from "../graph/ops/scalar.ts";
import { isSource, outputSource, stateSource, temporarySource } from "../graph/ops/source.ts";
import { reshape } from "../graph/ops/view.ts";
import { type Tensor, withLabel } from "../graph/tensor.ts";
import { buildStep, type StepOutputs, type StepRequest } from "./step.ts";

/** Whether a step only tells of numbers that are not finite, or also leaves everything as it was. */
export type Guard = "notice" | "skip";

/** The output of a guarded step. */
export const NON_FINITE = "nonFinite";

/** What a guarded step shows: what it found last. */
export const NonFiniteCode = {
  /** The loss is not finite. */
  loss: 1,
  /** Nor is a gradient or, after the update, a parameter, a slot of the optimizer, or a running statistic. */
  update: 2,
  /** The step was skipped. */
  skipped: 4,
} as const;

/**
 * Builds a training step as {@link buildStep} does, guarded.
 * @throws RangeError where `guard` is none of its values
 * @throws TypeError where the step minimises nothing, or has an output that the guard gives
 */
export function buildGuarded(request: StepRequest, guard: Guard): Program {
  const { name, body } = request;
  if (guard !== "notice" && guard !== "skip")
    throw new RangeError(`${name}: guard is ${inWords(guard)}; give "notice" or "skip", or leave it out`);
  const guarded = guard === "skip" ? skipping : noticing;
  return buildStep({
    ...request,
    body: (model, part) => checkedOutputs(name, body(model, part)),
    lowered: (step) => lower(withLabel("guard", () => guarded(step))),
  });
}

function checkedOutputs(step: string, outputs: StepOutputs): StepOutputs {
  const names = Object.keys(atOnce(`${step}: the step`, outputs) ?? {});
  if (!names.includes("minimize"))
    throw new TypeError(
      `${step}: guard looks for NaN in training, and the step returns no \`minimize\`; leave guard out`,
    );
  if (names.includes(NON_FINITE))
    throw new TypeError(
      `${step}: the step returns "${NON_FINITE}", which guard gives; give your own another name`,
    );
  return outputs;
}

function noticing({ outputs, updates = [], ...step }: LowerRequest): LowerRequest {
  const watch = new Watch(NON_FINITE, NonFiniteCode.update, true);
  const isLossBad = mul(sub(1, finite(outputs.loss)), NonFiniteCode.loss);
  return {
    ...step,
    outputs: { ...outputs, [NON_FINITE]: isLossBad },
    updates: updates.map((update) => ({ ...update, watch })),
  };
}

/** A step that changes nothing where its loss or its gradients are not finite. */
function skipping({ updates = [], ...step }: LowerRequest): LowerRequest {
  const count = updates.map(({ from }) => nonFiniteIn(from)).reduce((a, b) => add(a, b));
  const isFine = mul(equal(count, 0), finite(outputSource("loss", [])));
  const watch = new Watch(NON_FINITE, NonFiniteCode.update, false);
  const fine = temporarySource("fine", []);
  return {
    ...step,
    beforeUpdates: lowerBefore({
      outputs: { [NON_FINITE]: mul(sub(1, isFine), NonFiniteCode.skipped) },
      results: new Map([[fine, isFine]]),
    }),
    updates: updates.map((update) => ({
      ...update,
      changes: keeping(update, fine),
      watch,
    })),
  };
}

/** The changes of an update where the step is fine, and the states as they were where it is not. */
function keeping({ changes }: UpdateRequest, fine: Tensor): UpdateRequest["changes"] {
  const kept = ([name, tensor]: [string, Tensor]) => [
    name,
    isSource(tensor) ? tensor : choose(fine, tensor, stateSource(name, tensor.shape)),
  ];
  return Object.fromEntries(Object.entries(changes).map(kept));
}

/** Number of partial sums that keeps a device busy; arenas divide into whole parts. */
const PARTS = 64;

/**
 * Number of elements that are not finite. A sum of the elements does not tell: it overflows, also where each is scaled, for
 * compilers take a common factor out of a sum.
 */
function nonFiniteIn(arena: Tensor): Tensor {
  return sum(sum(reshape(sub(1, finite(arena)), [PARTS, -1]), 1));
}

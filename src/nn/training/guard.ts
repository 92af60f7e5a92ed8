/**
 * Guarded steps: they tell of NaN and infinities, where these numbers are in registers anyway. The launch that stores the loss
 * also stores whether the loss is finite, and the launches of the updates set flags.
 */
import { inWords } from "../../checks.ts";
import type { LowerRequest } from "../graph/lower/lower.ts";
import type { UpdateRequest } from "../graph/lower/update.ts";
import { sum } from "../graph/ops/reduce.ts";
import { add, choose, equal, isFinite as finite, mul, sub } from "../graph/ops/scalar.ts";
import { isSource, outputSource, stateSource, temporarySource } from "../graph/ops/source.ts";
import { reshape } from "../graph/ops/view.ts";
import { type Tensor, withLabel } from "../graph/tensor.ts";

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

/** @throws RangeError where `guard` is none of its values */
export function checkGuard(owner: string, guard: Guard | undefined): void {
  if (guard === undefined || guard === "notice" || guard === "skip") return;
  throw new RangeError(`${owner}: guard is ${inWords(guard)}; give "notice" or "skip", or leave it out`);
}

/** The same training step, guarded. It has the output `loss`. */
export function guarded(step: LowerRequest, guard: Guard): LowerRequest {
  return withLabel("guard", () => (guard === "skip" ? skipping(step) : noticing(step)));
}

const FLAG = { output: NON_FINITE, value: NonFiniteCode.update };

function noticing({ outputs, updates = [], ...step }: LowerRequest): LowerRequest {
  const isLossBad = mul(sub(1, finite(outputs.loss)), NonFiniteCode.loss);
  return {
    ...step,
    outputs: { ...outputs, [NON_FINITE]: isLossBad },
    updates: updates.map((update) => ({ ...update, watch: { ...FLAG, found: true } })),
  };
}

/** A step that changes nothing where its loss or its gradients are not finite. */
function skipping({ updates = [], ...step }: LowerRequest): LowerRequest {
  const count = updates.map(({ from }) => nonFiniteIn(from)).reduce((a, b) => add(a, b));
  const isFine = mul(equal(count, 0), finite(outputSource("loss", [])));
  const fine = temporarySource("fine", []);
  return {
    ...step,
    beforeUpdates: {
      outputs: { [NON_FINITE]: mul(sub(1, isFine), NonFiniteCode.skipped) },
      results: new Map([[fine, isFine]]),
    },
    updates: updates.map((update) => ({
      ...update,
      changes: keeping(update, fine),
      watch: { ...FLAG, found: false },
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

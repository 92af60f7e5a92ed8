/** What a reduction keeps of the elements that it has seen, lane by lane. */
import { REDUCE_MODES, type ReduceMode } from "../../kernels/reduce.ts";
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32x4, i32x4, type V128 } from "../assembler/instructions.ts";
import { LaneMaximum, larger, maximumOfLanes, sumOfLanes } from "../vectors/lanes.ts";

export interface Fold {
  /** Takes an element in each lane, a local; `at` writes their positions, as integers. */
  take(x: V128, at: () => V128): void;
  /** Values that are folded further, lane by lane, and with all lanes together: results, or maxima and their positions. */
  lanes(): readonly V128[];
  together(): readonly V128[];
}

export interface FoldMode {
  /** An element that changes nothing. */
  readonly neutral: number;
  /** Whether results are positions; elements must then come in order. */
  readonly ordered: boolean;
  begin(f: FunctionBuilder): Fold;
}

/** A fold that keeps one vector; the order of elements does not matter. */
function simple(
  neutral: number,
  combine: (a: V128, b: V128) => V128,
  together: (f: FunctionBuilder, x: V128) => V128,
): FoldMode {
  return {
    neutral,
    ordered: false,
    begin(f) {
      const total = f.variable("v128", f.constant(f32x4.const(neutral)));
      return {
        take: (x) => f.set(total, combine(total, x)),
        lanes: () => [total],
        together: () => [together(f, total)],
      };
    },
  };
}

export const folds: Readonly<Record<ReduceMode, FoldMode>> = {
  sum: simple(0, f32x4.add, (f, x) => f32x4.splat(sumOfLanes(f, x))),
  max: simple(-Infinity, larger, maximumOfLanes),
  argmax: {
    neutral: -Infinity,
    ordered: true,
    begin(f) {
      const first = new LaneMaximum(f, f32x4.const(-Infinity), i32x4.const(0));
      return {
        take: (x, at) => first.take(x, f.keep(at())),
        lanes: () => [first.largest, first.positions],
        together: () => [first.value(), i32x4.splat(first.position())],
      };
    },
  },
};

/** The fold of a reduction's mode, by its number. */
export function foldOf(mode: number): FoldMode {
  const names = Object.keys(REDUCE_MODES) as ReduceMode[];
  return folds[names.find((name) => REDUCE_MODES[name] === mode) as ReduceMode];
}

/** Metrics of regressions. */
import { checkNothing, checkOptions } from "../checks.ts";
import { sum } from "../nn/graph/ops/reduce.ts";
import { abs, square, sub } from "../nn/graph/ops/scalar.ts";
import { tensor } from "../nn/graph/ops/source.ts";
import type { Metric, MetricBatch } from "../train/evaluate.ts";
import { numberRows } from "./checks.ts";

/**
 * Mean of |output − target| over samples and outputs, in the targets' unit.
 * @throws TypeError where an argument is given; in an evaluation, ShapeError where outputs and targets differ in count
 *   or targets are classes, and Error where outputs are not finite
 */
export function meanAbsolute(...nothing: readonly never[]): Metric<"meanAbsolute", number> {
  checkNothing("meanAbsolute", nothing);
  return {
    name: "meanAbsolute",
    mode: "min",
    trace(batch) {
      const [outputs, targets] = numberRows("meanAbsolute", batch);
      return { distances: sum(abs(sub(outputs, targets)), 0) };
    },
    finish: ({ distances }, samples) =>
      checkNumber("meanAbsolute", total(distances)) / (samples * distances.length),
  };
}

export interface RSquaredOptions {
  /**
   * Approximate mean of the targets, one number for each output. Squares are summed around it, so that sums stay small
   * and exact. Default: the mean of the targets; 0 for streams. A reference far from the mean, relative to the targets'
   * spread, is refused.
   */
  readonly reference?: readonly number[];
}

/**
 * R², the coefficient of determination: 1 − Σ (output − target)² / Σ (target − mean)², averaged over outputs. 1 is
 * perfect, 0 as good as the mean. For a constant target, R² is 1 if met exactly and otherwise 0, as in scikit-learn.
 * @throws RangeError where `reference` holds a number that is not finite; in an evaluation, RangeError where it has the
 *   wrong length, ShapeError where outputs and targets differ in count or targets are classes, and Error where outputs
 *   are not finite
 * @throws TypeError where an option is unknown or of another kind
 */
export function rSquared(options: RSquaredOptions = {}): Metric<"rSquared", number> {
  const { reference: given } = checkOptions("rSquared", options, { reference: "array" });
  if (given && !given.every((value) => Number.isFinite(Math.fround(value)))) {
    throw new RangeError(`rSquared: reference is [${given.join(", ")}]; give finite numbers`);
  }
  return {
    name: "rSquared",
    mode: "max",
    trace(batch) {
      const [outputs, targets] = numberRows("rSquared", batch);
      const reference = given ?? meanTargets(batch, targets.shape[1]);
      if (reference.length !== targets.shape[1]) {
        throw new RangeError(
          `rSquared: reference has ${reference.length} numbers; the targets have ${targets.shape[1]}`,
        );
      }
      const around = tensor(reference);
      const distances = sub(targets, around);
      return {
        residual: sum(square(sub(outputs, targets)), 0),
        distance: sum(distances, 0),
        squares: sum(square(distances), 0),
        around,
      };
    },
    finish({ residual, distance, squares, around }, samples) {
      const each = Array.from(residual, (left, i) => {
        checkNumber("rSquared", left);
        // Sum of squares around the mean, from sums around the reference.
        const spread = squares[i] - distance[i] ** 2 / samples;
        if (isConstant(squares[i] / samples, around[i])) return Number(isConstant(left / samples, around[i]));
        if (!(spread > squares[i] * FAR)) throw tooFar(i, around[i]);
        return 1 - left / spread;
      });
      return total(each) / each.length;
    },
  };
}

function total(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0);
}

/** @throws Error where the sum is not finite, which comes from outputs: a data set's targets are finite */
function checkNumber(metric: string, value: number): number {
  if (Number.isFinite(value)) return value;
  throw new Error(`${metric}: the errors sum to ${value}; look for NaN in the outputs`);
}

/** Relative size of the spread below which only rounding is left. */
const FAR = 1e-4;

/** Whether numbers near `around` with this mean square are equal up to rounding. `around` may be a multiple. */
function isConstant(meanSquare: number, around: number): boolean {
  return meanSquare <= (2 ** -22 * around) ** 2;
}

function tooFar(output: number, around: number): Error {
  return new Error(
    `rSquared: target ${output} varies too little around the reference (${around} in all batches together) for 32-bit sums; give rSquared({ reference }) the mean target of each output`,
  );
}

/** Mean target of each output, as engines hold it. */
function meanTargets({ dataset: { targets, count } }: MetricBatch, outputs: number): number[] {
  const means = new Array<number>(outputs).fill(0);
  if (!("data" in targets)) return means;
  targets.data.forEach((value, i) => {
    means[i % outputs] += value / count;
  });
  return means.map((mean) => Math.fround(mean * targets.scale));
}

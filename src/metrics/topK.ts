/** Top-k accuracy. */

import { checkWhole } from "../checks.ts";
import { sum } from "../nn/graph/ops/reduce.ts";
import { add, choose, equal, greater, mul } from "../nn/graph/ops/scalar.ts";
import { iota } from "../nn/graph/ops/source.ts";
import { reshape } from "../nn/graph/ops/view.ts";
import type { Metric, MetricBatch } from "../train/evaluate.ts";
import { classOutputs } from "./checks.ts";

/**
 * Fraction of samples whose label is among the k largest outputs. Equal outputs rank by class, lower classes first, as
 * for `accuracy`, which equals `topK(1)`. A NaN output is no hit.
 * @throws RangeError where k is no whole number from 1; in an evaluation, ShapeError where the model has fewer outputs
 */
export function topK<K extends number>(k: K): Metric<`top${K}`, number> {
  checkWhole("topK: k", k);
  const name = `top${k}` as const;
  return {
    name,
    mode: "max",
    trace: (batch) => ({ hits: hits(name, k, batch) }),
    finish: ({ hits: [count] }, samples) => count / samples,
  };
}

function hits(name: string, k: number, batch: MetricBatch) {
  const { outputs, targets, size } = batch;
  const outputCount = classOutputs(name, batch, k);
  const columns = iota([size, outputCount], 1);
  const labels = reshape(targets, [size, 1]);
  const atLabel = equal(columns, labels);
  const own = sum(choose(atLabel, outputs, 0), 1, { keepDims: true });
  // Number of classes that rank before the label's output; a NaN output ranks before none.
  const before = add(greater(own, outputs), mul(equal(own, outputs), greater(columns, labels)));
  const beaten = sum(choose(atLabel, 0, before), 1);
  return sum(greater(beaten, outputCount - k - 0.5));
}

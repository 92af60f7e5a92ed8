/** Top-k accuracy. */

import { checkWhole } from "../checks.ts";
import { sum } from "../nn/graph/ops/reduce.ts";
import { add, choose, equal, greater, mul } from "../nn/graph/ops/scalar.ts";
import { iota } from "../nn/graph/ops/source.ts";
import { reshape } from "../nn/graph/ops/view.ts";
import type { Metric, MetricBatch } from "../train/evaluate.ts";
import { classOutputs } from "./checks.ts";

/**
 * The part of samples whose label is among the k largest outputs. Of equal outputs those of lower classes come first,
 * as for `accuracy`, which `topK(1)` is. An output that is NaN is no hit.
 * @throws RangeError where k is no whole number from 1; ShapeError where the model has fewer outputs
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
  // Classes that the label's output comes before; counted so, an output that is NaN comes before none.
  const before = add(greater(own, outputs), mul(equal(own, outputs), greater(columns, labels)));
  const beaten = sum(choose(atLabel, 0, before), 1);
  return sum(greater(beaten, outputCount - k - 0.5));
}

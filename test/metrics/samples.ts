/** Evaluations of a model that gives back its inputs: so a test writes down the outputs that are to be measured. */
import { dataset } from "../../src/data/dataset.ts";
import {
  binaryCrossEntropy,
  createTrainer,
  type Engine,
  evaluate,
  type Loss,
  meanSquaredError,
} from "../../src/index.ts";
import type { EvaluationOf, Metric } from "../../src/metrics/index.ts";

type Row = readonly number[];

interface Measure<M extends readonly Metric[]> {
  readonly outputs: readonly Row[];
  readonly targets: readonly (number | Row)[];
  /** Given where targets are class indices. */
  readonly classes?: number;
  readonly loss?: Loss;
  readonly batchSize?: number;
  readonly metrics: M;
}

export async function measure<const M extends readonly Metric[]>(
  engine: Engine,
  { outputs, targets, classes, loss, batchSize, metrics }: Measure<M>,
): Promise<EvaluationOf<M>> {
  const width = [outputs[0].length];
  const values = targets.flat();
  const data = dataset({
    inputs: { data: Float32Array.from(outputs.flat()), shape: width },
    targets: classes
      ? { data: Uint8Array.from(values) }
      : { data: Float32Array.from(values), shape: typeof targets[0] === "number" ? [] : width },
    classes,
  });
  const trainer = createTrainer(engine, (x) => x, { inputShape: width });
  return evaluate(trainer, data, { loss, batchSize, metrics });
}

export const binary = binaryCrossEntropy();
export const squares = meanSquaredError();

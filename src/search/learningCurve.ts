/** Learning curves: the benefit of more data. */
import { checkDataset, type Dataset, subset } from "../data/dataset.ts";
import type { Model } from "../nn/model/model.ts";
import { permutation } from "../random.ts";
import type { Engine } from "../runtime/engine.ts";
import { checkEngine } from "../train/arguments.ts";
import type { Evaluation } from "../train/evaluate.ts";
import type { Data } from "../train/source.ts";
import { figuresOf } from "./crossValidate.ts";
import { type OwnOptions, type TrialOptions, withKinds } from "./fitOptions.ts";
import { alignedTable } from "./table.ts";
import { trained } from "./trial.ts";

export interface LearningCurveOptions extends TrialOptions {
  /** Numbers of training samples, each at most the size of the data set. */
  readonly sizes: readonly number[];
  /** Data on which every trained model is evaluated. */
  readonly validation: Data;
  /** Called after each size. */
  readonly onPoint?: (point: CurvePoint) => void;
}

const OWN_OPTIONS: OwnOptions<LearningCurveOptions> = {
  sizes: "any",
  validation: "any",
  onPoint: "function",
};

export interface CurvePoint {
  readonly size: number;
  /** Evaluation of the trained model on its training samples. */
  readonly train: Evaluation;
  readonly validation: Evaluation;
}

export interface LearningCurve {
  /** In the order of `sizes`. */
  readonly points: readonly CurvePoint[];
  /** A line for each size, as aligned text. */
  table(): string;
}

/**
 * Trains `model` on growing parts of a data set, always from the same start, and evaluates it on those samples and on
 * `validation`. Each set contains the smaller ones: the first samples in an order that depends on `seed`. All other
 * options are those of `fit`; fewer samples than a batch form one batch.
 * @throws RangeError where a size is no whole number from 1 to the number of samples, and as `fit`
 * @throws TypeError where an option is unknown, or `validation` is missing
 */
export async function learningCurve(
  engine: Engine,
  model: Model,
  data: Dataset,
  options: LearningCurveOptions,
): Promise<LearningCurve> {
  checkEngine("learningCurve", engine);
  checkDataset("learningCurve", data);
  const { sizes, validation, onPoint, ...fitting } = withKinds("learningCurve", options, OWN_OPTIONS);
  checkSizes(sizes, data);
  if (validation === undefined) {
    throw new TypeError(
      "learningCurve: there is no validation data; give the data on which all models are evaluated",
    );
  }
  const { batchSize = 128, seed = 0 } = fitting;
  const order = permutation(data.count, seed, 0);
  const points: CurvePoint[] = [];
  for (const size of sizes) {
    const part = subset(
      data,
      Uint32Array.from({ length: size }, (_, i) => order.at(i)),
    );
    const { evaluations } = await trained(engine, model, part, [validation, part], {
      ...fitting,
      batchSize: Math.min(batchSize, size),
    });
    const point: CurvePoint = { size, train: evaluations[1], validation: evaluations[0] };
    points.push(point);
    onPoint?.(point);
  }
  return { points, table: () => table(points) };
}

function checkSizes(sizes: readonly number[], { name, count }: Dataset): void {
  if (!Array.isArray(sizes) || sizes.length === 0) {
    throw new RangeError(
      "learningCurve: sizes is empty; give numbers of samples, such as [100, 1000, 10000]",
    );
  }
  const bad = sizes.find((size) => !(Number.isInteger(size) && size >= 1 && size <= count));
  if (bad !== undefined) {
    throw new RangeError(
      `learningCurve: a size is ${bad}; give whole numbers from 1 to ${count}, the samples of ${name}`,
    );
  }
}

function table(points: readonly CurvePoint[]): string {
  const names = Object.keys(figuresOf(points[0].validation));
  return alignedTable(
    ["samples", ...names.flatMap((name) => [`${name} (train)`, `${name} (validation)`])],
    points.map(({ size, train, validation }) => [
      size,
      ...names.flatMap((name) => [figuresOf(train)[name], figuresOf(validation)[name]]),
    ]),
  );
}

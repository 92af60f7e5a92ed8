/** Learning curves: what more data would bring. */
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
  /** Numbers of samples to train on, each at most as many as there are. */
  readonly sizes: readonly number[];
  /** What every trained model is evaluated on. */
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
  /** Of the trained model on the samples that it was trained on. */
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
 * Trains `model` on ever more of a data set, each time from the same start, and evaluates it on those samples and on
 * `validation`. Smaller sets are parts of larger ones: the first samples in an order that is a function of `seed`. All
 * other options are those of `fit`; where there are fewer samples than a batch, all make one.
 * @throws RangeError for a size that is no whole number from 1 to the number of samples; else as `fit` does
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
    throw new TypeError("learningCurve: there is no validation data; give what all models are evaluated on");
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

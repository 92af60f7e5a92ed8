/** Checks of a data set's numbers before training: their precision in 32 bits, and their size. */
import type { Dataset } from "../data/dataset.ts";
import { checkPrecision } from "../data/precision.ts";
import { columnNames } from "../data/schema.ts";
import { TARGET_FACTOR } from "../nn/model/layers/scaling.ts";
import type { Trainer } from "./trainer.ts";

const SCALE_FIRST =
  "scale them in 64 bits first: const scaler = standardScaler().fit(train), then fit on scaler.transform(train)";
const CHANGE_UNIT = "subtract a common offset, or give the targets in another unit";

/** @throws RangeError where 32-bit floats merge different values of a data set */
export function checkNumbers(owner: string, { name, inputs, targets, schema }: Dataset): void {
  const names = columnNames(schema);
  checkPrecision(`${owner}: ${name}: inputs`, inputs, { names, remedy: SCALE_FIRST });
  checkPrecision(`${owner}: ${name}: targets`, targets, { names: schema?.targets, remedy: CHANGE_UNIT });
}

/** Root mean square of targets beyond which usual learning rates do not reach. */
const LARGE_TARGETS = 100;

/** Warns of large targets, unless the model ends by scaling back to their unit. */
export function warnOfLargeTargets(
  owner: string,
  { name, targets: { data, scale }, classes }: Dataset,
  trainer: Trainer,
): void {
  if (classes !== undefined || trainer.statistics.specs.some((spec) => spec.name.endsWith(TARGET_FACTOR)))
    return;
  let squares = 0;
  for (const value of data) squares += (value * scale) ** 2;
  const size = Math.sqrt(squares / data.length);
  if (size <= LARGE_TARGETS) return;
  console.warn(
    `${owner}: the targets of ${name} are about ${Number(size.toPrecision(2))} in size, where a model begins near 0 and comes nearer by about ` +
      'the learning rate a step. Learn them scaled: const targets = standardScaler().fit(train, { of: "targets" }), ' +
      "unscaling(targets) as the last layer, and the loss scaledLoss(targets, meanSquaredError()).",
  );
}

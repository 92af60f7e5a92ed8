/**
 * Scalers bring features to a similar size, measured on the training set only. Conventions are those of numpy and
 * scikit-learn: deviation of the population, quantiles by linear interpolation.
 */
import { checkOptions } from "../checks.ts";
import type { InputSet } from "./dataset.ts";
import { checkFinite, elementName, type Rows, type Samples, samplesOf } from "./samples.ts";
import { Scaler, type ScalerData, type ScalerKind } from "./scaler.ts";
import { columnNames } from "./schema.ts";

/**
 * Granularity of a scaler: an offset and a factor for each feature, for each channel (the first axis of a sample), or
 * for all elements.
 */
export type Per = "feature" | "channel" | "all";

export interface ScalerOptions {
  /** Default: "channel" for images [channels, height, width], otherwise "feature". */
  readonly per?: Per;
}

export interface MinMaxOptions extends ScalerOptions {
  /** Values to which minimum and maximum are mapped (default [0, 1]). */
  readonly range?: readonly [number, number];
}

export interface RobustOptions extends ScalerOptions {
  /** Two quantiles whose distance is scaled to 1 (default [0.25, 0.75], the interquartile range). */
  readonly quantiles?: readonly [number, number];
}

export interface FitScalerOptions {
  /** Names of the features, for error messages. */
  readonly columns?: readonly string[];
  /** Field of a data set to measure (default "inputs"); "targets" for `unscaling` and `scaledLoss`. */
  readonly of?: "inputs" | "targets";
}

/** A scaler before `fit`; all other methods throw. */
export interface UnfittedScaler {
  /**
   * Measures a data set's inputs or targets, or rows, in 64-bit floats.
   * @throws RangeError where a feature is constant, a number is not finite (the message names sample and column), or
   *   rows differ in length
   * @throws TypeError where `train` is neither a data set in memory nor rows, or an option is unknown
   */
  fit(train: InputSet | Rows, options?: FitScalerOptions): Scaler;
  /** @throws Error always: call `fit` first, and use the scaler that it returns */
  transform(source: InputSet): never;
  /** @throws Error always: call `fit` first, and use the scaler that it returns */
  transformRows(rows: Float32Array | Float64Array | Rows): never;
  /** @throws Error always: call `fit` first, and use the scaler that it returns */
  inverse(rows: Float32Array | Float64Array | Rows): never;
}

/** Measurements of one column: the value that becomes 0, and the factor of differences from it. */
interface Measured {
  readonly offset: number;
  readonly factor: number;
}

/** Measures the sorted values of one column; not all values are equal. */
type Measure = (sorted: Float64Array) => Measured;

/**
 * Scales to `range`: (x − min) / (max − min), mapped to [0, 1] by default.
 * @throws RangeError where `range` is not two finite numbers in ascending order, or `per` is unknown
 * @throws TypeError where an option is unknown or of another kind
 */
export function minMaxScaler(options: MinMaxOptions = {}): UnfittedScaler {
  const { range = [0, 1], per } = checkOptions("minMaxScaler", options, { range: "array", per: "string" });
  const [low, high] = range;
  if (!(high > low && Number.isFinite(high - low))) {
    throw new RangeError(
      `minMaxScaler: range is [${range.join(", ")}]; give two finite numbers, the lower first`,
    );
  }
  return unfitted("minMax", per, (sorted) => {
    const min = sorted[0];
    const factor = (high - low) / (sorted[sorted.length - 1] - min);
    return { offset: min - low / factor, factor };
  });
}

/**
 * Scales to mean 0 and deviation 1: (x − mean) / deviation, the population's (divided by n).
 * @throws RangeError where `per` is unknown
 * @throws TypeError where an option is unknown or of another kind
 */
export function standardScaler(options: ScalerOptions = {}): UnfittedScaler {
  const { per } = checkOptions("standardScaler", options, { per: "string" });
  return unfitted("standard", per, (sorted) => {
    // Relative to the least value: sums of large numbers would round away the differences.
    const least = sorted[0];
    const mean = least + sorted.reduce((sum, value) => sum + (value - least), 0) / sorted.length;
    const variance = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0) / sorted.length;
    return { offset: mean, factor: 1 / Math.sqrt(variance) };
  });
}

/**
 * Scales by median and quantiles: (x − median) / (distance of the two quantiles), which outliers hardly move.
 * @throws RangeError where `quantiles` are not two numbers from 0 to 1 in ascending order, or `per` is unknown
 * @throws TypeError where an option is unknown or of another kind
 */
export function robustScaler(options: RobustOptions = {}): UnfittedScaler {
  checkOptions("robustScaler", options, { quantiles: "array", per: "string" });
  const { quantiles = [0.25, 0.75], per } = options;
  const [low, high] = quantiles;
  if (!(low >= 0 && high > low && high <= 1)) {
    throw new RangeError(
      `robustScaler: quantiles are [${quantiles.join(", ")}]; give two from 0 to 1, the lower first`,
    );
  }
  return unfitted("robust", per, (sorted) => ({
    offset: quantile(sorted, 0.5),
    factor: 1 / (quantile(sorted, high) - quantile(sorted, low)),
  }));
}

/** Quantile by linear interpolation between the two nearest samples, numpy's default. */
function quantile(sorted: Float64Array, q: number): number {
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)];
  const above = sorted[Math.ceil(at)];
  return below + (above - below) * (at - Math.floor(at));
}

function unfitted(kind: ScalerKind, per: Per | undefined, measure: Measure): UnfittedScaler {
  const name = `${kind}Scaler`;
  if (per !== undefined && !["feature", "channel", "all"].includes(per)) {
    throw new RangeError(`${name}: per is ${per}; expected "feature", "channel" or "all"`);
  }
  const refuse = (operation: string) => (): never => {
    throw new Error(`${name}: ${operation}: not fitted yet; use the scaler that fit(train) returns`);
  };
  return {
    fit: (train, options = {}) => {
      const { of = "inputs" } = checkOptions(`${name}: fit`, options, { columns: "array", of: "string" });
      if (of !== "inputs" && of !== "targets") {
        throw new RangeError(`${name}: fit: of is ${of}; expected "inputs" or "targets"`);
      }
      const { schema } = Object(train) as Partial<InputSet>;
      const known = of === "inputs" ? columnNames(schema) : schema?.targets;
      const samples = samplesOf(`${name}: fit`, train, of);
      const columns = options.columns ?? (known?.length === samples.size ? known : undefined);
      return new Scaler({ ...fitScaler(kind, per, measure, samples, columns), of });
    },
    transform: refuse("transform"),
    transformRows: refuse("transformRows"),
    inverse: refuse("inverse"),
  };
}

function fitScaler(
  kind: ScalerKind,
  given: Per | undefined,
  measure: Measure,
  samples: Samples,
  names: readonly string[] | undefined,
): ScalerData {
  const operation = `${kind}Scaler: fit`;
  const { shape, size } = samples;
  const per = given ?? (shape.length === 3 ? "channel" : "feature");
  if (names && names.length !== size) {
    throw new RangeError(`${operation}: ${names.length} column names for ${size} columns; give one for each`);
  }
  checkFinite(operation, samples, names);
  const columns = { feature: size, channel: shape[0] ?? 1, all: 1 }[per];
  const label = (column: number): string => {
    if (per === "all") return "the data";
    return per === "channel" ? `channel ${column}` : elementName(column, shape, names);
  };
  const measured = Array.from({ length: columns }, (_, column) =>
    measureColumn(operation, label(column), sortedColumn(samples, column, columns), measure),
  );
  const channels = shape.map((length, axis) => (axis === 0 ? length : 1));
  return {
    kind,
    shape: { feature: shape, channel: channels, all: [] }[per],
    offset: measured.map(({ offset }) => offset),
    factor: measured.map(({ factor }) => factor),
  };
}

/** All values of one column, sorted; a sample holds `size / columns` neighbouring elements of each column. */
function sortedColumn({ values, size }: Samples, column: number, columns: number): Float64Array {
  const together = size / columns;
  const found = new Float64Array(values.length / columns);
  for (let i = 0; i < found.length; i++) {
    const sample = Math.floor(i / together);
    found[i] = values[sample * size + column * together + (i % together)];
  }
  return found.sort();
}

function measureColumn(operation: string, label: string, sorted: Float64Array, measure: Measure): Measured {
  const [min, max] = [sorted[0], sorted[sorted.length - 1]];
  if (min === max) {
    throw new RangeError(
      `${operation}: ${label} is constant: all ${sorted.length} values are ${min}; ` +
        'a constant carries no information: drop it, or scale images by channel (per: "channel")',
    );
  }
  const measured = measure(sorted);
  if (measured.factor === Number.POSITIVE_INFINITY) {
    throw new RangeError(
      `${operation}: ${label} has the same value at both quantiles; give quantiles that are further apart, or use standardScaler`,
    );
  }
  if (!Number.isFinite(Math.fround(measured.factor)) || Math.fround(measured.factor) === 0) {
    throw new RangeError(
      `${operation}: ${label} goes from ${min} to ${max}, which 32-bit floats cannot scale; give it in another unit`,
    );
  }
  return measured;
}

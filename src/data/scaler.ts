/** A fitted scaler: an offset and a factor for each feature, for each channel, or for all elements. */
import { inWords, isList, isWhole } from "../checks.ts";
import { checkDataset, dataset, type InputSet } from "./dataset.ts";
import { checkFinite, type Rows, rowValues, type Samples, samplesOf } from "./samples.ts";

const KINDS = ["minMax", "standard", "robust"] as const;
export type ScalerKind = (typeof KINDS)[number];

/** A scaler as plain data: y = (x − offset) · factor. */
export interface ScalerData {
  readonly kind: ScalerKind;
  /** [features] or the shape of a sample; [channels, 1, 1] with one scale per channel; [] with one scale for all. */
  readonly shape: readonly number[];
  readonly offset: ArrayLike<number>;
  readonly factor: ArrayLike<number>;
  /** "targets" where the scaler was fitted on targets, for `unscaling` and `scaledLoss` (default "inputs"). */
  readonly of?: "inputs" | "targets" | undefined;
}

/** Computed in 64 bits: differences of large numbers stay exact, and results are rounded only where they are stored. */
type Formula = (value: number, offset: number, factor: number) => number;

const scaled: Formula = (x, offset, factor) => (x - offset) * factor;
const unscaled: Formula = (y, offset, factor) => y / factor + offset;

/**
 * A fitted scaler: plain data with the methods that apply it. The layer `scaling` saves it with the model;
 * `JSON.stringify` keeps it on its own, and `scalerFrom` restores it.
 */
export class Scaler implements ScalerData {
  readonly kind: ScalerKind;
  readonly shape: readonly number[];
  readonly offset: readonly number[];
  readonly factor: readonly number[];
  readonly of: "inputs" | "targets";

  /**
   * @throws RangeError where offsets and factors do not fit the shape, or are not finite, or a factor is 0
   * @throws TypeError where the kind is none of the three
   */
  constructor({ kind, shape, offset, factor, of = "inputs" }: ScalerData) {
    if (!KINDS.includes(kind)) {
      const given = typeof kind === "string" ? String(kind).slice(0, 40) : inWords(kind);
      throw new TypeError(`scaler: its kind is ${given}; expected ${KINDS.join(", ")}`);
    }
    if (of !== "inputs" && of !== "targets")
      throw new TypeError(`scaler: it is of ${inWords(of)}; expected "inputs" or "targets"`);
    if (!Array.isArray(shape) || !shape.every((length) => isWhole(length, 1)))
      throw new TypeError(`scaler: its shape is ${inWords(shape)}; expected whole numbers from 1`);
    // An object with a length is no list: it would become one of any length.
    if (!isList(offset) || !isList(factor))
      throw new TypeError(
        `scaler: its offset is ${inWords(offset)}, its factor ${inWords(factor)}; expected lists of numbers`,
      );
    const size = shape.reduce((product, length) => product * length, 1);
    if (offset.length !== size || factor.length !== size) {
      const axes = shape.slice(0, 8).join(", ");
      throw new RangeError(
        `scaler: ${offset.length} offsets and ${factor.length} factors for shape [${axes}]; expected ${size} each`,
      );
    }
    this.kind = kind;
    this.of = of;
    this.shape = [...shape];
    this.offset = Array.from(offset);
    this.factor = Array.from(factor);
    // Checked in 32-bit floats, because the layer `scaling` computes in them.
    const fits = (value: unknown) => typeof value === "number" && Number.isFinite(Math.fround(value));
    if (!this.offset.every(fits) || !this.factor.every((value) => fits(value) && Math.fround(value) !== 0)) {
      throw new RangeError("scaler: offsets must be finite numbers, and factors finite and not 0");
    }
  }

  /**
   * The data set with scaled inputs, computed in 64 bits and stored in 32-bit floats with scale 1. Targets stay as they
   * are.
   * @throws RangeError where samples have another shape than the fitted one
   * @throws TypeError where `source` is no data set in memory, or the scaler was fitted on targets
   */
  transform<T extends InputSet>(source: T): T {
    if (this.of === "targets") {
      throw new TypeError(
        `${this.kind}Scaler: transform: transform scales inputs, but this scaler was fitted on targets; give it to unscaling(…) and scaledLoss(…), or fit one on the inputs`,
      );
    }
    checkDataset(`${this.kind}Scaler: transform`, source);
    const { name, inputs, schema } = source;
    if (!this.#serves(inputs.shape)) {
      throw this.#misfit("transform", `${name} has samples of shape [${inputs.shape.join(", ")}]`);
    }
    const data = Float32Array.from(this.#apply(samplesOf("transform", source), scaled));
    const made = dataset({ name, inputs: { data, shape: inputs.shape } });
    const scalers = [...(schema?.scalers ?? []), this.toJSON()];
    return { ...source, ...made, schema: { ...schema, scalers } };
  }

  /**
   * Scaled rows of numbers, one after the other, for predictions of a model without `scaling`.
   * @param rows one row for each sample, or one flat array where each feature has its own scale or all share one
   * @throws RangeError where a row has another number of features than the fitted one, or a number is not finite
   * @throws TypeError where a flat array is given to a scaler by channel
   */
  transformRows(rows: Float32Array | Float64Array | Rows): Float32Array<ArrayBuffer> {
    return Float32Array.from(this.#rows("transformRows", rows, scaled));
  }

  /**
   * Undoes `transformRows`: y / factor + offset, in 64 bits.
   * @throws RangeError and TypeError as `transformRows`
   */
  inverse(rows: Float32Array | Float64Array | Rows): Float64Array<ArrayBuffer> {
    return this.#rows("inverse", rows, unscaled);
  }

  /** Plain data, for `JSON.stringify`. */
  toJSON(): ScalerData {
    const { kind, shape, offset, factor, of } = this;
    return { kind, shape, offset, factor, ...(of === "targets" && { of }) };
  }

  /** Whether each channel, the first axis of samples, has one offset and one factor. */
  get #byChannel(): boolean {
    return this.shape.length > 1 && this.shape.slice(1).every((length) => length === 1);
  }

  #serves(sample: readonly number[]): boolean {
    const { shape } = this;
    if (shape.length === 0) return true;
    const same = (length: number, axis: number) => length === sample[axis];
    if (shape.length !== sample.length) return false;
    return this.#byChannel ? same(shape[0], 0) : shape.every(same);
  }

  #rows(
    operation: string,
    rows: Float32Array | Float64Array | Rows,
    formula: Formula,
  ): Float64Array<ArrayBuffer> {
    const what = `${this.kind}Scaler: ${operation}`;
    const flat = rows instanceof Float32Array || rows instanceof Float64Array;
    if (flat && this.#byChannel) {
      throw new TypeError(`${what}: got one array; give an array of rows, one for each sample`);
    }
    const columns = this.offset.length;
    const samples = flat
      ? ({ values: Float64Array.from(rows), shape: [columns], size: columns, unit: "row" } as const)
      : rowValues(what, rows);
    const { values, size } = samples;
    const fits = this.#byChannel || this.shape.length === 0 ? size % columns === 0 : size === columns;
    if (!fits || values.length % size !== 0) {
      throw this.#misfit(operation, flat ? `got ${values.length} numbers` : `got rows of ${size} numbers`);
    }
    checkFinite(what, samples);
    return this.#apply(samples, formula);
  }

  #misfit(operation: string, got: string): RangeError {
    const { kind, shape } = this;
    const fitted =
      shape.length === 1 ? `rows of ${shape[0]} features` : `samples of shape [${shape.join(", ")}]`;
    const axes = this.#byChannel ? " (of any height and width)" : "";
    return new RangeError(
      `${kind}Scaler: ${operation}: ${got}; the scaler was fitted on ${fitted}${axes}: give it the same features`,
    );
  }

  #apply({ values, size }: Samples, formula: Formula): Float64Array<ArrayBuffer> {
    const { offset, factor } = this;
    const together = size / offset.length;
    const result = new Float64Array(values.length);
    for (let i = 0; i < result.length; i++) {
      const column = Math.floor((i % size) / together);
      result[i] = formula(values[i], offset[column], factor[column]);
    }
    return result;
  }
}

/**
 * Restores a scaler from plain data: the result of `JSON.parse`, or `{ kind, shape, offset, factor }` from a model's
 * weights.
 * @throws RangeError where offsets and factors do not fit the shape, or are not finite, or a factor is 0
 * @throws TypeError where `data` is no object with these fields, or the kind is unknown
 */
export function scalerFrom(data: ScalerData): Scaler {
  if (typeof data !== "object" || data === null || !data.shape || !data.offset || !data.factor) {
    throw new TypeError(
      "scalerFrom: expected { kind, shape, offset, factor }, as JSON.parse gives a scaler back",
    );
  }
  return new Scaler(data);
}

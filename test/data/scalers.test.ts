/** Scalers, against figures of numpy, and what they refuse. */
import { describe, expect, it } from "vitest";
import {
  dataset,
  minMaxScaler,
  robustScaler,
  type Scaler,
  type ScalerData,
  scalerFrom,
  standardScaler,
  type UnfittedScaler,
} from "../../src/data/index.ts";
import { difference } from "../helpers/compare.ts";

const ROWS = [
  [1, 200, -3.5],
  [2, 180, 0.25],
  [4, 260, 1.5],
  [8, 240, -0.75],
  [16, 100, 12],
];
/**
 * Of ROWS as x: x.mean(0), x.std(0), x.min(0), x.max(0), np.quantile(x, q, axis=0), by
 * python3 -c 'import numpy as np; x = np.array([[1, 200, -3.5], …]); print(x.mean(0), x.std(0), …)'
 */
const NUMPY = {
  mean: [6.2, 196.0, 1.9],
  std: [5.455272678794343, 55.71355310873648, 5.311779362887732],
  min: [1.0, 100.0, -3.5],
  max: [16.0, 260.0, 12.0],
  median: [4.0, 200.0, 0.25],
  q25: [2.0, 180.0, -0.75],
  q75: [8.0, 240.0, 1.5],
  q10: [1.4, 132.0, -2.4],
  q90: [12.8, 252.0, 7.8],
};
/** One rounding of offset, difference and product each. */
const TOLERANCE = { rtol: 3e-7, atol: 3e-7 };

const table = () =>
  dataset({
    name: "table",
    inputs: { data: Float32Array.from(ROWS.flat()), shape: [3] },
    targets: { data: Float32Array.of(1, 2, 3, 4, 5) },
  });

/** Three images of two channels, 2 × 2, as bytes. */
const images = () =>
  dataset({
    name: "images",
    inputs: {
      data: Uint8Array.from({ length: 24 }, (_, i) => (i % 8 < 4 ? 10 * i : 255 - 7 * i)),
      shape: [2, 2, 2],
      scale: 1 / 255,
    },
    targets: { data: Uint8Array.of(0, 1, 0) },
    classes: 2,
  });

const scaledBy = (offset: readonly number[], spread: readonly number[]) =>
  ROWS.flatMap((row) => row.map((x, i) => (x - offset[i]) / spread[i]));
const minus = (a: readonly number[], b: readonly number[]) => a.map((x, i) => x - b[i]);

describe.each<[string, UnfittedScaler, number[]]>([
  ["minMaxScaler", minMaxScaler(), scaledBy(NUMPY.min, minus(NUMPY.max, NUMPY.min))],
  [
    "minMaxScaler in [-1, 3]",
    minMaxScaler({ range: [-1, 3] }),
    scaledBy(NUMPY.min, minus(NUMPY.max, NUMPY.min)).map((x) => 4 * x - 1),
  ],
  ["standardScaler", standardScaler(), scaledBy(NUMPY.mean, NUMPY.std)],
  ["robustScaler", robustScaler(), scaledBy(NUMPY.median, minus(NUMPY.q75, NUMPY.q25))],
  [
    "robustScaler by deciles",
    robustScaler({ quantiles: [0.1, 0.9] }),
    scaledBy(NUMPY.median, minus(NUMPY.q90, NUMPY.q10)),
  ],
])("%s", (_name, unfitted, expected) => {
  it("gives numpy's figures, of a data set and of rows alike", () => {
    const scaler = unfitted.fit(table());
    expect(unfitted.fit(ROWS)).toEqual(scaler);
    const scaled = scaler.transform(table());
    expect(scaled).toMatchObject({ name: "table", count: 5, inputs: { shape: [3], scale: 1 } });
    expect(scaled.targets.data).toEqual(table().targets.data);
    expect(difference("inputs", scaled.inputs.data, expected, TOLERANCE)).toBe(undefined);
    expect(scaler.transformRows(ROWS)).toEqual(scaled.inputs.data);
    expect(scaler.transformRows(Float32Array.from(ROWS.flat()))).toEqual(scaled.inputs.data);
  });

  it("is undone by inverse", () => {
    const scaler = unfitted.fit(ROWS);
    const back = scaler.inverse(scaler.transformRows(ROWS));
    expect(difference("raw", back, ROWS.flat(), { rtol: 1e-6, atol: 1e-5 })).toBe(undefined);
  });

  it("is kept by JSON, to the bit", () => {
    const scaler = unfitted.fit(ROWS);
    const text = JSON.stringify(scaler);
    expect(Object.keys(JSON.parse(text))).toEqual(["kind", "shape", "offset", "factor"]);
    expect(scalerFrom(JSON.parse(text))).toEqual(scaler);
  });

  it("goes by the training set, whatever it is applied to", () => {
    const scaler = unfitted.fit(ROWS.slice(0, 4));
    const [scaled] = [scaler.transformRows([ROWS[4]])];
    const { offset, factor } = scaler;
    expect(
      difference(
        "row",
        scaled,
        ROWS[4].map((x, i) => (x - offset[i]) * factor[i]),
        TOLERANCE,
      ),
    ).toBe(undefined);
    expect(scaler.offset).not.toEqual(unfitted.fit(ROWS).offset);
  });
});

describe("what shares a scale", () => {
  const values = Array.from(images().inputs.data, (byte) => byte / 255);
  const channelOf = (i: number) => Math.floor((i % 8) / 4);

  it("is a channel of images by default", () => {
    const scaler = minMaxScaler().fit(images());
    expect(scaler.shape).toEqual([2, 1, 1]);
    const expected = values.map((value, i) => {
      const own = values.filter((_, j) => channelOf(j) === channelOf(i));
      return (value - Math.min(...own)) / (Math.max(...own) - Math.min(...own));
    });
    const scaled = scaler.transform(images());
    expect(scaled).toMatchObject({ classes: 2, inputs: { shape: [2, 2, 2], scale: 1 } });
    expect(difference("inputs", scaled.inputs.data, expected, TOLERANCE)).toBe(undefined);
    const rows = [0, 1, 2].map((i) => values.slice(8 * i, 8 * i + 8));
    expect(difference("rows", scaler.transformRows(rows), expected, TOLERANCE)).toBe(undefined);
    // Images of another size have the same channels.
    expect(scaler.transformRows([[...values.slice(0, 2), ...values.slice(4, 6)]])).toHaveLength(4);
  });

  it("may be every element alone, or all together", () => {
    const each = minMaxScaler({ per: "feature" }).fit(images());
    expect(each.shape).toEqual([2, 2, 2]);
    const scaled = each.transform(images()).inputs.data;
    for (let i = 0; i < 8; i++) {
      const own = [scaled[i], scaled[i + 8], scaled[i + 16]];
      expect([Math.min(...own), Math.max(...own)]).toEqual([0, 1]);
    }
    const all = minMaxScaler({ per: "all" }).fit(images());
    expect(all.shape).toEqual([]);
    const least = Math.min(...values);
    const spread = Math.max(...values) - least;
    const expected = values.map((value) => (value - least) / spread);
    expect(difference("all", all.transform(images()).inputs.data, expected, TOLERANCE)).toBe(undefined);
    expect(all.transformRows(Float32Array.of(least))).toEqual(Float32Array.of(0));
  });
});

describe("what makes no sense is refused", () => {
  const constant = ROWS.map(([a, , c]) => [a, 7, c]);
  const unusual = (value: number) => ROWS.map((row, i) => (i === 3 ? [row[0], row[1], value] : row));
  const fitted: Scaler = standardScaler().fit(ROWS);
  const broken = (changes: Partial<ScalerData>) => () => scalerFrom({ ...fitted.toJSON(), ...changes });

  it.each<[string, () => unknown, string]>([
    [
      "transform before fit",
      () => standardScaler().transform(table()),
      "standardScaler: transform: not fitted yet; use the scaler that fit(train) returns",
    ],
    [
      "transformRows before fit",
      () => robustScaler().transformRows(ROWS),
      "robustScaler: transformRows: not fitted",
    ],
    ["inverse before fit", () => minMaxScaler().inverse(ROWS), "minMaxScaler: inverse: not fitted"],
    [
      "a constant column",
      () => standardScaler().fit(constant),
      "standardScaler: fit: column 1 is constant: all 5 values are 7",
    ],
    [
      "a constant column, by name",
      () => minMaxScaler().fit(constant, { columns: ["a", "b", "c"] }),
      'minMaxScaler: fit: column 1 ("b") is constant',
    ],
    [
      "a column whose quantiles are the same",
      () => robustScaler().fit([[1], [1], [1], [1], [9]]),
      "both quantiles",
    ],
    [
      "a constant pixel",
      () =>
        minMaxScaler({ per: "feature" }).fit(
          dataset({
            inputs: { data: Uint8Array.of(1, 2, 3, 4, 5, 2, 7, 8), shape: [1, 2, 2] },
            targets: { data: Uint8Array.of(0, 1) },
          }),
        ),
      "element [0, 0, 1] is constant",
    ],
    [
      "NaN",
      () => minMaxScaler().fit(unusual(Number.NaN)),
      "minMaxScaler: fit: row 3 holds NaN in column 2; expected finite numbers",
    ],
    [
      "Infinity, by the column's name",
      () => minMaxScaler().fit(unusual(Number.NEGATIVE_INFINITY), { columns: ["a", "b", "c"] }),
      'row 3 holds -Infinity in column 2 ("c")',
    ],
    ["NaN to transform", () => fitted.transformRows(unusual(Number.NaN)), "row 3 holds NaN in column 2"],
    [
      "rows of different lengths",
      () => standardScaler().fit([[1, 2], [3]]),
      "row 1 has 1 numbers, row 0 has 2",
    ],
    [
      "data that is not in memory",
      () => standardScaler().fit({ name: "stream", inputs: { shape: [3] } } as unknown as number[][]),
      "standardScaler: fit: stream holds no samples; give a data set in memory, or an array of rows",
    ],
    [
      "one array",
      () => minMaxScaler().fit(Float32Array.of(1, 2) as unknown as number[][]),
      "a Float32Array of 2 holds no samples",
    ],
    ["no rows", () => standardScaler().fit([]), "standardScaler: fit: no rows of numbers"],
    [
      "names for other columns",
      () => standardScaler().fit(ROWS, { columns: ["a"] }),
      "1 column names for 3 columns",
    ],
    [
      "a column that 32 bits cannot scale",
      () => minMaxScaler().fit([[1e-45], [0]]),
      "column 0 goes from 0 to 1e-45, which 32-bit floats cannot scale",
    ],
    [
      "another number of features",
      () => fitted.transformRows([[1, 2]]),
      "standardScaler: transformRows: got rows of 2 numbers; the scaler was fitted on rows of 3 features",
    ],
    ["half a row", () => fitted.transformRows(Float32Array.of(1, 2, 3, 4)), "got 4 numbers"],
    [
      "a data set of other features",
      () =>
        standardScaler()
          .fit([[1], [2]])
          .transform(table()),
      "table has samples of shape [3]; the scaler was fitted on rows of 1 features",
    ],
    [
      "images of other channels",
      () =>
        standardScaler()
          .fit(images())
          .transform(
            dataset({
              inputs: { data: new Uint8Array(12), shape: [3, 2, 2] },
              targets: { data: Uint8Array.of(0) },
            }),
          ),
      "the scaler was fitted on samples of shape [2, 1, 1] (of any height and width)",
    ],
    [
      "images in one array",
      () => standardScaler().fit(images()).transformRows(new Float32Array(8)),
      "give an array of rows",
    ],
    ["a range the wrong way round", () => minMaxScaler({ range: [1, 0] }), "range is [1, 0]"],
    ["a quantile that is none", () => robustScaler({ quantiles: [0.25, 75] }), "quantiles are [0.25, 75]"],
    ["an unknown per", () => minMaxScaler({ per: "row" as "all" }), "per is row; expected"],
    ["no scaler", () => scalerFrom(JSON.parse("{}")), "scalerFrom: expected { kind, shape, offset, factor }"],
    ["another kind", broken({ kind: "log" as "robust" }), "its kind is log"],
    ["a scaler with too few values", broken({ offset: [1] }), "1 offsets and 3 factors for shape [3]"],
    ["a scaler with a factor of 0", broken({ factor: [1, 0, 1] }), "factors finite and not 0"],
    ["a scaler with NaN", broken({ offset: [1, Number.NaN, 1] }), "offsets must be finite"],
  ])("%s", (_what, doing, message) => {
    expect(doing).toThrow(message);
  });
});

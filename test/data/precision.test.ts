/** Numbers that 32 bits run together: kept in 64 until they are scaled, and refused where they are not. */
import { describe, expect, it } from "vitest";
import { parseCsv } from "../../src/csv/index.ts";
import {
  type Dataset,
  dataset,
  kFold,
  minMaxScaler,
  oneHotTargets,
  robustScaler,
  scalerFrom,
  split,
  standardScaler,
  subset,
  take,
} from "../../src/data/index.ts";
import { cpu, dense, fit, meanSquaredError, scaling, sequential } from "../../src/index.ts";
import { linearRegression } from "../../src/linear/index.ts";

/** A minute apart: 32-bit floats know such numbers to 128. */
const TIMES = [0, 1, 2, 3, 4, 5].map((i) => 1_700_000_000 + 60 * i);
const SECONDS = TIMES.map((_, i) => 1_700_000_000 + i);
const set = (times: readonly number[]) =>
  dataset({
    name: "clock",
    inputs: { data: Float64Array.from(times), shape: [1] },
    targets: { data: Float32Array.from(times, (_, i) => 3 * i + 1), shape: [1] },
  });
const f32 = (values: readonly number[]) => Float32Array.from(values);

describe("unix times", () => {
  it("would be run together in 32 bits", () => {
    expect(new Set(f32(TIMES)).size).toBeLessThan(6);
    expect(new Set(f32(SECONDS)).size).toBe(1);
  });

  // (i − 2.5) / √(35/12), i / 5, (i − 2.5) / 2.5: whatever lies between one and the next.
  const deviation = Math.sqrt(35 / 12);
  it.each([
    ["standardScaler", standardScaler(), [0, 1, 2, 3, 4, 5].map((i) => (i - 2.5) / deviation)],
    ["minMaxScaler", minMaxScaler(), [0, 1, 2, 3, 4, 5].map((i) => i / 5)],
    ["robustScaler", robustScaler(), [0, 1, 2, 3, 4, 5].map((i) => (i - 2.5) / 2.5)],
  ] as const)("are scaled to the digit by %s: sets, rows, and back", (_name, unfitted, expected) => {
    for (const times of [TIMES, SECONDS]) {
      const rows = times.map((time) => [time]);
      const scaler = unfitted.fit(set(times));
      expect(unfitted.fit(rows)).toEqual(scaler);
      const data = scaler.transform(set(times)).inputs.data as Float32Array;
      expect(data).toBeInstanceOf(Float32Array);
      expected.forEach((value, i) => {
        expect(Math.abs((data[i] as number) - value)).toBeLessThan(1.3e-7);
      });
      expect(scaler.transformRows(rows)).toEqual(data);
      expect(scaler.transformRows(Float64Array.from(times))).toEqual(data);
      const back = scaler.inverse(data);
      times.forEach((time, i) => {
        expect(Math.abs((back[i] as number) - time)).toBeLessThan(1e-5);
      });
      // Kept by JSON in 64 bits.
      const { offset } = JSON.parse(JSON.stringify(scaler));
      expect(offset[0]).toBe(scaler.offset[0]);
    }
  });

  it("are scaled to the digit where they are whole numbers of 32 bits", () => {
    const whole = (times: readonly number[]): Dataset => {
      const { name, targets } = set(times);
      return dataset({ name, targets, inputs: { data: Int32Array.from(times), shape: [1] } });
    };
    for (const unfitted of [standardScaler(), minMaxScaler(), robustScaler()]) {
      const scaler = unfitted.fit(whole(SECONDS));
      expect(scaler).toEqual(unfitted.fit(set(SECONDS)));
      expect(scaler.transform(whole(SECONDS)).inputs.data).toEqual(
        scaler.transform(set(SECONDS)).inputs.data,
      );
    }
    expect(() => fit(cpu(), dense(1), whole(TIMES), { loss: meanSquaredError() })).toThrow(
      "fit: clock: inputs: column 0: numbers such as 1700000000 deviate by only 102",
    );
    const years = whole(TIMES.map((_, i) => 1_600_000_000 + 3e7 * i));
    expect(() => fit(cpu(), dense(1), years, { loss: meanSquaredError() })).not.toThrow();
  });

  it("stay apart in parts of data sets, and in tables", () => {
    const scaler = standardScaler().fit(set(TIMES));
    const all = [...scaler.transform(set(TIMES)).inputs.data];
    const of = (part: Dataset) => [...scaler.transform(part).inputs.data];
    expect(of(subset(set(TIMES), [4, 1]))).toEqual([all[4], all[1]]);
    expect(of(take(set(TIMES), 2))).toEqual(all.slice(0, 2));
    const [train] = split(set(TIMES), [0.5, 0.5], { shuffle: false }) as [Dataset, Dataset];
    expect(of(train)).toEqual(all.slice(0, 3));
    const [fold] = kFold(set(TIMES), 2, { shuffle: false });
    expect(of(subset(set(TIMES), fold?.train ?? []))).toEqual(all.slice(3));
    const classes = dataset({ inputs: set(TIMES).inputs, targets: { data: new Uint8Array(6) }, classes: 2 });
    expect(of(oneHotTargets(classes))).toEqual(all);
    const text = `time,y\n${TIMES.map((time, i) => `${time},${0.1 * i}`).join("\n")}`;
    const table = parseCsv(text).dataset({ target: "y" });
    expect(of(table)).toEqual(all);
    expect(table.targets.exact?.[3]).toBe(0.1 * 3);
  });

  it("have the slope that they have, in closed form", () => {
    for (const [times, apart] of [
      [TIMES, 60],
      [SECONDS, 1],
    ] as const) {
      const { weights, meanSquaredError: error, predict } = linearRegression(set(times));
      expect(Math.abs((weights[0] as number) - 3 / apart)).toBeLessThan(1e-12);
      expect(error).toBeLessThan(1e-12);
      expect(Math.abs((predict([[times[4] as number]])[0] as number) - 13)).toBeLessThan(1e-5);
    }
  });
});

describe("what would come out wrong is refused", () => {
  const engine = cpu();
  const train = (data: Dataset) => fit(engine, dense(1), data, { loss: meanSquaredError(), epochs: 1 });

  it("by fit, at once, unless it was scaled", () => {
    expect(() => train(set(TIMES))).toThrow(
      "fit: clock: inputs: column 0: numbers such as 1700000000 deviate by only 102, and 32-bit floats, which engines " +
        "compute in, know such numbers to 128; scale them in 64 bits first: const scaler = standardScaler().fit(train)",
    );
    expect(() => train(standardScaler().fit(set(TIMES)).transform(set(TIMES)))).not.toThrow();
    const text = `time,y\n${TIMES.map((time, i) => `${time},${i}`).join("\n")}`;
    expect(() => train(parseCsv(text).dataset({ target: "y" }))).toThrow('inputs: column 0 ("time")');
    const swapped = parseCsv(text).dataset({ target: "time" });
    expect(() => train(swapped)).toThrow('csv: targets: column 0 ("time"): numbers such as 1700000000');
    // Years are known well enough, and a constant has no differences to lose.
    expect(() => train(set(TIMES.map((_, i) => 1_600_000_000 + 3e7 * i + 1)))).not.toThrow();
    expect(() => train(set(TIMES.map(() => 1_700_000_001)))).not.toThrow();
  });

  it("inputs, where the scaler is of targets, kept by JSON or not", () => {
    const years = set(TIMES.map((_, i) => 1_600_000_000 + 3e7 * i));
    const targets = standardScaler().fit(years, { of: "targets" });
    for (const scaler of [targets, scalerFrom(JSON.parse(JSON.stringify(targets)))]) {
      expect(() => scaler.transform(years)).toThrow(
        "standardScaler: transform: transform scales inputs, but this scaler was fitted on targets; give it to unscaling(…) and scaledLoss(…)",
      );
      expect(scaler.inverse(scaler.transformRows([[4]]))[0]).toBeCloseTo(4, 6);
    }
    expect(JSON.stringify(standardScaler().fit(years))).not.toContain('"of"');
  });

  it("by the layer scaling, whose rows come in 32 bits", () => {
    const scaler = standardScaler().fit(set(TIMES));
    expect(() => sequential(scaling(scaler), dense(1))).toThrow(
      "scaling: feature 0 becomes 1 for each 102 from 1700000150 on, which 32-bit floats know to 128 only: rows would " +
        "arrive here run together. Scale them in 64 bits before: fit on scaler.transform(train)",
    );
    const years = standardScaler().fit(set(TIMES.map((_, i) => 1_600_000_000 + 3e7 * i)));
    expect(() => scaling(years)).not.toThrow();
  });

  it("where it is beyond 32 bits altogether", () => {
    const beyond = { data: Float64Array.of(1, 1e39) };
    expect(() => dataset({ inputs: beyond, targets: { data: Uint8Array.of(0, 1) } })).toThrow(
      "dataset: inputs: sample 1 holds 1e+39 at [], which 32-bit floats cannot hold; give it in another unit",
    );
  });
});

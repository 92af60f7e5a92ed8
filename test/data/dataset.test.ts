import { describe, expect, it } from "vitest";
import { type DatasetOptions, dataset, sampleSize, subset, take } from "../../src/data/dataset.ts";

/** Three samples of shape [1, 2] with a class each. */
const small = (changes: Partial<DatasetOptions> = {}) =>
  dataset({
    name: "small",
    inputs: { data: Uint8Array.of(1, 2, 3, 4, 5, 6), shape: [1, 2], scale: 1 / 255 },
    targets: { data: Uint8Array.of(0, 1, 2) },
    classes: 3,
    ...changes,
  });

describe("dataset", () => {
  it("counts the samples and fills in shape [] and scale 1", () => {
    const set = small();
    expect(set).toMatchObject({ name: "small", count: 3, classes: 3 });
    expect(set.inputs).toMatchObject({ shape: [1, 2], scale: 1 / 255 });
    expect(set.targets).toMatchObject({ shape: [], scale: 1 });
    expect(sampleSize(set.inputs)).toBe(2);
    expect(sampleSize(set.targets)).toBe(1);
  });
  it("takes regression targets of any shape when no classes are given", () => {
    const set = dataset({
      inputs: { data: Float32Array.of(1, 2) },
      targets: { data: Float32Array.of(1, 2, 3, 4), shape: [2] },
    });
    expect(set.count).toBe(2);
    expect(set.name).toBe("dataset");
    expect("classes" in set).toBe(false);
  });

  const nan = Float32Array.of(0, 1, 2, 3, 4, 5, 6, Number.NaN, 8, 9, 10, 11);
  const endless = Float32Array.of(0, Number.POSITIVE_INFINITY, 2);
  it.each<[string, Partial<DatasetOptions>, string]>([
    [
      "different counts",
      { targets: { data: Uint8Array.of(0, 1) } },
      "small: labels and images of different counts: 3 inputs of shape [1, 2], 2 targets of shape []",
    ],
    ["no inputs", { inputs: { data: new Uint8Array(0), shape: [1, 2] } }, "small: inputs: no samples"],
    ["no targets", { targets: { data: new Uint8Array(0) } }, "small: targets: no samples"],
    [
      "half a sample",
      { inputs: { data: new Uint8Array(5), shape: [1, 2] } },
      "5 elements are no whole number of samples of shape [1, 2]",
    ],
    [
      "an axis of 0",
      { inputs: { data: new Uint8Array(6), shape: [0, 2] } },
      "small: inputs: shape is [0, 2]; expected positive",
    ],
    [
      "a scale of 0",
      { inputs: { data: new Uint8Array(6), shape: [2], scale: 0 } },
      "small: inputs: scale is 0; expected a finite",
    ],
    [
      "a class too high",
      { targets: { data: Uint8Array.of(0, 1, 3) } },
      "small: targets: sample 2 has class 3; expected 0 to 2",
    ],
    [
      "a class below 0",
      { targets: { data: Int32Array.of(0, -1, -2) } },
      "small: targets: sample 1 has class -1; expected 0 to 2",
    ],
    [
      "float classes",
      { targets: { data: Float32Array.of(0, 1, 2) } },
      "got a Float32Array with shape [] and scale 1",
    ],
    [
      "classes in rows",
      { targets: { data: new Uint8Array(6), shape: [2] } },
      "got a Uint8Array with shape [2] and scale 1",
    ],
    ["no classes", { classes: 0 }, "small: classes is 0; expected a positive integer"],
    [
      "NaN",
      { inputs: { data: nan, shape: [2, 2] } },
      "small: inputs: sample 1 holds NaN at [1, 1]; expected finite numbers",
    ],
    [
      "Infinity",
      { targets: { data: endless } },
      "small: targets: sample 1 holds Infinity at []; expected finite numbers",
    ],
    [
      "another array",
      { inputs: { data: [1, 2] as unknown as Uint8Array } },
      "small: inputs: data is not a Uint8Array, Int32Array, Float32Array or Float64Array; convert it with",
    ],
  ])("refuses %s", (_what, changes, message) => {
    expect(() => small(changes)).toThrow(message);
  });
});

describe("subset", () => {
  it("copies samples in the order asked for, with repeats", () => {
    const source = small();
    const part = subset(source, [2, 0, 2]);
    expect(part).toMatchObject({ name: "small", count: 3, classes: 3 });
    expect([...part.inputs.data]).toEqual([5, 6, 1, 2, 5, 6]);
    expect([...part.targets.data]).toEqual([2, 0, 2]);
    part.inputs.data[0] = 99;
    expect([...source.inputs.data]).toEqual([1, 2, 3, 4, 5, 6]);
  });
  it("keeps the type of the data", () => {
    const source = dataset({
      inputs: { data: Float32Array.of(1, 2) },
      targets: { data: Int32Array.of(3, 4) },
    });
    const part = subset(source, Uint32Array.of(1));
    expect(part.inputs.data).toEqual(Float32Array.of(2));
    expect(part.targets.data).toEqual(Int32Array.of(4));
  });
  it.each([
    ["a high index", [0, 3], "small: subset: index 3 (entry 1) is not one of 0 to 2"],
    ["a negative index", [-1], "small: subset: index -1 (entry 0)"],
    ["a fraction", [0.5], "small: subset: index 0.5 (entry 0)"],
    ["nothing", [], "small: subset of no indices"],
  ])("refuses %s", (_what, indices, message) => {
    expect(() => subset(small(), indices)).toThrow(message);
  });
});

describe("take", () => {
  it("copies the first samples", () => {
    const source = small();
    const part = take(source, 2);
    expect(part.count).toBe(2);
    expect([...part.inputs.data]).toEqual([1, 2, 3, 4]);
    expect([...part.targets.data]).toEqual([0, 1]);
    expect(part.inputs.data.buffer).not.toBe(source.inputs.data.buffer);
  });
  it.each([0, 4, 1.5])("refuses %d of 3", (count) => {
    expect(() => take(small(), count)).toThrow(`small: take(${count}): expected an integer from 1 to 3`);
  });
});

import { describe, expect, it } from "vitest";
import type { Dataset } from "../../../src/data/dataset.ts";
import { digits } from "../../../src/data/digits/digits.ts";
import { glyphs } from "../../../src/data/digits/glyphs.ts";
import { draw } from "../../../src/data/digits/handwriting.ts";
import { md5 } from "../../../src/data/md5.ts";
import { normals } from "../../../src/random.ts";

const PIXELS = 28 * 28;
const bytes = (set: Dataset) => set.inputs.data as Uint8Array;
const images = (set: Dataset) =>
  Array.from({ length: set.count }, (_, i) => bytes(set).subarray(i * PIXELS, (i + 1) * PIXELS));

const { train, test } = digits({ train: 2000, test: 500, seed: 1 });

describe("digits", () => {
  it("has MNIST's layout", () => {
    expect(train).toMatchObject({ name: "digits train", count: 2000, classes: 10 });
    expect(test).toMatchObject({ name: "digits test", count: 500, classes: 10 });
    for (const set of [train, test]) {
      expect(set.inputs).toMatchObject({ shape: [1, 28, 28], scale: 1 / 255 });
      expect(set.targets).toMatchObject({ shape: [], scale: 1 });
      expect(set.targets.data).toBeInstanceOf(Uint8Array);
    }
  });

  it("is a function of the seed: pinned", async () => {
    // A change here changes every figure measured on digits(): the accuracies in the documents must be measured anew.
    expect(await md5(bytes(train))).toBe("84ad894aa5c0dce41fe75c40f3050610");
    expect(await md5(bytes(test))).toBe("9559c08854d585a793e0b39ca5ad9b9a");
    expect([...train.targets.data.subarray(0, 10)]).toEqual([6, 2, 4, 5, 8, 3, 1, 0, 9, 7]);
  });
  it("gives sample i the same image whatever the sizes", () => {
    const other = digits({ train: 37, test: 11, seed: 1 });
    expect(bytes(other.train)).toEqual(bytes(train).slice(0, 37 * PIXELS));
    expect(bytes(other.test)).toEqual(bytes(test).slice(0, 11 * PIXELS));
    expect(other.train.targets.data).toEqual(train.targets.data.slice(0, 37));
  });
  it("gives other seeds other images, and the test set none of the training set's", () => {
    const seeds = [1, 2, 1 + 2 ** 32].map((seed) => digits({ train: 100, test: 100, seed }));
    const sums = seeds.flatMap((sets) => [...images(sets.train), ...images(sets.test)]).map(md5);
    expect(new Set(sums).size).toBe(600);
  });

  it("balances the digits, in a shuffled order", () => {
    for (const set of [train, test]) {
      const seen = new Uint32Array(10);
      for (const label of set.targets.data) seen[label] = (seen[label] ?? 0) + 1;
      expect([...seen]).toEqual(Array.from({ length: 10 }, () => set.count / 10));
    }
    const repeats = train.targets.data
      .slice(10)
      .filter((label: number, i: number) => label === train.targets.data[i]);
    expect(repeats.length / train.count).toBeLessThan(0.15); // one in ten by chance
  });

  it("looks like MNIST in its figures", () => {
    let sum = 0;
    let inked = 0;
    for (const value of bytes(train)) {
      sum += value / 255;
      if (value > 0) inked++;
    }
    expect(sum / bytes(train).length).toBeGreaterThan(0.09); // MNIST: 0.131
    expect(sum / bytes(train).length).toBeLessThan(0.17);
    expect(inked / bytes(train).length).toBeGreaterThan(0.15); // MNIST: 0.191
    expect(inked / bytes(train).length).toBeLessThan(0.27);
  });
  it("draws each digit whole, with ink and paper, near the middle", () => {
    for (const image of images(train)) {
      let mass = 0;
      let x = 0;
      let y = 0;
      let edge = 0;
      image.forEach((value, pixel) => {
        const [row, column] = [Math.floor(pixel / 28), pixel % 28];
        mass += value;
        x += value * column;
        y += value * row;
        if (row === 0 || column === 0 || row === 27 || column === 27) edge += value;
      });
      expect(mass / 255 / PIXELS).toBeGreaterThan(0.02);
      expect(mass / 255 / PIXELS).toBeLessThan(0.35);
      expect(Math.abs(x / mass - 13.5)).toBeLessThan(5);
      expect(Math.abs(y / mass - 13.5)).toBeLessThan(5);
      expect(edge / mass).toBeLessThan(0.05);
      expect(Math.max(...image)).toBeGreaterThan(150);
    }
  });
  it("draws no two alike", () => {
    expect(new Set(images(train).map(md5)).size).toBe(train.count);
  });

  it("is fast: a thousand images", () => {
    const start = performance.now();
    digits({ train: 900, test: 100, seed: 3 });
    expect(performance.now() - start).toBeLessThan(700); // about 50 ms on a quiet core
  });

  it.each([
    [{ train: 0 }, "digits: train is 0; expected a number of images"],
    [{ train: 1.5 }, "digits: train is 1.5"],
    [{ test: 0 }, "digits: test is 0"],
    [{ test: 2 ** 30 }, "digits: test is 1073741824"],
    [{ seed: -1 }, "digits: seed is -1; expected an integer from 0"],
    [{ seed: Number.NaN }, "digits: seed is NaN"],
  ])("refuses %j", (options, message) => {
    expect(() => digits(options)).toThrow(message);
  });
});

describe("glyphs", () => {
  it("has four forms or more of each digit, in the unit of a hundredth", () => {
    expect(glyphs().length).toBe(10);
    for (const forms of glyphs()) {
      expect(forms.length).toBeGreaterThanOrEqual(4);
      for (const { x, y } of forms.flatMap((form) => form.strokes.flat())) {
        expect(x).toBeGreaterThanOrEqual(0);
        expect(x).toBeLessThanOrEqual(100);
        expect(y).toBeGreaterThanOrEqual(0);
        expect(y).toBeLessThanOrEqual(100);
      }
    }
  });
  it("gives each form a path of finite numbers, of some length", () => {
    for (const form of glyphs().flat()) {
      const numbers = [...normals(160, 7, 0)];
      const path = draw(form, () => numbers.pop() ?? Number.NaN);
      expect([...path.x, ...path.y, ...path.radius].every(Number.isFinite)).toBe(true);
      expect(path.penDown.filter((down) => down === 0).length).toBe(form.strokes.length);
    }
  });
});

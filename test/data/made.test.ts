/** One-hot vectors, images as arrays, and generated data sets. */
import { describe, expect, it } from "vitest";
import {
  dataset,
  imageDataset,
  makeBlobs,
  makeMoons,
  makeRegression,
  oneHotColumn,
  oneHotTargets,
} from "../../src/data/index.ts";

describe("oneHotTargets", () => {
  it("puts a vector in place of each class", () => {
    const inputs = { data: Float32Array.of(1, 2, 3) };
    const made = oneHotTargets(dataset({ inputs, targets: { data: Uint8Array.of(2, 0, 1) }, classes: 4 }));
    expect("classes" in made).toBe(false);
    expect(made.targets).toEqual({
      data: Float32Array.of(0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0),
      shape: [4],
      scale: 1,
    });
    expect(made.inputs.data).toBe(inputs.data);
    expect(() => oneHotTargets(made)).toThrow("oneHotTargets: dataset has no classes");
  });
});

describe("oneHotColumn", () => {
  it("stops before it takes too much memory, and lists few categories", () => {
    const many = Array.from({ length: 20_000 }, (_, i) => `u${i}`);
    expect(() => oneHotColumn(many)).toThrow(
      "oneHotColumn: 20000 vectors of 20000 would take 1.5 GiB; join rare categories, or keep class indices",
    );
    expect(() => oneHotColumn(["x"], many)).toThrow(/expected one of "u0", .*"u11", … \(20000 in all\)$/);
  });
  it("finds the categories, sorted", () => {
    expect(oneHotColumn(["b", "a", "b"])).toEqual({
      categories: ["a", "b"],
      data: Float32Array.of(0, 1, 1, 0, 0, 1),
      width: 2,
    });
    // By size, not as texts: 10 is behind 9.
    expect(oneHotColumn(Float32Array.of(10, 9)).categories).toEqual([9, 10]);
  });

  it("takes categories as they are given", () => {
    const { data, width } = oneHotColumn(["low", "high"], ["low", "middle", "high"]);
    expect([...data, width]).toEqual([1, 0, 0, 0, 0, 1, 3]);
  });

  it.each<[string, () => unknown, string]>([
    [
      "an unknown category",
      () => oneHotColumn(["a", "c"], ["a", "b"]),
      'row 1 is "c"; expected one of "a", "b"',
    ],
    ["NaN", () => oneHotColumn([1, Number.NaN]), "row 1 is NaN"],
    ["a category twice", () => oneHotColumn(["a"], ["a", "b", "a"]), 'category "a" is named twice'],
    ["nothing", () => oneHotColumn([]), "no values and no categories"],
  ])("refuses %s", (_what, doing, message) => {
    expect(doing).toThrow(message);
  });
});

describe("imageDataset", () => {
  // 2 wide, 1 high: red, then a mixture.
  const rgb = [255, 0, 0, 10, 20, 30];
  const rgba = { data: Uint8ClampedArray.of(255, 0, 0, 255, 10, 20, 30, 128), width: 2, height: 1 };
  const planar = [255, 10, 0, 20, 0, 30];
  const one = { labels: [1], classes: 2 };

  it("takes pixels side by side, whole channels, and what canvases give, to the same bytes", () => {
    const made = imageDataset({ images: [rgb], width: 2, height: 1, ...one });
    expect(made).toMatchObject({ count: 1, classes: 2, inputs: { shape: [3, 1, 2], scale: 1 / 255 } });
    expect(made.inputs.data).toEqual(Uint8Array.from(planar));
    expect([...made.targets.data]).toEqual([1]);
    const others = [
      imageDataset({ images: [Uint8Array.from(planar)], width: 2, height: 1, layout: "CHW", ...one }),
      imageDataset({ images: [rgba], ...one }),
      // Of a decoder that leaves alpha out itself.
      imageDataset({ images: [{ data: rgb, width: 2, height: 1 }], ...one }),
    ];
    for (const other of others) expect(other).toEqual(made);
    // An array's fourth channel is data like the others.
    expect(imageDataset({ images: [rgba.data], width: 2, height: 1, ...one }).inputs.shape).toEqual([
      4, 1, 2,
    ]);
  });

  it("makes grey of colours", () => {
    const grey = [Math.round(0.299 * 255), Math.round(0.299 * 10 + 0.587 * 20 + 0.114 * 30)];
    for (const images of [[rgba], [{ data: rgb, width: 2, height: 1 }]]) {
      const made = imageDataset({ images, grey: true, ...one });
      expect(made.inputs.shape).toEqual([1, 1, 2]);
      expect([...made.inputs.data]).toEqual(grey);
    }
    const white = { data: new Uint8Array(4).fill(255), width: 1, height: 1 };
    expect([...imageDataset({ images: [white], grey: true, ...one }).inputs.data]).toEqual([255]);
  });

  const two = { images: [[1, 2, 3, 4], new Uint8Array(4)], labels: [0, 1], classes: 2, width: 2, height: 2 };
  it.each<[string, () => unknown, string]>([
    [
      "labels and images of different counts",
      () => imageDataset({ ...two, labels: [0] }),
      "images: labels and images of different counts: 2 images, 1 labels",
    ],
    ["no images", () => imageDataset({ ...two, images: [], labels: [] }), "images: no images"],
    [
      "an image of another size",
      () => imageDataset({ ...two, images: [[1, 2, 3, 4], [1]] }),
      "image 1 has 1 numbers; expected 4: 2 × 2 with 1 channels",
    ],
    [
      "a canvas of another size",
      () => imageDataset({ images: [rgba, { ...rgba, width: 1, height: 2 }], labels: [0, 1], classes: 2 }),
      "image 1 is 1 × 2; expected 2 × 1 with 4 channels",
    ],
    [
      "numbers that are no bytes",
      () => imageDataset({ ...two, images: [two.images[0], [0, 0.5, 0, 0]] }),
      "image 1 holds 0.5 at 1; expected bytes",
    ],
    [
      "bytes over 255",
      () =>
        imageDataset({
          ...two,
          images: [
            [256, 0, 0, 0],
            [0, 0, 0, 0],
          ],
        }),
      "image 0 holds 256",
    ],
    ["arrays without a size", () => imageDataset({ ...two, width: undefined }), "width is undefined"],
    ["part of a channel", () => imageDataset({ ...two, width: 3 }), "0.6666666666666666 channels"],
    ["grey of grey", () => imageDataset({ ...two, grey: true }), "grey needs 3 channels"],
    ["a class that is none", () => imageDataset({ ...two, labels: [0, 1.5] }), "label 1 is 1.5"],
    ["a class too high", () => imageDataset({ ...two, labels: [0, 2] }), "sample 1 has class 2"],
  ])("refuses %s", (_what, doing, message) => {
    expect(doing).toThrow(message);
  });
});

describe("generated data sets", () => {
  it.each([
    ["makeRegression", makeRegression],
    ["makeMoons", makeMoons],
    ["makeBlobs", makeBlobs],
  ])("%s is a function of its seed", (_name, make) => {
    expect(make({ seed: 4 })).toEqual(make({ seed: 4 }));
    expect(make({ seed: 4 }).inputs.data).not.toEqual(make({ seed: 5 }).inputs.data);
    expect(make()).toMatchObject({ count: 200 });
  });

  it("makeRegression's targets are its linear function, with noise of its deviation", () => {
    const spread = (noise: number): number => {
      const { inputs, targets, weights, intercept } = makeRegression({
        count: 1000,
        features: 4,
        noise,
        seed: 2,
      });
      const errors = Array.from(targets.data, (y, i) => {
        const row = Array.from(inputs.data.subarray(4 * i, 4 * i + 4));
        return y - row.reduce((sum, x, j) => sum + x * weights[j], intercept);
      });
      return Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length);
    };
    expect(spread(0)).toBeLessThan(1e-6);
    // The deviation of 1,000 draws is within 3 · 0.5 / √2,000 of 0.5.
    expect(Math.abs(spread(0.5) - 0.5)).toBeLessThan(0.034);
  });

  it("makeMoons' classes lie on half circles, in equal numbers", () => {
    const { inputs, targets } = makeMoons({ count: 101, noise: 0, seed: 3 });
    let ones = 0;
    for (let i = 0; i < 101; i++) {
      const label = targets.data[i];
      const [x, y] = [inputs.data[2 * i] - label, inputs.data[2 * i + 1] - 0.5 * label];
      expect(Math.abs(Math.hypot(x, y) - 1)).toBeLessThan(1e-6);
      expect(label === 0 ? y : -y).toBeGreaterThan(-1e-6);
      ones += label;
    }
    expect(ones).toBe(50);
    const noisy = makeMoons({ count: 101, noise: 0.3, seed: 3 });
    expect(noisy.targets).toEqual(targets);
    expect(noisy.inputs.data).not.toEqual(inputs.data);
  });

  it("makeBlobs' classes lie around centres of their own, in mixed order", () => {
    const made = makeBlobs({ count: 302, classes: 3, features: 5, deviation: 0.01, seed: 1 });
    expect(made).toMatchObject({ count: 302, classes: 3, inputs: { shape: [5] } });
    const of = (label: number) =>
      Array.from({ length: 302 }, (_, i) => i)
        .filter((i) => made.targets.data[i] === label)
        .map((i) => made.inputs.data.subarray(5 * i, 5 * i + 5));
    expect([0, 1, 2].map((label) => of(label).length)).toEqual([101, 101, 100]);
    for (const label of [0, 1, 2]) {
      const [first, ...others] = of(label);
      for (const other of others) {
        for (let i = 0; i < 5; i++) expect(Math.abs(other[i] - first[i])).toBeLessThan(0.12);
      }
    }
    expect(Math.abs(of(0)[0][0] - of(1)[0][0])).toBeGreaterThan(0.2);
    expect([...made.targets.data.slice(0, 9)]).not.toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
  });

  it.each<[string, () => unknown, string]>([
    ["no samples", () => makeMoons({ count: 0 }), "makeMoons: count is 0; give a whole number from 1"],
    ["half a class", () => makeBlobs({ classes: 1.5 }), "makeBlobs: classes is 1.5"],
    ["noise below 0", () => makeRegression({ noise: -1 }), "makeRegression: noise is -1"],
    ["NaN", () => makeBlobs({ deviation: Number.NaN }), "makeBlobs: deviation is NaN"],
  ])("refuse %s", (_what, doing, message) => {
    expect(doing).toThrow(message);
  });
});

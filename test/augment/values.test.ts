/** Augmentations that change pixels where they are, or batches as a whole. */
import { describe, expect, it } from "vitest";
import { choose, createTrainer, dense, type Engine, greater, ops, sequential, sgd, sub } from "wgrad";
import {
  type Augment,
  type Augmentation,
  augment,
  brightness,
  contrast,
  cutout,
  mixup,
  noise,
  preview,
  rotate,
} from "wgrad/augment";
import { type Dataset, dataset } from "wgrad/data";
import { smallerShares } from "../../src/augment/values.ts";
import { ResidentDataset } from "../../src/train/resident.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();
const SIDE = 16;
const PIXELS = SIDE * SIDE;

/** Grey images, as bytes from 51 to 153, or as the same numbers in f32. */
function images(count: number, type: "u8" | "f32" = "u8"): Dataset {
  const bytes = Uint8Array.from({ length: count * PIXELS }, (_, i) => 51 + ((i * 37) % 103));
  const data = type === "u8" ? bytes : Float32Array.from(bytes, (value) => value / 255);
  return dataset({
    inputs: { data, shape: [1, SIDE, SIDE], scale: type === "u8" ? 1 / 255 : 1 },
    targets: { data: Uint8Array.from({ length: count }, (_, i) => i % 3) },
    classes: 3,
  });
}

const mean = (values: ArrayLike<number>) =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values: ArrayLike<number>) => {
  const middle = mean(values);
  return Math.sqrt(mean(Array.from(values, (value) => (value - middle) ** 2)));
};

describe.each(ENGINES)("on the %s", (kind) => {
  const look = (changes: Augment, data = images(6), epochs = [1, 2, 3]) =>
    preview(engines[kind], data, changes, { epochs, seed: 3 });

  it("brightness adds one number to all of an image", async () => {
    const added: number[] = [];
    for (const { original, epochs } of await look(augment(brightness(0.15)))) {
      for (const image of epochs) {
        const differences = image.map((value, i) => value - original[i]);
        expect(deviation(differences)).toBeLessThan(1e-6);
        added.push(differences[0]);
      }
    }
    expect(Math.max(...added.map(Math.abs))).toBeLessThanOrEqual(0.15 + 1e-6);
    expect(Math.min(...added)).toBeLessThan(-0.02);
    expect(Math.max(...added)).toBeGreaterThan(0.02);
  });

  it("contrast keeps an image's mean and changes how far values are from it", async () => {
    const factors: number[] = [];
    for (const { original, epochs } of await look(augment(contrast(0.5, 1.4)))) {
      for (const image of epochs) {
        expect(Math.abs(mean(image) - mean(original))).toBeLessThan(1e-5);
        factors.push(deviation(image) / deviation(original));
      }
    }
    expect(Math.min(...factors)).toBeGreaterThan(0.5 - 1e-4);
    expect(Math.max(...factors)).toBeLessThan(1.4 + 1e-4);
    expect(Math.max(...factors) - Math.min(...factors)).toBeGreaterThan(0.3);
  });

  it("noise is normal, of the deviation given, and new for each pixel, sample and epoch", async () => {
    const previews = await look(augment(noise(0.5)), images(8, "f32"));
    const drawn = previews.flatMap(({ original, epochs }) =>
      epochs.flatMap((image) => Array.from(image, (value, i) => (value - original[i]) / 0.5)),
    );
    expect(new Set(drawn.map((value) => value.toFixed(5))).size).toBeGreaterThan(0.9 * drawn.length);
    // Of n standard normal numbers: mean within 5/√n, and a variance and a tail likewise.
    const n = drawn.length;
    expect(Math.abs(mean(drawn))).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(deviation(drawn) ** 2 - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    const tail = drawn.filter((value) => Math.abs(value) > 1.959964).length / n;
    expect(Math.abs(tail - 0.05)).toBeLessThan(5 * Math.sqrt((0.05 * 0.95) / n));
  });

  it("values of stored bytes stay where bytes are, others do not", async () => {
    const strong = augment(brightness(2), noise(1));
    const bytes = (await look(strong)).flatMap(({ epochs }) => epochs.flatMap((image) => [...image]));
    expect([Math.min(...bytes), Math.max(...bytes)]).toEqual([0, 1]);
    const floats = (await look(strong, images(6, "f32"))).flatMap(({ epochs }) =>
      epochs.flatMap((image) => [...image]),
    );
    expect(Math.min(...floats)).toBeLessThan(-1);
    expect(Math.max(...floats)).toBeGreaterThan(2);
  });

  it("cutout sets a square to 0, cut off at the border, and nothing else", async () => {
    const areas = new Set<number>();
    for (const { original, epochs } of await look(augment(cutout(5)), images(8), [1, 2, 3, 4])) {
      for (const image of epochs) {
        const cut = [...image.keys()].filter((i) => image[i] === 0);
        const rows = cut.map((i) => Math.floor(i / SIDE));
        const columns = cut.map((i) => i % SIDE);
        const height = Math.max(...rows) - Math.min(...rows) + 1;
        const width = Math.max(...columns) - Math.min(...columns) + 1;
        expect(cut.length).toBe(height * width);
        for (const [size, places] of [
          [height, rows],
          [width, columns],
        ] as const) {
          expect(size).toBeLessThanOrEqual(5);
          const atBorder = Math.min(...places) === 0 || Math.max(...places) === SIDE - 1;
          if (!atBorder) expect(size).toBe(5);
        }
        areas.add(cut.length);
        const others = [...image.keys()].filter((i) => image[i] !== 0);
        expect(Math.max(...others.map((i) => Math.abs(image[i] - original[i])))).toBeLessThan(1e-6);
      }
    }
    expect(areas.has(25)).toBe(true);
    expect(areas.size).toBeGreaterThan(1);
  });

  it("mixup mixes inputs and targets with the next of the batch by one share", async () => {
    const data = images(5);
    const { x, y } = await mixed(engines[kind], data, augment(mixup(1)), 5);
    const shares: number[] = [];
    for (let i = 0; i < 5; i++) {
      const [own, next] = [i % 3, ((i + 1) % 5) % 3];
      const target = y.subarray(i * 3, i * 3 + 3);
      expect(Math.abs(target[0] + target[1] + target[2] - 1)).toBeLessThan(1e-6);
      if (own === next) continue;
      shares.push(target[next]);
      for (let p = 0; p < PIXELS; p++) {
        const [a, b] = [i, (i + 1) % 5].map((sample) => data.inputs.data[sample * PIXELS + p] / 255);
        expect(Math.abs(x[i * PIXELS + p] - (target[own] * a + target[next] * b))).toBeLessThan(1e-6);
      }
    }
    expect(Math.max(...shares)).toBeLessThanOrEqual(0.5);
    expect(Math.max(...shares) - Math.min(...shares)).toBeGreaterThan(0.05);
  });
});

/** One batch's inputs and targets, as a training step sees them. */
async function mixed(engine: Engine, data: Dataset, changes: Augment, size: number) {
  const source = new ResidentDataset(engine, data, size);
  await source.read({ epoch: 1, seed: 0, shuffle: false }).next();
  const trainer = createTrainer(engine, (x) => x, { inputShape: data.inputs.shape });
  const step = await trainer.compile(() => ({ ...changes.apply(source.batch(size)) }), { data: source.data });
  const { x, y } = await step.run({}, { batchStart: 0, epoch: 1 });
  return { x: x as Float32Array, y: y as Float32Array };
}

describe("the share that mixup gives to the other sample", () => {
  it.each([0.1, 0.2, 0.5, 1, 2])("has the variance of Beta(alpha, alpha), alpha %f", (alpha) => {
    const quantiles = smallerShares(alpha);
    expect(quantiles[0]).toBe(0);
    expect(Math.abs(quantiles[256] - 0.5)).toBeLessThan(1e-6);
    // The variance of Beta(a, a) is 1 / (4 (2a + 1)): the mean of (½ - share)², here by the trapezoidal rule.
    const squares = quantiles.map((share) => (0.5 - share) ** 2);
    const middle = (squares.reduce((sum, square) => sum + square, 0) - (squares[0] + squares[256]) / 2) / 256;
    const variance = 1 / (4 * (2 * alpha + 1));
    expect(Math.abs(middle - variance) / variance).toBeLessThan(2e-3);
  });

  it.each([0.7, 1, 3, 8])("has the quantiles of Beta(alpha, alpha), alpha %f", (alpha) => {
    // With x = sin² φ the density is 2 (sin φ cos φ)^(2 alpha - 1), here by the midpoint rule.
    const mass = (to: number) => {
      const steps = 20_000;
      const width = Math.asin(Math.sqrt(to)) / steps;
      let sum = 0;
      for (let i = 0; i < steps; i++) {
        const angle = (i + 0.5) * width;
        sum += 2 * (Math.sin(angle) * Math.cos(angle)) ** (2 * alpha - 1) * width;
      }
      return sum;
    };
    const quantiles = smallerShares(alpha);
    for (const i of [1, 2, 10, 128, 250, 256]) {
      expect(Math.abs(mass(quantiles[i]) / mass(0.5) - i / 256)).toBeLessThan(1e-4);
    }
  });

  it("has the quantiles of the uniform and the arcsine distribution", () => {
    const uniform = smallerShares(1);
    const arcsine = smallerShares(0.5);
    for (const i of [1, 40, 128, 200, 255]) {
      expect(Math.abs(uniform[i] - i / 512)).toBeLessThan(1e-5);
      expect(Math.abs(arcsine[i] - Math.sin((Math.PI * i) / 1024) ** 2)).toBeLessThan(1e-5);
    }
  });
});

it("one of your own is an object, and draws as the others do", async () => {
  const invert: Augmentation = {
    kind: "values",
    name: "invert",
    images: false,
    apply: (x, draw) => {
      const half = ops.reshape(greater(draw.between(0, 1), 0.5), [x.shape[0], 1, 1, 1]);
      return choose(half, sub(1, x), x);
    },
  };
  const changes = augment(invert);
  const [here, ...elsewhere] = await Promise.all(
    ENGINES.map((kind) => preview(engines[kind], images(6), changes, { epochs: [1, 2, 3] })),
  );
  for (const there of elsewhere) expect(there).toEqual(here);
  const inverted = here.flatMap(({ original, epochs }) => epochs.map((image) => image[0] !== original[0]));
  expect(new Set(inverted)).toEqual(new Set([true, false]));
});

describe("what does not fit is refused", () => {
  const flat = dataset({
    inputs: { data: new Float32Array(32), shape: [16] },
    targets: { data: new Uint8Array(2) },
  });
  it.each([
    [
      "rotate(10) (in augment): the inputs are [16]; expected images [channels, height, width]",
      augment(rotate(10)),
      flat,
    ],
    [
      "cutout(17) (in augment): the square is 17 pixels, but the images are 16 × 16; give less",
      augment(cutout(17)),
      images(2),
    ],
    ["contrast(0.5, 2) (in augment): the inputs are [16]", augment(contrast(0.5, 2)), flat],
  ])("%s", async (message, changes, data) => {
    await expect(preview(engines.cpu, data, changes)).rejects.toThrow(message);
  });

  it.each([
    ["rotate: degrees is NaN", () => rotate(Number.NaN)],
    ["rotate: degrees is 200; give a finite number from 0 to 180", () => rotate(200)],
    ["cutout: size is 0; give a whole number of pixels from 1", () => cutout(0)],
    ["contrast: to is 0.5; give a finite number from 1", () => contrast(1, 0.5)],
    ["mixup: alpha is 0", () => mixup(0)],
    ["augment: give one augmentation or more", () => augment()],
    ["augment: got 5; give one augmentation or more", () => augment(5 as never)],
  ])("%s", (message, make) => {
    expect(make).toThrow(message);
  });

  it("a sample that is not there", async () => {
    await expect(preview(engines.cpu, images(2), augment(noise(1)), { samples: [2] })).rejects.toThrow(
      "preview: samples has 2; dataset has samples 0 to 1",
    );
  });
});

it("a loss that takes no probabilities says so when inputs are mixed", async () => {
  const trainer = createTrainer(engines.cpu, sequential(dense(3)), {
    inputShape: [1, SIDE, SIDE],
    optimizer: sgd(),
  });
  const source = new ResidentDataset(engines.cpu, images(4), 4);
  const step = trainer.compile(
    (_inputs, model) => {
      const { x, y } = augment(mixup()).apply(source.batch(4));
      return { minimize: ops.crossEntropy(model(x), y, { ignoreIndex: 2 }) };
    },
    { data: source.data },
  );
  await expect(step).rejects.toThrow(
    "ignoreIndex is for class indices; the targets [4, 3] are probabilities",
  );
});

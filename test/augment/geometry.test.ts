/** Augmentations that move pixels, against a plain reading of each image in 64-bit arithmetic. */
import { describe, expect, it } from "vitest";
import { augment, crop, elastic, flip, preview, rotate, scale, shear, translate } from "wgrad/augment";
import { type Dataset, dataset } from "wgrad/data";
import { stepUniform } from "../../src/random.ts";
import { DEVICES, ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();
const SEED = 7;
const FIRST_STREAM = 0x61756700;

/** Images of an odd size, two channels, no two pixels alike. */
function images(count: number, channels: number, height: number, width: number): Dataset {
  const size = channels * height * width;
  return dataset({
    inputs: {
      data: Uint8Array.from({ length: count * size }, (_, i) => (i * 97 + Math.floor(i / 31) * 13) % 256),
      shape: [channels, height, width],
      scale: 1 / 255,
    },
    targets: { data: Uint8Array.from({ length: count }, (_, i) => i % 2) },
    classes: 2,
  });
}

/** What the augmentation at `position` of the list draws for a sample. */
const drawn = (position: number, epoch: number, sample: number) => (column: number) =>
  stepUniform(SEED, FIRST_STREAM + 4 * position, epoch, sample * 4 + column);

/** Where a pixel comes from, counted from the middle: [row, column] → [row, column]. */
type Inverse = (place: readonly [number, number]) => [number, number];

/** The image read at the places that `inverse` names, with zeros around it. */
function read(
  image: Float32Array,
  [channels, height, width]: readonly number[],
  inverse: Inverse,
): Float64Array {
  const result = new Float64Array(image.length);
  const pixel = (c: number, row: number, column: number) =>
    row >= 0 && row < height && column >= 0 && column < width
      ? image[(c * height + row) * width + column]
      : 0;
  for (let c = 0; c < channels; c++) {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const middle = [(height - 1) / 2, (width - 1) / 2];
        const [r, k] = inverse([row - middle[0], column - middle[1]]).map((at, axis) => at + middle[axis]);
        const [top, left] = [Math.floor(r), Math.floor(k)];
        const [down, right] = [r - top, k - left];
        result[(c * height + row) * width + column] =
          (1 - down) * ((1 - right) * pixel(c, top, left) + right * pixel(c, top, left + 1)) +
          down * ((1 - right) * pixel(c, top + 1, left) + right * pixel(c, top + 1, left + 1));
      }
    }
  }
  return result;
}

const RADIANS = Math.PI / 180;
/** By name: what it makes of a place, given the numbers it draws. */
const cases = {
  translate: {
    list: [translate(3)],
    inverse:
      (u: (column: number) => number): Inverse =>
      ([r, k]) => [r + 6 * u(0) - 3, k + 6 * u(1) - 3],
  },
  "translate by whole pixels": {
    list: [translate(2, { whole: true })],
    inverse:
      (u: (column: number) => number): Inverse =>
      ([r, k]) => [r + Math.floor(5 * u(0)) - 2, k + Math.floor(5 * u(1)) - 2],
  },
  crop: {
    list: [crop(2)],
    inverse:
      (u: (column: number) => number): Inverse =>
      ([r, k]) => [r + Math.floor(5 * u(0)) - 2, k + Math.floor(5 * u(1)) - 2],
  },
  rotate: {
    list: [rotate(40)],
    inverse:
      (u: (column: number) => number): Inverse =>
      ([r, k]) => {
        const angle = (80 * u(0) - 40) * RADIANS;
        return [Math.cos(angle) * r - Math.sin(angle) * k, Math.sin(angle) * r + Math.cos(angle) * k];
      },
  },
  scale: {
    list: [scale(0.5, 1.6)],
    inverse:
      (u: (column: number) => number): Inverse =>
      ([r, k]) => {
        const size = 0.5 + 1.1 * u(0);
        return [r / size, k / size];
      },
  },
  shear: {
    list: [shear(30)],
    inverse:
      (u: (column: number) => number): Inverse =>
      ([r, k]) => [r, k + Math.tan((60 * u(0) - 30) * RADIANS) * r],
  },
  flip: {
    list: [flip({ horizontal: 0.5, vertical: 0.3 })],
    inverse:
      (u: (column: number) => number): Inverse =>
      ([r, k]) => [u(1) < 0.3 ? -r : r, u(0) < 0.5 ? -k : k],
  },
};

const EPOCHS = [1, 2, 5];
const SAMPLES = [4, 0, 10, 3];

describe.each(ENGINES)("on the %s", (kind) => {
  const shape = [2, 9, 7];
  const data = images(11, 2, 9, 7);

  it.each(Object.entries(cases))("%s reads each image where it should", async (_name, { list, inverse }) => {
    const previews = await preview(engines[kind], data, augment(...list), {
      samples: SAMPLES,
      epochs: EPOCHS,
      seed: SEED,
    });
    const different = new Set<string>();
    for (const { sample, original, epochs } of previews) {
      epochs.forEach((image, i) => {
        const expected = read(original, shape, inverse(drawn(0, EPOCHS[i], sample)));
        const worst = Math.max(...image.map((value, at) => Math.abs(value - expected[at])));
        expect(worst, `sample ${sample} in epoch ${EPOCHS[i]}`).toBeLessThan(2e-4);
        different.add(image.join());
      });
    }
    // Two mirrored images may be mirrored alike.
    expect(different.size).toBeGreaterThan(SAMPLES.length);
  });

  it("several go one after another, the first first", async () => {
    const changes = augment(rotate(40), translate(3), scale(0.7, 1.3));
    const [one] = await preview(engines[kind], data, changes, { samples: [6], epochs: [3], seed: SEED });
    const inverses = [cases.rotate, cases.translate].map(({ inverse }, i) => inverse(drawn(i, 3, 6)));
    const size = 0.7 + 0.6 * drawn(2, 3, 6)(0);
    const expected = read(one.original, shape, ([r, k]) => inverses[0](inverses[1]([r / size, k / size])));
    const worst = Math.max(...one.epochs[0].map((value, at) => Math.abs(value - expected[at])));
    expect(worst).toBeLessThan(2e-4);
  });

  it("elastic moves by a field smoothed as a Gaussian smooths", async () => {
    // A picture whose values are its places, so that the field can be read off the result.
    const [height, width] = [24, 20];
    const ramp = (value: (row: number, column: number) => number) =>
      Float32Array.from({ length: height * width }, (_, i) => value(Math.floor(i / width), i % width));
    const ramps = dataset({
      inputs: {
        data: Float32Array.from([...ramp((row) => row + 1), ...ramp((_, column) => column + 1)]),
        shape: [2, height, width],
      },
      targets: { data: new Uint8Array([0]) },
    });
    const [{ epochs }] = await preview(engines[kind], ramps, augment(elastic({ alpha: 6, sigma: 2 })), {
      epochs: [4],
      seed: SEED,
    });
    const noise = (axis: number, row: number, column: number) =>
      row < 0 || row >= height || column < 0 || column >= width
        ? 0
        : 2 * stepUniform(SEED, FIRST_STREAM, 4, (axis * height + row) * width + column) - 1;
    const weight = (distance: number) => Math.exp(-0.5 * (distance / 2) ** 2);
    const reach = Array.from({ length: 41 }, (_, i) => i - 20);
    const total = reach.reduce((sum, distance) => sum + weight(distance), 0) ** 2;
    for (const [axis, row, column] of [
      [0, 12, 10],
      [1, 12, 10],
      [0, 7, 13],
      [1, 16, 6],
    ]) {
      let moved = 0;
      for (const down of reach)
        for (const right of reach)
          moved += (weight(down) * weight(right) * noise(axis, row + down, column + right)) / total;
      const found = epochs[0][(axis * height + row) * width + column] - 1;
      expect(Math.abs(found - ((axis === 0 ? row : column) + 6 * moved))).toBeLessThan(1e-4);
      expect(Math.abs(moved)).toBeGreaterThan(1e-3);
    }
  });
});

it.each(DEVICES)("on the %s, an augmented sample is the same in any batch, at any place", async (kind) => {
  const data = images(40, 1, 8, 8);
  const changes = augment(rotate(20), elastic({ alpha: 5, sigma: 2 }));
  const few = await preview(engines[kind], data, changes, { samples: [31], epochs: [2] });
  const many = await preview(engines[kind], data, changes, { samples: [5, 6, 31, 0, 2], epochs: [1, 2] });
  expect(few[0].epochs[0]).toEqual(many[2].epochs[1]);
  expect(many[0].epochs[1]).not.toEqual(many[1].epochs[1]);
});

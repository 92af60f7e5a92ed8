/** Drawings become images as MNIST's are. */
import { describe, expect, it } from "vitest";
import { digits } from "wgrad/data";
import { centreOfMass, digitImage, SIDE, type Stroke } from "../../demo/page/draw/digit.ts";

const PAD = 280;

const stroke = (...places: readonly [number, number][]): Stroke => places.map(([x, y]) => ({ x, y }));
const SEVEN = [stroke([90, 60], [200, 60], [130, 240])];

/** The rows and columns that have ink. */
function extent(image: Float32Array) {
  const inked = Array.from(image.keys()).filter((i) => image[i] > 0.05);
  const rows = inked.map((i) => Math.floor(i / SIDE));
  const columns = inked.map((i) => i % SIDE);
  return {
    height: Math.max(...rows) - Math.min(...rows) + 1,
    width: Math.max(...columns) - Math.min(...columns) + 1,
  };
}

function moved(strokes: readonly Stroke[], factor: number, dx: number, dy: number): Stroke[] {
  return strokes.map((one) => one.map(({ x, y }) => ({ x: x * factor + dx, y: y * factor + dy })));
}

describe("a drawing as an image", () => {
  const image = digitImage(SEVEN, PAD) as Float32Array;

  it("has its centre of mass in the middle", () => {
    const { x, y } = centreOfMass(image);
    expect(Math.abs(x - SIDE / 2)).toBeLessThan(0.1);
    expect(Math.abs(y - SIDE / 2)).toBeLessThan(0.1);
  });

  it("fills 20 pixels along its longer side, and keeps its proportions", () => {
    const { width, height } = extent(image);
    expect(height).toBeGreaterThanOrEqual(20);
    expect(height).toBeLessThanOrEqual(21);
    // 110 wide and 180 high, and the pen.
    expect(Math.abs(width - (2.3 + (17.7 * 110) / 180))).toBeLessThan(1.6);
  });

  it("does not depend on where it was drawn, nor how large", () => {
    const other = digitImage(moved(SEVEN, 0.5, 100, 30), PAD) as Float32Array;
    expect(Math.max(...other.map((value, i) => Math.abs(value - image[i])))).toBeLessThan(1e-3);
  });

  it("has about as much ink as a digit of the data set", () => {
    const { train } = digits({ train: 500, test: 1 });
    const ink = Array.from(train.inputs.data).reduce((sum, byte) => sum + byte / 255, 0) / train.count;
    const drawn = image.reduce((sum, value) => sum + value, 0);
    expect(drawn).toBeGreaterThan(0.5 * ink);
    expect(drawn).toBeLessThan(1.6 * ink);
  });

  it("is of numbers from 0 to 1, however it is drawn", () => {
    const odd: Record<string, Stroke[]> = {
      dot: [stroke([140, 140])],
      "dot in a corner": [stroke([0, 0])],
      "line across": [stroke([0, 140], [280, 140])],
      "out of the pad": [stroke([-40, -10], [320, 300])],
      "the same place twice": [stroke([50, 50], [50, 50])],
      "dots far apart": [stroke([10, 10]), stroke([270, 270])],
    };
    for (const [name, strokes] of Object.entries(odd)) {
      const found = digitImage(strokes, PAD) as Float32Array;
      expect(found, name).toHaveLength(784);
      expect(
        found.every((value) => value >= 0 && value <= 1),
        name,
      ).toBe(true);
      expect(
        found.some((value) => value > 0.9),
        name,
      ).toBe(true);
      expect(Math.max(...Object.values(extent(found))), name).toBeLessThanOrEqual(21);
    }
  });

  it("a dot stays a dot", () => {
    const { width, height } = extent(digitImage([stroke([140, 140], [142, 141])], PAD) as Float32Array);
    expect(Math.max(width, height)).toBeLessThan(8);
  });

  it("is nothing where nothing is drawn", () => {
    expect(digitImage([], PAD)).toBeUndefined();
    expect(digitImage([[]], PAD)).toBeUndefined();
  });
});

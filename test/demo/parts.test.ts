/** The parts of the page that need no page. */
import { describe, expect, it } from "vitest";
import { dataset } from "wgrad/data";
import { CPU_DEFAULTS, DEFAULTS, parseHidden } from "../../demo/page/network/settings.ts";
import { Curve } from "../../demo/page/train/curve.ts";
import { History } from "../../demo/page/train/history.ts";
import { filtersOf, gradientHistogram, judge } from "../../demo/page/train/insight.ts";
import { GRADIENT_BINS } from "../../demo/page/train/messages.ts";
import { amount, bytes, duration, percent, significant } from "../../demo/page/widgets/numbers.ts";

describe("hidden layers", () => {
  it.each([
    ["128, 64", [128, 64]],
    ["30", [30]],
    [" 8-8 8;8 ", [8, 8, 8, 8]],
  ])("%s", (text, widths) => {
    expect(parseHidden(text)).toEqual(widths);
  });

  it.each(["", "0", "-5 0", "1.5", "many", "5000", "1,1,1,1,1,1,1,1,1", "NaN", "1e9"])(
    "refuse %s",
    (text) => {
      expect(() => parseHidden(text)).toThrow("expected 1 to 8 whole numbers from 1 to 4096");
    },
  );

  it("are fewer where there is no GPU", () => {
    const weights = (hidden: readonly number[]) => hidden.reduce((sum, width) => sum + width, 0);
    expect(weights(CPU_DEFAULTS.hidden)).toBeLessThan(weights(DEFAULTS.hidden));
    expect(CPU_DEFAULTS.dataset).toBe("digits");
  });
});

describe("what is seen of a network", () => {
  const labels = [3, 3, 7, 0];
  const test = dataset({
    name: "four",
    inputs: {
      data: Uint8Array.from({ length: 4 * 784 }, (_, i) => i % 251),
      shape: [1, 28, 28],
      scale: 1 / 255,
    },
    targets: { data: Uint8Array.from(labels) },
    classes: 10,
  });
  /** Each image's probability for one digit; the others share the rest. */
  const logs = (sure: readonly (readonly [digit: number, part: number])[]) =>
    Float32Array.from(
      sure.flatMap(([digit, part]) =>
        Array.from({ length: 10 }, (_, i) => Math.log(i === digit ? part : (1 - part) / 9)),
      ),
    );
  const judged = judge(
    logs([
      [3, 0.9],
      [5, 0.99],
      [1, 0.5],
      [0, 0.8],
    ]),
    test,
  );

  it("its loss and accuracy", () => {
    const own = [0.9, 0.01 / 9, 0.5 / 9, 0.8];
    expect(judged.loss).toBeCloseTo(-own.reduce((sum, part) => sum + Math.log(part), 0) / 4, 5);
    expect(judged.accuracy).toBe(0.5);
  });

  it("which digit was taken for which", () => {
    expect(judged.confusion[3]).toEqual([0, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
    expect(judged.confusion[7][1]).toBe(1);
    expect(judged.confusion.flat().reduce((sum, count) => sum + count)).toBe(4);
  });

  it("its mistakes, the worst first, with their images", () => {
    expect(judged.mistakes.map(({ index, label, guess }) => [index, label, guess])).toEqual([
      [1, 3, 5],
      [2, 7, 1],
    ]);
    expect(judged.mistakes[0].probability).toBeCloseTo(0.99, 6);
    expect(judged.mistakes[0].image).toEqual(test.inputs.data.slice(784, 2 * 784));
  });

  it("pictures of its first weights", () => {
    const data = Float32Array.from({ length: 40 * 25 }, (_, i) => i);
    const filters = filtersOf({ name: "0.weight", shape: [40, 1, 5, 5], data });
    expect(filters).toMatchObject({ count: 40, side: 5 });
    expect(filters.images).toHaveLength(30);
    expect([...filters.images[2]]).toEqual(Array.from({ length: 25 }, (_, i) => 50 + i));
  });

  it("how large its gradients are", () => {
    const { from, width, count } = GRADIENT_BINS;
    const data = Float32Array.of(0, 0, 1e-3, -1e-3, 1e-30, 1e30, Number.NaN, 0.5);
    const { parts, zeros, layer } = gradientHistogram({ name: "3.weight", shape: [2, 4], data });
    expect(layer).toBe("3: 2 × 4");
    expect(zeros).toBe(2 / 8);
    expect(parts).toHaveLength(count);
    expect(parts[0]).toBe(1 / 8);
    expect(parts[count - 1]).toBe(1 / 8);
    const bin = (value: number) => Math.floor((Math.log10(Math.fround(value)) - from) / width);
    expect(parts[bin(1e-3)]).toBe(2 / 8);
    expect(parts[bin(0.5)]).toBe(1 / 8);
    // What is no number is counted nowhere.
    expect(parts.reduce((sum, part) => sum + part)).toBeCloseTo(5 / 8, 12);
  });
});

describe("a curve", () => {
  const line = (points: number) => {
    const curve = new Curve<"loss">();
    for (let step = 1; step <= points; step++) curve.add({ step, loss: step });
    return curve;
  };

  it("keeps few points as they are", () => {
    const curve = line(3);
    expect(curve.steps).toEqual([1, 2, 3]);
    expect(curve.values("loss")).toEqual([1, 2, 3]);
  });

  it("keeps the whole of a long run in sight, in means of neighbours", () => {
    const curve = line(10_000);
    expect(curve.steps.length).toBeLessThanOrEqual(1200);
    expect(curve.steps.length).toBeGreaterThan(500);
    expect(curve.steps[0]).toBeLessThan(50);
    expect(curve.steps[curve.steps.length - 1]).toBeGreaterThan(9900);
    const thinning = curve.steps[1] - curve.steps[0];
    curve.values("loss").forEach((loss, i) => {
      expect(loss).toBeCloseTo(curve.steps[i] - (thinning - 1) / 2, 9);
    });
  });

  it("goes back to a step, and is cleared", () => {
    const curve = line(10);
    curve.backTo(4);
    expect(curve.steps).toEqual([1, 2, 3, 4]);
    curve.add({ step: 5, loss: 50 });
    expect(curve.values("loss")).toEqual([1, 2, 3, 4, 50]);
    curve.clear();
    expect(curve.steps).toEqual([]);
  });
});

describe("a history", () => {
  it("is a table with a line a step, in order", () => {
    const history = new History();
    const point = (step: number) => ({
      step,
      loss: 1 / step,
      accuracy: 0.5,
      learningRate: 0.1,
      seconds: step,
    });
    history.add([point(1), point(2)], []);
    history.add([point(4)], [{ step: 2, loss: 0.25, accuracy: 0.75 }]);
    history.add([], [{ step: 3, loss: 0.2, accuracy: 0.8 }]);
    expect(history.csv()).toBe(
      [
        "step,loss,accuracy,learning_rate,seconds,validation_loss,validation_accuracy",
        "1,1,0.5,0.1,1,,",
        "2,0.5,0.5,0.1,2,0.25,0.75",
        "3,,,,,0.2,0.8",
        "4,0.25,0.5,0.1,4,,",
        "",
      ].join("\n"),
    );
    history.backTo(2);
    expect(history.csv().trim().split("\n")).toHaveLength(3);
  });
});

describe("numbers as people read them", () => {
  it.each([
    [significant(1234.5), "1,230"],
    [significant(0.012345), "0.0123"],
    [significant(Number.NaN), "–"],
    [percent(0.97125), "97.13 %"],
    [percent(Number.NaN), "–"],
    [duration(0.2), "< 1 s"],
    [duration(95), "1 min 35 s"],
    [duration(3700), "1 h 1 min"],
    [duration(Number.POSITIVE_INFINITY), "–"],
    [bytes(0), "0 B"],
    [bytes(1_234_567), "1.18 MiB"],
    [amount(1_234_567), "1.23 M"],
    [amount(12), "12"],
  ])("%s", (found, expected) => {
    expect(found).toBe(expected);
  });
});

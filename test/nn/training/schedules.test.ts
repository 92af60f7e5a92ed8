/** Schedules against their formulas, and against PyTorch's where they are the same curve. */
import { describe, expect, it } from "vitest";
import {
  constantRate,
  cosineDecay,
  exponentialDecay,
  type OneCycleOptions,
  oneCycle,
  reduceOnPlateau,
  type Schedule,
  stepDecay,
  warmUp,
} from "../../../src/index.ts";
import { uniforms } from "../../../src/random.ts";

const STEPS_PER_EPOCH = 5;

/** The factor of every step of `total`. */
function curve(schedule: Schedule, total: number, history: readonly number[] = []): number[] {
  return Array.from({ length: total }, (_, step) =>
    schedule.factor({ step, total, stepsPerEpoch: STEPS_PER_EPOCH, history }),
  );
}

function steps(total: number, formula: (step: number) => number): number[] {
  return Array.from({ length: total }, (_, step) => formula(step));
}

function expectClose(got: readonly number[], want: readonly number[]) {
  expect(got).toHaveLength(want.length);
  got.forEach((value, i) => {
    if (!(Math.abs(value - want[i]) <= 1e-12 + 1e-9 * Math.abs(want[i]))) {
      expect.fail(`step ${i}: ${value}, expected ${want[i]}`);
    }
  });
}

describe("schedules", () => {
  it("constantRate is 1", () => {
    expectClose(
      curve(constantRate(), 12),
      steps(12, () => 1),
    );
  });

  it("stepDecay falls after every so many epochs", () => {
    expectClose(
      curve(stepDecay({ epochs: 2 }), 25),
      steps(25, (step) => (step < 10 ? 1 : step < 20 ? 0.1 : 0.01)),
    );
    expectClose(
      curve(stepDecay({ epochs: 1, gamma: 0.5 }), 15),
      steps(15, (step) => [1, 0.5, 0.25][Math.floor(step / 5)]),
    );
  });

  it("exponentialDecay is gamma to the number of epochs, parts of them included", () => {
    const got = curve(exponentialDecay({ gamma: 0.8 }), 11);
    expectClose(
      got,
      steps(11, (step) => Math.exp((step / 5) * Math.log(0.8))),
    );
    expectClose([got[0], got[5], got[10]], [1, 0.8, 0.64]);
  });

  it("cosineDecay is half a cosine from 1 to the floor", () => {
    expectClose(
      curve(cosineDecay(), 21),
      steps(21, (step) => (1 + Math.cos((Math.PI * step) / 20)) / 2),
    );
    const got = curve(cosineDecay({ floor: 0.2 }), 21);
    expectClose([got[0], got[10], got[20]], [1, 0.6, 0.2]);
    expectClose(curve(cosineDecay(), 1), [1]);
  });

  it("warmUp rises in a line, and multiplies what it leads to", () => {
    expectClose(curve(warmUp({ steps: 4 }), 6), [0.25, 0.5, 0.75, 1, 1, 1]);
    const cosine = curve(cosineDecay(), 10);
    const expected = cosine.map((factor, step) => factor * Math.min(1, (step + 1) / 3));
    expectClose(curve(warmUp({ steps: 3, schedule: cosineDecay() }), 10), expected);
    const twice = warmUp({ steps: 2, schedule: warmUp({ steps: 4, schedule: stepDecay({ epochs: 1 }) }) });
    expectClose(curve(twice, 6), [0.5 * 0.25, 0.5, 0.75, 1, 1, 0.1]);
  });
});

describe("oneCycle", () => {
  it("has the values of PyTorch's OneCycleLR", () => {
    // max_lr 1, total_steps 10 and everything else by default: from 1/25 up to 1 at step 2, down to 1/25/10000.
    const want = [
      0.04, 0.52, 1, 0.950484632013, 0.81174565395, 0.611262021936, 0.388741978064, 0.18825834605,
      0.0495193679865, 4e-6,
    ];
    expectClose(curve(oneCycle(), 10), want);
  });

  it.each([
    [30, {}],
    [101, { warmup: 0.25, initialDivisor: 10, finalDivisor: 100 }],
    [7, { warmup: 0.9 }],
  ] as const)(
    "follows the documentation's formula over %i steps with %j",
    (total, options: OneCycleOptions) => {
      const { warmup = 0.3, initialDivisor = 25, finalDivisor = 1e4 } = options;
      const initial = 1 / initialDivisor;
      const final = initial / finalDivisor;
      const rising = warmup * total - 1;
      const cosine = (from: number, to: number, part: number) =>
        to + ((from - to) / 2) * (1 + Math.cos(Math.PI * part));
      expectClose(
        curve(oneCycle(options), total),
        steps(total, (step) =>
          step <= rising
            ? cosine(initial, 1, step / rising)
            : cosine(1, final, (step - rising) / (total - 1 - rising)),
        ),
      );
    },
  );
});

describe("reduceOnPlateau", () => {
  const rateAfter = (schedule: Schedule, history: readonly number[]) => curve(schedule, 1, history)[0];

  it("waits, shrinks, and waits again", () => {
    const schedule = reduceOnPlateau({ factor: 0.5, patience: 2 });
    const history = [3, 2, 2, 2, 2, 2, 2, 2];
    const rates = history.map((_, epochs) => rateAfter(schedule, history.slice(0, epochs + 1)));
    expect(rates).toEqual([1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]);
    expect(rateAfter(schedule, [])).toBe(1);
  });

  it("takes less than the threshold for no improvement", () => {
    const slow = [1, 0.95, 0.94, 0.93];
    expect(rateAfter(reduceOnPlateau({ patience: 1, threshold: 0.1 }), slow)).toBeCloseTo(0.1, 12);
    expect(rateAfter(reduceOnPlateau({ patience: 1, threshold: 0.001 }), slow)).toBe(1);
  });

  it("counts as PyTorch's ReduceLROnPlateau does, on random losses", () => {
    for (let seed = 0; seed < 20; seed++) {
      const losses = [...uniforms(60, seed, 0)].map((u, i) => u + 3 / (i + 1));
      const [patience, factor, threshold] = [seed % 4, 0.5, 0.01];
      const schedule = reduceOnPlateau({ factor, patience, threshold });
      let [rate, best, bad] = [1, Number.POSITIVE_INFINITY, 0];
      losses.forEach((loss, epoch) => {
        if (loss < best * (1 - threshold)) [best, bad] = [loss, 0];
        else bad++;
        if (bad > patience) [rate, bad] = [rate * factor, 0];
        expect(rateAfter(schedule, losses.slice(0, epoch + 1))).toBe(rate);
      });
      expect(rate).toBeLessThan(1);
    }
  });
});

/** From options to losses, optimizers and schedules. */
import { describe, expect, it } from "vitest";
import type { Moment } from "wgrad";
import { parseOptions } from "../../cli/options.ts";
import { buildTraining, LOSSES, SCHEDULES } from "../../cli/training.ts";
import { OPTIMIZERS } from "../../presets/choices.ts";

/** What a command line comes to. */
function training(line: string) {
  const options = parseOptions(line.split(" "), () => {});
  if (!options) throw new Error("help was shown");
  return buildTraining(options);
}

describe("the optimizer", () => {
  it.each([
    ["sgd", { name: "sgd", slots: [], learningRate: 0.01 }],
    ["sgd --momentum 0.7", { settings: { momentum: 0.7, nesterov: 0 } }],
    ["momentum", { settings: { momentum: 0.9, nesterov: 0 } }],
    ["nesterov --momentum 0.7", { settings: { momentum: 0.7, nesterov: 1 } }],
    ["adam", { name: "adam", settings: { weightDecay: 0, beta1: 0.9, beta2: 0.999 } }],
    [
      "adam --beta1 0.7 --beta2 0 --learning-rate 0.5",
      { name: "adam", learningRate: 0.5, settings: { beta1: 0.7, beta2: 0 } },
    ],
    ["adamw", { name: "adamw", settings: { weightDecay: 0.01 } }],
    ["adamw --weight-decay 0", { name: "adamw", settings: { weightDecay: 0 } }],
    ["rmsprop --momentum 0.5", { name: "rmsprop", learningRate: 0.001, settings: { momentum: 0.5 } }],
    ["adagrad --weight-decay 0.25", { name: "adagrad", settings: { weightDecay: 0.25 } }],
  ])("%s takes its settings", (options, expected) => {
    expect(training(`--optimizer ${options}`).optimizer).toMatchObject(expected);
  });

  it.each(Object.keys(OPTIMIZERS))("%s can be made of its defaults", (name) => {
    const { learningRate, settings } = training(`--optimizer ${name}`).optimizer;
    const { defaults } = OPTIMIZERS[name as keyof typeof OPTIMIZERS];
    expect({ learningRate, weightDecay: settings.weightDecay }).toEqual({
      learningRate: defaults.learningRate,
      weightDecay: defaults.weightDecay,
    });
  });
});

describe("the schedule", () => {
  /** Factors at the beginning of each of ten epochs of 20 steps; the loss stands still from the second one on. */
  function factors(line: string): number[] {
    const { schedule } = training(line);
    return Array.from({ length: 10 }, (_, epoch) => {
      const history = Array.from({ length: epoch }, (_, i) => (i === 0 ? 2 : 1));
      const moment: Moment = { step: epoch * 20, total: 200, stepsPerEpoch: 20, history };
      return Number(schedule.factor(moment).toPrecision(9));
    });
  }

  it.each([
    ["constant", [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]],
    ["step", [1, 1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 1e-4, 1e-4]],
    ["step --step-size 4 --gamma 0.5", [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]],
    [
      "exponential --gamma 0.5",
      [1, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.00390625, 0.001953125],
    ],
    ["plateau", [1, 1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01]],
    ["plateau --patience 0 --gamma 0.5 ", [1, 1, 1, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125]],
    ["constant --warmup-steps 40", [0.025, 0.525, 1, 1, 1, 1, 1, 1, 1, 1]],
  ])("%s", (options, expected) => {
    expect(factors(`--schedule ${options.trim()}`)).toEqual(expected);
  });

  it("cosine falls from the rate to nothing, and may rise before", () => {
    const plain = factors("--schedule cosine");
    expect(plain[0]).toBe(1);
    expect(plain.every((factor, i) => i === 0 || factor < plain[i - 1])).toBe(true);
    expect(plain[9]).toBeLessThan(0.03);
    const warmed = factors("--schedule cosine --warmup-steps 40");
    expect(warmed[1]).toBeCloseTo(0.525 * plain[1], 5);
    expect(warmed.slice(2)).toEqual(plain.slice(2));
  });

  it("one-cycle rises and falls", () => {
    const cycle = factors("--schedule one-cycle");
    expect(cycle[0]).toBeCloseTo(0.04, 6);
    expect(Math.max(...cycle)).toBe(cycle[3]);
    expect(cycle[9]).toBeLessThan(0.1);
  });

  it.each(Object.keys(SCHEDULES))("%s can be made of its defaults", (name) => {
    expect(factors(`--schedule ${name}`).every((factor) => factor > 0 && factor <= 1)).toBe(true);
  });
});

describe("the loss", () => {
  it.each([
    ["cross-entropy", "crossEntropy"],
    ["sigmoid-cross-entropy", "sigmoidCrossEntropy"],
    ["bce", "binaryCrossEntropy"],
    ["quadratic", "quadratic"],
    ["mse", "meanSquaredError"],
    ["l1", "meanAbsoluteError"],
    ["huber", "huber"],
  ])("%s is %s", (option, name) => {
    expect(training(`--loss ${option}`).loss.name).toBe(name);
    expect(Object.keys(LOSSES)).toContain(option);
  });
});

describe("gradients", () => {
  it("are clipped, penalised and accumulated as asked", () => {
    expect(
      training("--clip-norm 5 --clip-value 0.5 --l1 1e-4 --l2 1e-3 --batch 60 --accumulate 3"),
    ).toMatchObject({
      clip: { norm: 5, value: 0.5 },
      penalty: { l1: 1e-4, l2: 1e-3 },
      accumulate: 3,
    });
    expect(training("--epochs 1")).toMatchObject({
      clip: { norm: undefined, value: undefined },
      penalty: { l1: 0, l2: 0 },
      accumulate: 1,
    });
  });
});

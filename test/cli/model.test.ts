/** From options to models and losses. */

import { describe, expect, it } from "vitest";
import { cpu, createTrainer } from "wgrad";
import { ACTIVATIONS, buildTraining, type ModelOptions, sizes } from "../../cli/model.ts";

const options: ModelOptions = {
  hidden: [6, 5],
  activation: "sigmoid",
  loss: "cross-entropy",
  labelSmoothing: 0,
  optimizer: "adam",
  lr: 0.02,
  weightDecay: 0,
  schedule: "constant",
};
const layers = (changes: Partial<ModelOptions> = {}) =>
  buildTraining({ ...options, ...changes }, 3).model.layers.map(({ name }) => name);

describe("the model", () => {
  it("has an activation behind each hidden layer", () => {
    expect(layers()).toEqual(["dense", "sigmoid", "dense", "sigmoid", "dense"]);
    expect(layers({ hidden: [] })).toEqual(["dense"]);
    expect(layers({ loss: "mse" })).toEqual(["dense", "sigmoid", "dense", "sigmoid", "dense"]);
  });

  it("has one behind the last layer, too, with the quadratic cost", () => {
    expect(layers({ loss: "quadratic" })).toEqual([
      "dense",
      "sigmoid",
      "dense",
      "sigmoid",
      "dense",
      "sigmoid",
    ]);
    expect(layers({ loss: "quadratic", hidden: [] })).toEqual(["dense", "sigmoid"]);
  });

  it.each(Object.keys(ACTIVATIONS) as (keyof typeof ACTIVATIONS)[])("knows %s", (activation) => {
    expect(layers({ activation })).toContain(activation);
  });

  it("has the sizes it says", () => {
    const { model } = buildTraining(options, 3);
    const { parameterCount } = createTrainer(cpu(), model, { inputShape: [4] });
    expect(parameterCount).toBe(4 * 6 + 6 + 6 * 5 + 5 + 5 * 3 + 3);
    expect(sizes(4, options, 3)).toBe("4-6-5-3");
  });
});

describe("training", () => {
  it.each([
    ["sgd", { kernel: "sgd", learningRate: 0.02 }],
    ["momentum", { kernel: "momentum", constants: { MOMENTUM: 0.7, NESTEROV: 0 } }],
    ["nesterov", { kernel: "momentum", constants: { MOMENTUM: 0.7, NESTEROV: 1 } }],
    ["adam", { kernel: "adam", weightDecay: 0.25 }],
    ["adamw", { name: "adamw", weightDecay: 0.25 }],
  ] as const)("with %s takes its options", (optimizer, expected) => {
    const momentum = optimizer === "momentum" || optimizer === "nesterov" ? 0.7 : undefined;
    const training = buildTraining({ ...options, optimizer, momentum, weightDecay: 0.25 }, 3);
    expect(training.optimizer).toMatchObject(expected);
  });

  it("knows its losses and schedules", () => {
    const names = (["cross-entropy", "quadratic", "mse"] as const).map(
      (loss) => buildTraining({ ...options, loss }, 3).loss.name,
    );
    expect(names).toEqual(["crossEntropy", "quadratic", "meanSquaredError"]);
    expect(buildTraining({ ...options, schedule: "one-cycle" }, 3).schedule.name).toBe("oneCycle");
  });
});

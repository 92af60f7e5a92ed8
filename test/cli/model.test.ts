/** From options to models. */
import { describe, expect, it } from "vitest";
import { cpu, createTrainer } from "wgrad";
import { buildModel, describeModel, type ModelOptions } from "../../cli/model.ts";
import { ACTIVATIONS } from "../../presets/choices.ts";

const options: ModelOptions = {
  model: "mlp",
  hidden: [6, 5],
  activation: "tanh",
  dropout: 0,
  batchNorm: false,
  loss: "cross-entropy",
};
const layers = (changes: Partial<ModelOptions> = {}) =>
  buildModel({ ...options, ...changes }, 3).layers.map(({ name }) => name);
const parameters = (changes: Partial<ModelOptions>, inputShape: readonly number[], classes: number) =>
  createTrainer(cpu(), buildModel({ ...options, ...changes }, classes), { inputShape }).parameterCount;

describe("the model", () => {
  it("has an activation behind each hidden layer", () => {
    expect(layers()).toEqual(["dense", "tanh", "dense", "tanh", "dense"]);
    expect(layers({ model: "linear", hidden: [] })).toEqual(["dense"]);
    expect(layers({ loss: "mse" })).toEqual(["dense", "tanh", "dense", "tanh", "dense"]);
  });

  it("has one behind the last layer, too, with the quadratic cost", () => {
    expect(layers({ loss: "quadratic" })).toEqual(["dense", "tanh", "dense", "tanh", "dense", "tanh"]);
    expect(layers({ loss: "quadratic", hidden: [] })).toEqual(["dense", "tanh"]);
  });

  it("of the textbook has sigmoid outputs, unless the loss takes logits", () => {
    const textbook = { model: "textbook", hidden: [30], activation: "sigmoid" } as const;
    const activated = ["quadratic", "mse", "l1", "huber"] as const;
    const logits = ["cross-entropy", "sigmoid-cross-entropy", "bce"] as const;
    for (const loss of activated) {
      expect(layers({ ...textbook, loss })).toEqual(["dense", "sigmoid", "dense", "sigmoid"]);
    }
    for (const loss of logits) expect(layers({ ...textbook, loss })).toEqual(["dense", "sigmoid", "dense"]);
  });

  it("convnet has two convolutions before its dense layers", () => {
    const stage = ["conv2d", "maxPool2d", "tanh"];
    expect(layers({ model: "convnet" })).toEqual([...stage, ...stage, ...layers()]);
    // 28×28 → 24×24 → 12×12 → 10×10 → 5×5, valid convolutions and pooling by 2.
    const images = { model: "convnet", hidden: [256] } as const;
    const filters = 24 * 25 + 24 + 32 * 24 * 9 + 32;
    const dense = 256 * 32 * 5 * 5 + 256 + 10 * 256 + 10;
    expect(parameters(images, [1, 28, 28], 10)).toBe(filters + dense);
  });

  it("normalises batches before activations, and drops out behind those of dense layers", () => {
    const hidden = ["dense", "batchNorm", "tanh", "dropout"];
    const stage = ["conv2d", "batchNorm", "maxPool2d", "tanh"];
    const regularised = { batchNorm: true, dropout: 0.5 };
    expect(layers(regularised)).toEqual([...hidden, ...hidden, "dense"]);
    expect(layers({ ...regularised, model: "convnet" })).toEqual([
      ...stage,
      ...stage,
      ...hidden,
      ...hidden,
      "dense",
    ]);
  });

  it.each(Object.keys(ACTIVATIONS) as (keyof typeof ACTIVATIONS)[])("knows %s", (activation) => {
    expect(layers({ activation })).toContain(activation);
  });

  it("has the sizes it says", () => {
    expect(parameters({}, [4], 3)).toBe(4 * 6 + 6 + 6 * 5 + 5 + 5 * 3 + 3);
    expect(describeModel(4, options, 3)).toBe("4-6-5-3, tanh");
    expect(describeModel(4, { ...options, hidden: [] }, 3)).toBe("4-3");
    expect(describeModel(4, { ...options, hidden: [], loss: "quadratic" }, 3)).toBe("4-3, tanh");
    const convnet = { ...options, model: "convnet", hidden: [9], batchNorm: true, dropout: 0.25 } as const;
    expect(describeModel(784, convnet, 10)).toBe("784-24@5×5-32@3×3-9-10, tanh, batch norm, dropout 0.25");
  });
});

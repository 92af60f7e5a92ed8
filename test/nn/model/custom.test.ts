/** Losses, schedules and initializers of one's own, and parts of a model that were not called. */
import { describe, expect, it } from "vitest";
import { summary } from "../../../src/inspect/summary.ts";
import { mean } from "../../../src/nn/graph/ops/reduce.ts";
import { abs, sub } from "../../../src/nn/graph/ops/scalar.ts";
import { tensor } from "../../../src/nn/graph/ops/source.ts";
import { init } from "../../../src/nn/model/initializers.ts";
import { elu, relu, softmax } from "../../../src/nn/model/layers/activations.ts";
import { dense } from "../../../src/nn/model/layers/dense.ts";
import { flatten } from "../../../src/nn/model/layers/reshape.ts";
import { asLayer, sequential } from "../../../src/nn/model/model.ts";
import { asLoss, crossEntropy, meanSquaredError } from "../../../src/nn/training/losses.ts";
import { checkOptimizer, groupOf } from "../../../src/nn/training/optimizer.ts";
import { adam, sgd } from "../../../src/nn/training/optimizers.ts";
import {
  asSchedule,
  constantRate,
  cosineDecay,
  type Moment,
  warmUp,
} from "../../../src/nn/training/schedules.ts";

const MOMENT: Moment = { step: 3, total: 10, stepsPerEpoch: 5, history: [] };
/** What plain JavaScript passes. */
const any = (value: unknown) => value as never;

describe("a loss", () => {
  it("may be a function, or an object, or one of the library's that was not called", () => {
    const distance = asLoss("fit", (outputs, targets) => mean(abs(sub(outputs, targets))));
    expect(distance.apply(tensor([1, 2]), tensor([2, 4])).shape).toEqual([]);
    expect(asLoss("fit", meanSquaredError).name).toBe("meanSquaredError");
    expect(asLoss("fit", crossEntropy).apply(tensor([1, 2], [1, 2]), tensor([1])).shape).toEqual([]);
    expect(asLoss("fit", meanSquaredError()).name).toBe("meanSquaredError");
  });

  it.each([
    ["mse", 'fit: loss is "mse"; give one such as meanSquaredError(), or a function'],
    ["bce", 'fit: loss is "bce"; give one such as binaryCrossEntropy(), or a function'],
    ["categorical", 'fit: loss is "categorical"; give one such as crossEntropy(), or a function'],
    [{ reduction: "mean" }, "fit: loss is an object with reduction; give one such as"],
    [null, "fit: loss is null; give one such as"],
  ])("is refused as %o", (loss, message) => {
    expect(() => asLoss("fit", any(loss))).toThrow(TypeError);
    expect(() => asLoss("fit", any(loss))).toThrow(message);
  });

  it("gives one number", () => {
    const rows = asLoss("fit", function rows(outputs, targets) {
      return abs(sub(outputs, targets));
    });
    expect(() => rows.apply(tensor([1, 2]), tensor([2, 4]))).toThrow(
      "fit: the loss rows gave a tensor [2]; return the mean loss of the batch, a tensor of shape []: mean(…)",
    );
    const zero = asLoss(
      "fit",
      any(() => 0),
    );
    expect(() => zero.apply(tensor([1]), tensor([2]))).toThrow("gave 0; return the mean loss");
  });

  it("without options refuses them", () => {
    expect(() => meanSquaredError(any({ reduction: "sum" }))).toThrow(
      'meanSquaredError: there is no option "reduction"; it takes none',
    );
  });
});

describe("a schedule", () => {
  it("may be a function of the step, and of the moment", () => {
    const halved = asSchedule("fit", (step, { total }) => 0.5 ** (step / total));
    expect(halved.factor(MOMENT)).toBe(0.5 ** 0.3);
    expect(warmUp({ steps: 8, schedule: (step) => step }).factor(MOMENT)).toBe((4 / 8) * 3);
  });

  it.each([
    ["cosine", 'fit: schedule is "cosine"; give one such as cosineDecay(), or a function (step) => factor'],
    [0.5, "fit: schedule is 0.5; give one such as"],
    [null, "fit: schedule is null; give one such as"],
    [cosineDecay, "cosineDecay: the options are 3; give an object, with floor"],
    [constantRate, "constantRate: the function takes no argument, but got 3; write constantRate()"],
    [() => Number.NaN, "gave NaN at step 3; return a factor, a finite number from 0"],
    [() => -1, "gave -1 at step 3; return a factor"],
    [() => Number.POSITIVE_INFINITY, "gave Infinity at step 3; return a factor"],
    [() => "0.5", 'gave "0.5" at step 3; return a factor'],
    [() => constantRate(), "gave an object with name, factor at step 3; return a factor"],
  ])("is refused as %o", (schedule, message) => {
    expect(() => asSchedule("fit", any(schedule), MOMENT)).toThrow(message);
  });
});

describe("an optimizer", () => {
  it("takes its rate under either name, and not under both", () => {
    expect(adam({ learningRate: 0.5 }).learningRate).toBe(0.5);
    expect(adam({ lr: 0.5 }).learningRate).toBe(0.5);
    expect(() => sgd({ lr: 0.5, learningRate: 0.5 })).toThrow(
      "sgd: learningRate and lr are both given, and are the same; give one",
    );
    const grouped = sgd({ groups: [{ match: "0", learningRate: 0.25 }] });
    expect(groupOf(grouped, "0.weight")?.lr).toBe(0.25);
    expect(() => sgd({ groups: [{ match: "0", learningRate: 1, lr: 1 }] })).toThrow(
      "sgd: group 0: learningRate",
    );
  });

  it.each([
    [
      { groups: [{ match: "0", frosen: true }] },
      'sgd: groups[0]: there is no option "frosen"; did you mean frozen?',
    ],
    [{ groups: [{ match: 0 }] }, "sgd: groups[0]: match is 0; give a parameter's name"],
    [{ groups: {} }, "sgd: groups is {}; give an array"],
    [{ momentum: "0.9" }, 'sgd: momentum is "0.9"; give a number'],
  ])("refuses %o", (options, message) => {
    expect(() => sgd(any(options))).toThrow(message);
  });

  it.each([
    ["adam", 'fit: optimizer is "adam"; give one, such as adam({ learningRate: 0.001 })'],
    [adam, "fit: optimizer is the function adam; call it first: adam()"],
    [null, "fit: optimizer is null; give one"],
  ])("is refused as %o", (optimizer, message) => {
    expect(() => checkOptimizer("fit", optimizer)).toThrow(new RegExp(message.replace(/[()]/g, "\\$&")));
  });
});

describe("layers", () => {
  it("may be activations that were not called: the initializer before follows them", () => {
    const { layers } = sequential(dense(2), relu, elu, softmax);
    expect(layers.slice(1).map(({ name, role }) => [name, role])).toEqual([
      ["relu", "activation"],
      ["elu", "activation"],
      ["softmax", "activation"],
    ]);
  });

  it.each([
    ["relu", 'sequential: layer 0 is "relu"; give a layer such as dense(10)'],
    [[relu()], "sequential: layer 0 is an array of 1; give layers one by one: sequential(...layers)"],
    [null, "sequential: layer 0 is null; give a layer"],
    [class Mine {}, "sequential: layer 0 is the class Mine; give an instance: new Mine(…)"],
    [Promise.resolve(), "sequential: layer 0 is a Promise (put await in front of it); give a layer"],
  ])("are refused as %o", (layer, message) => {
    expect(() => sequential(any(layer))).toThrow(message);
  });

  it.each([
    [flatten, "flatten: the function takes no argument, but got source [1, 3]; write flatten()"],
    [dense, "dense: units is source [1, 3]; give a whole number from 1"],
  ])("that were not called say so", (layer, message) => {
    expect(() => summary(sequential(any(layer)), { inputShape: [3] })).toThrow(message);
  });

  it("take a model as a function by its name", () => {
    expect(
      asLayer(function mine(x) {
        return x;
      }).name,
    ).toBe("mine");
  });
});

describe("an initializer", () => {
  it("takes nothing where it has no options", () => {
    expect(() => (init.heNormal as (options: unknown) => unknown)({ gain: 2 })).toThrow(
      "heNormal: the function takes no argument, but got an object with gain; write heNormal()",
    );
    expect(() => init.uniform(any("0"), 1)).toThrow('uniform: the lower bound is "0"; give a finite number');
  });
});

/** What `fit`, `evaluate`, `predict`, `createTrainer` and `compile` are given. */
import { describe, expect, it } from "vitest";
import { dataset } from "../../src/data/dataset.ts";
import {
  connect,
  cpu,
  createTrainer,
  dense,
  evaluate,
  fit,
  mean,
  predict,
  relu,
  sequential,
  square,
  sub,
} from "../../src/index.ts";
import { topK } from "../../src/metrics/index.ts";

const engine = cpu();
const model = sequential(dense(4), relu(), dense(2));
const data = dataset({
  inputs: { data: Float32Array.from({ length: 3 * 128 }, (_, i) => Math.sin(i)), shape: [3] },
  targets: { data: Uint8Array.from({ length: 128 }, (_, i) => i % 2) },
  classes: 2,
});
const numbers = dataset({
  inputs: { data: Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)), shape: [3] },
  targets: { data: Float32Array.of(1, 2, 3, 4), shape: [1] },
});
const trainer = () => createTrainer(engine, model, { inputShape: [3] });
/** What plain JavaScript passes. */
const any = (value: unknown) => value as never;

describe("functions of one's own", () => {
  it("are a loss, a schedule and a callback", async () => {
    const seen: number[] = [];
    const run = fit(engine, sequential(dense(1)), numbers, {
      batchSize: 2,
      epochs: 3,
      loss: (outputs, targets) => mean(square(sub(outputs, targets))),
      schedule: (step) => 0.5 ** step,
      callbacks: [
        ({ epoch }) => {
          seen.push(epoch);
          return epoch === 2 ? "stop" : undefined;
        },
      ],
    });
    for await (const { loss } of run) expect(loss).toBeGreaterThan(0);
    expect(seen).toEqual([1, 2]);
    expect(run.stoppedBy).toBe("function");
    const { loss } = await evaluate(run.trainer, numbers, {
      loss: (outputs, targets) => mean(square(sub(outputs, targets))),
    });
    const { data: outputs } = await predict(run.trainer, numbers);
    const squares = outputs.map((output, i) => (output - (i + 1)) ** 2);
    expect(loss).toBeCloseTo(squares.reduce((a, b) => a + b) / 4, 4);
  });
});

describe("fit refuses", () => {
  it.each([
    [
      () => fit(any(connect), model, data),
      "fit: the engine is the function connect; give one such as await connect()",
    ],
    [
      () => fit(any(Promise.resolve(engine)), model, data),
      "fit: the engine is a Promise; put await in front of it",
    ],
    [() => fit(any(model), any(data), any(undefined)), "fit: the engine is a model; the engine comes first"],
    [() => fit(any(undefined), model, data), "fit: the engine is undefined; give one such as"],
    [() => fit(engine, any("mlp"), data), 'fit: the model is "mlp"; give a layer such as dense(10)'],
    [() => fit(engine, any([dense(2)]), data), "fit: the model is an array of 1; give layers one by one"],
    [
      () => fit(engine, model, any([[1, 2, 3]])),
      "fit: the data is an array of 1, not a data set; make one: dataset(",
    ],
    [() => fit(engine, model, any(undefined)), "fit: the data is undefined, not a data set; make one"],
    [
      () => fit(engine, model, any({ train: data, test: data })),
      "fit: the data is an object with train, test, not a data set; give one part of it: data.train",
    ],
    [() => fit(engine, model, data, any(5)), "fit: the options are 5; give an object, with loss, optimizer"],
    [() => fit(engine, model, data, any(null)), "fit: the options are null; give an object"],
    [
      () => fit(engine, model, data, any({ epoch: 2 })),
      'fit: there is no option "epoch"; did you mean epochs?',
    ],
    [
      () => fit(engine, model, data, any({ learningRate: 2 })),
      'fit: there is no option "learningRate"; give it to the optimizer: adam({ learningRate: 0.001 })',
    ],
    [
      () => fit(engine, model, data, any({ loss: "mse" })),
      'fit: loss is "mse"; give one such as meanSquaredError()',
    ],
    [
      () => fit(engine, model, data, any({ optimizer: "adam" })),
      'fit: optimizer is "adam"; give one, such as adam(',
    ],
    [
      () => fit(engine, model, data, any({ schedule: 0.1 })),
      "fit: schedule is 0.1; give one such as cosineDecay()",
    ],
    [
      () => fit(engine, model, data, { batchSize: 2, schedule: () => Number.NaN }),
      "fit: the schedule schedule gave NaN at step 0; return a factor",
    ],
    [() => fit(engine, model, data, any({ batchSize: "2" })), 'fit: batchSize is "2"; give a number'],
    [
      () => fit(engine, model, data, { batchSize: Number.NaN }),
      "fit: batchSize is NaN; give a whole number from 1",
    ],
    [
      () => fit(engine, model, data, { epochs: Number.POSITIVE_INFINITY }),
      "fit: epochs is Infinity; give a whole",
    ],
    [() => fit(engine, model, data, { seed: -1 }), "fit: seed is -1; give a whole number from 0"],
    [() => fit(engine, model, data, any({ shuffle: 1 })), "fit: shuffle is 1; give true or false"],
    [
      () => fit(engine, model, data, any({ clip: 1 })),
      "fit: clip: the options are 1; give an object, with norm, value",
    ],
    [
      () => fit(engine, model, data, any({ metrics: ["accuracy"] })),
      'fit: metrics[0] is "accuracy"; leave the name out',
    ],
    [
      () => fit(engine, model, data, any({ metrics: [topK] })),
      "fit: metrics[0] is the function topK; call it first",
    ],
    [
      () => fit(engine, model, data, any({ metrics: [() => 1] })),
      "fit: metrics[0] is a function; give a metric of wgrad/metrics, such as topK(5), or an object with name",
    ],
    [() => fit(engine, model, data, any({ metrics: topK(1) })), "fit: metrics is an object with name"],
    [
      () => fit(engine, model, data, any({ validation: 0.2 })),
      "fit: validation is 0.2, not a data set; make one",
    ],
    [
      () => fit(engine, model, data, any({ augment: "flip" })),
      'fit: augment is "flip"; give the result of augment(…)',
    ],
    [() => fit(engine, model, data, any({ callbacks: [{}] })), "fit: callbacks[0] is {}; give one such as"],
    [
      () => fit(engine, model, data, any({ callbacks: [class Mine {}] })),
      "fit: callbacks[0] is the function Mine",
    ],
    [() => fit(engine, model, data, any({ onProgress: true })), "fit: onProgress is true; give a function"],
  ])("%s", (call, message) => {
    expect(call).toThrow(message);
  });
});

describe("others refuse", () => {
  it.each([
    [() => evaluate(any(model), data), "evaluate: the trainer is a model; give the trainer of a run"],
    [
      () => evaluate(any({ trainer: {} }), data),
      "evaluate: the trainer is an object with trainer; give its trainer: run.trainer",
    ],
    [() => evaluate(trainer(), any([1, 2])), "evaluate: the data is an array of 2, not a data set"],
    [
      () => evaluate(trainer(), data, any({ batch_size: 2 })),
      'there is no option "batch_size"; did you mean batchSize?',
    ],
    [() => evaluate(trainer(), data, any({ loss: "mse" })), 'evaluate: loss is "mse"; give one such as'],
    [
      () => evaluate(trainer(), data, any({ metrics: ["accuracy"] })),
      'evaluate: metrics[0] is "accuracy"; leave the name',
    ],
    [() => predict(any(model), [1, 2, 3]), "predict: the trainer is a model; give the trainer of a run"],
    [
      () => predict(trainer(), any("image.png")),
      'predict: the inputs are "image.png"; give numbers, rows of numbers',
    ],
    [() => predict(trainer(), any(undefined)), "predict: the inputs are undefined; give numbers"],
    [() => predict(trainer(), any(["1", "2", "3"])), 'predict: number 0 is or holds "1"; give numbers'],
    [
      () =>
        predict(trainer(), [
          [1, 2, 3],
          [1, 2],
        ]),
      "predict: row 1 has 2 numbers; expected 3, those of one sample",
    ],
    [() => predict(trainer(), [1, 2]), "predict: got 2 numbers; expected a multiple of 3"],
    [() => predict(trainer(), [1, 2, 3], any({ prob: 1 })), 'predict: there is no option "prob"'],
    [
      async () => createTrainer(any({}), model, { inputShape: [3] }),
      "createTrainer: the engine is {}; give one",
    ],
    [
      async () => createTrainer(engine, any(3), { inputShape: [3] }),
      "createTrainer: the model is 3; give a layer",
    ],
    [
      async () => createTrainer(engine, model, any([3])),
      "createTrainer: the options are an array of 1; give an object",
    ],
    [
      async () => createTrainer(engine, model, any({ inputShape: 3 })),
      "createTrainer: inputShape is 3; give a sample's shape",
    ],
    [
      async () => createTrainer(engine, model, any({ inputShape: [3], lr: 3 })),
      'createTrainer: there is no option "lr"; give it',
    ],
    [() => trainer().compile(any({})), "compile: the step is {}; give a function"],
    [
      () =>
        trainer().compile(
          any(() => ({})),
          any({ input: {} }),
        ),
      'compile: there is no option "input"; did you mean inputs?',
    ],
  ])("%s", async (call, message) => {
    await expect(Promise.resolve().then((): Promise<unknown> => call())).rejects.toThrow(message);
  });
});

describe("predict", () => {
  it("takes numbers, rows, rows of rows and typed arrays of any kind", async () => {
    const images = createTrainer(engine, sequential(dense(2)), { inputShape: [1, 2, 2] });
    const expected = await predict(images, Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    for (const inputs of [
      [1, 2, 3, 4, 5, 6, 7, 8],
      Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
      [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
      [Float32Array.of(1, 2, 3, 4), Uint8Array.of(5, 6, 7, 8)],
      [
        [
          [
            [1, 2],
            [3, 4],
          ],
        ],
        [
          [
            [5, 6],
            [7, 8],
          ],
        ],
      ],
    ]) {
      expect(await predict(images, inputs)).toEqual(expected);
    }
  });
});

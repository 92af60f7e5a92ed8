/** How samples come in, and what is done with a trained model: augmentation, streams, checkpoints, evaluation, prediction. */
import { images, numbers, quantities, rows, wholes } from "../samples.mjs";
import { flattened, trained, training, weightsOf } from "./helpers.mjs";

/** @typedef {import("../record.mjs").Build} Build */
/** @typedef {import("../record.mjs").Context} Context */

const perceptron = (/** @type {Build} */ { wgrad: { dense, relu, sequential } }) =>
  sequential(dense(4), relu(), dense(3));
const ofImages = (/** @type {Build} */ { wgrad: { dense, flatten, sequential } }) =>
  sequential(flatten(), dense(3));

function augmented(
  /** @type {string} */ name,
  /** @type {(augment: any) => any[]} */ augmentationsOf,
  bytes = true,
) {
  return training(
    name,
    ofImages,
    (build) => images(build, { bytes }),
    ({ augment }) => ({ augment: augment.augment(...augmentationsOf(augment)) }),
  );
}

/** A data set's samples in chunks of three, in the order that the pass asks for. */
function streamed(/** @type {Build} */ build) {
  const { inputs, targets, count, classes } = rows(build);
  const features = inputs.shape[0];
  return build.data.stream({
    count,
    inputs: { type: "f32", shape: [features] },
    targets: { type: "i32" },
    classes,
    *open() {
      for (let start = 0; start < count; start += 3) {
        const end = Math.min(count, start + 3);
        yield {
          inputs: inputs.data.slice(start * features, end * features),
          targets: targets.data.slice(start, end),
        };
      }
    },
  });
}

export const data = [
  augmented("augmentation: affine maps", ({ rotate, scale, shear, translate }) => [
    rotate(15),
    scale(0.9, 1.1),
    shear(10),
    translate(2),
  ]),
  augmented("augmentation: crop and flip", ({ crop, flip }) => [crop(1), flip()], false),
  augmented("augmentation: elastic", ({ elastic }) => [elastic({ alpha: 5, sigma: 1 })]),
  augmented("augmentation: values", ({ brightness, contrast, cutout, noise }) => [
    brightness(0.2),
    contrast(0.8, 1.2),
    noise(0.1),
    cutout(2),
  ]),
  augmented("augmentation: mixup", ({ mixup }) => [mixup(0.4)]),
  {
    name: "preview of augmentation",
    async run(/** @type {Context} */ { build, engine, seed }) {
      const { augment, preview, rotate, noise } = build.augment;
      const seen = await preview(engine, images(build, { bytes: true }), augment(rotate(30), noise(0.1)), {
        samples: [2, 0],
        epochs: [1, 3],
        seed,
      });
      return flattened(seen, "preview");
    },
  },
  training("bytes as inputs of a product", perceptron, (build) => {
    const inputs = { data: Uint8Array.from(wholes(8 * 8, 256, 8)), shape: [8], scale: 1 / 255 };
    return build.data.dataset({ inputs, targets: { data: Uint8Array.from(wholes(8, 3, 2)) }, classes: 3 });
  }),
  training("a smaller last batch", perceptron, (build) => rows(build, { count: 7, features: 3 })),
  training(
    "in order, last batch dropped",
    perceptron,
    (build) => rows(build, { count: 7 }),
    () => ({
      shuffle: false,
      dropLast: true,
    }),
  ),
  training(
    "batches of one",
    perceptron,
    (build) => rows(build, { count: 3, features: 1 }),
    () => ({ batchSize: 1 }),
  ),
  training(
    "sizes of tiles",
    ({ wgrad: { dense, relu, sequential } }) => sequential(dense(65), relu(), dense(64), relu(), dense(17)),
    (build) => rows(build, { count: 66, features: 68, classes: 17 }),
    () => ({ batchSize: 33 }),
  ),
  training("streamed", perceptron, streamed),
  training(
    "streamed for want of memory",
    perceptron,
    (build) => rows(build, { count: 60 }),
    () => ({ dataMemory: 900 }),
  ),
  training("validation", perceptron, rows, (build) => ({
    validation: rows(build, { count: 5 }),
    metrics: [build.metrics.topK(2)],
  })),
  {
    name: "a checkpoint, resumed",
    async run(/** @type {Context} */ context) {
      const { build, engine, seed } = context;
      const model = () => {
        const { dense, dropout, relu, sequential } = build.wgrad;
        return sequential(dense(6), relu(), dropout(0.2), dense(3));
      };
      const options = {
        batchSize: 4,
        seed,
        optimizer: build.wgrad.rmsprop({ learningRate: 0.01, momentum: 0.5 }),
      };
      const first = build.wgrad.fit(engine, model(), rows(build), { ...options, epochs: 2 });
      await first;
      const resume = await first.checkpoint();
      first.release();
      return trained(context, model(), rows(build), { ...options, resume, epochs: 4 });
    },
  },
  {
    name: "weights, loaded",
    async run(/** @type {Context} */ { build, engine, seed }) {
      const run = build.wgrad.fit(engine, perceptron(build), rows(build), { batchSize: 4, epochs: 2, seed });
      await run.trainer.load({
        "0.weight": { shape: [4, 5], data: numbers(20, 9) },
        "0.bias": { shape: [4], data: numbers(4, 10) },
        "2.weight": { shape: [3, 4], data: numbers(12, 11) },
        "2.bias": { shape: [3], data: numbers(3, 12) },
      });
      const epochs = /** @type {any[]} */ (await run);
      const weights = await weightsOf(run.trainer);
      run.release();
      return { loss: epochs.map(({ loss }) => loss), ...weights };
    },
  },
  {
    name: "evaluate classes with metrics",
    async run(/** @type {Context} */ { build, engine, seed }) {
      const { precisionRecall, topK } = build.metrics;
      const trainer = build.wgrad.createTrainer(engine, perceptron(build), { inputShape: [5], seed });
      const metrics = [topK(2), precisionRecall({ average: "weighted" })];
      return flattened(
        await build.wgrad.evaluate(trainer, rows(build, { count: 10 }), { batchSize: 4, metrics }),
      );
    },
  },
  {
    name: "evaluate two classes with rocAuc",
    async run(/** @type {Context} */ { build, engine, seed }) {
      const { dense, evaluate, binaryCrossEntropy, createTrainer } = build.wgrad;
      const trainer = createTrainer(engine, dense(1), { inputShape: [5], seed });
      const options = {
        loss: binaryCrossEntropy(),
        metrics: [build.metrics.rocAuc({ probabilities: "sigmoid", bins: 64 })],
      };
      return flattened(await evaluate(trainer, rows(build, { count: 12, classes: 2 }), options));
    },
  },
  {
    name: "evaluate quantities with metrics",
    async run(/** @type {Context} */ { build, engine, seed }) {
      const { dense, evaluate, meanSquaredError, createTrainer } = build.wgrad;
      const trainer = createTrainer(engine, dense(2), { inputShape: [5], seed });
      const options = {
        loss: meanSquaredError(),
        metrics: [build.metrics.meanAbsolute(), build.metrics.rSquared()],
      };
      return flattened(await evaluate(trainer, quantities(build), options));
    },
  },
  {
    name: "predict",
    async run(/** @type {Context} */ { build, engine, seed }) {
      const trainer = build.wgrad.createTrainer(engine, perceptron(build), { inputShape: [5], seed });
      const inputs = numbers(7 * 5, 13);
      const plain = await build.wgrad.predict(trainer, inputs, { batchSize: 4 });
      const softmax = await build.wgrad.predict(trainer, inputs, {
        probabilities: "softmax",
        threshold: 0.4,
      });
      const sigmoid = await build.wgrad.predict(trainer, inputs, { probabilities: "sigmoid" });
      return { plain: plain.data, softmax: softmax.data, classes: softmax.classes, sigmoid: sigmoid.data };
    },
  },
];

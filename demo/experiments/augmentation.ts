/** Augmentation: the worth of new images made of old ones, with few images to learn from and with many. */
import { adam, dense, evaluate, type FitOptions, oneCycle, relu, sequential } from "wgrad";
import { type Augment, augment, elastic, preview, rotate, translate } from "wgrad/augment";
import { type Dataset, take } from "wgrad/data";
import type { BarsSpec, PicturesSpec } from "../../charts/spec.ts";
import { table } from "../../src/text.ts";
import type { Context, Experiment, Outcome } from "./frame/experiment.ts";
import { greyPicture } from "./frame/pictures.ts";
import { last, percent, train } from "./frame/training.ts";

const WAYS: readonly { readonly name: string; readonly changes?: Augment }[] = [
  { name: "as they are" },
  { name: "shifted", changes: augment(translate(2)) },
  { name: "rotated", changes: augment(rotate(12)) },
  { name: "elastic", changes: augment(elastic({ alpha: 34, sigma: 5 })) },
  { name: "all three", changes: augment(rotate(12), translate(2), elastic({ alpha: 34, sigma: 5 })) },
];

/** So many images, so many times: each way of training takes the same steps. */
interface Size {
  readonly count: number;
  readonly epochs: number;
}

const BATCH = 128;
const SIZES: readonly Size[] = [
  { count: 1000, epochs: 200 },
  { count: 60_000, epochs: 20 },
];
const QUICK_SIZES: readonly Size[] = [{ count: 1000, epochs: 60 }];

interface Found extends Size {
  readonly way: string;
  /** In percent: on the test set, and on the images as training saw them last. */
  readonly accuracy: number;
  readonly training: number;
}

export const augmentation: Experiment = {
  name: "augmentation",
  title: "Augmentation",
  question: "How much do shifted, rotated and elastically distorted images help, with 1,000 and with 60,000?",
  async run(context) {
    const sizes = context.quick ? QUICK_SIZES : SIZES;
    const images = await context.mnist({ train: last(sizes).count, test: context.quick ? 2000 : 10_000 });
    const found: Found[] = [];
    for (const size of sizes) {
      const some = take(images.train, size.count);
      for (const { name, changes } of WAYS) {
        const options: FitOptions = {
          optimizer: adam({ learningRate: 0.003 }),
          schedule: oneCycle(),
          batchSize: BATCH,
          epochs: size.epochs,
          seed: context.seed,
          augment: changes,
        };
        let accuracy = Number.NaN;
        const model = sequential(dense(256), relu(), dense(10));
        const { epochs } = await train(context.engine, model, some, options, async (trainer) => {
          accuracy = inPercent(await evaluate(trainer, images.test));
        });
        found.push({ ...size, way: name, accuracy, training: inPercent(last(epochs)) });
        context.note(`${size.count} images, ${name}: ${percent(last(found).accuracy)}`);
      }
    }
    return outcome(found, sizes, await sheet(context, images.train));
  },
};

function inPercent({ accuracy = Number.NaN }: { readonly accuracy?: number }): number {
  return 100 * accuracy;
}

function outcome(found: readonly Found[], sizes: readonly Size[], pictures: PicturesSpec): Outcome {
  const of = (count: number, way: string) => found.find((one) => one.count === count && one.way === way);
  return {
    figures: Object.fromEntries(
      found.map(({ count, way, accuracy }) => [`accuracy, ${count} images, ${way}`, accuracy]),
    ),
    lines: [
      `784-256-10, ReLU, Adam, one cycle up to 0.003, batches of ${BATCH}`,
      ...table([
        ["images", "epochs", "changed", "training accuracy", "test accuracy", "errors less"],
        ...found.map(({ count, epochs, way, accuracy, training }) => [
          count.toLocaleString("en-US"),
          String(epochs),
          way,
          percent(training),
          percent(accuracy),
          fewer(accuracy, of(count, WAYS[0].name)?.accuracy),
        ]),
      ]),
    ],
    charts: [chart(found, sizes), pictures],
  };
}

/** "31 %": by which part the errors are fewer than without. */
function fewer(accuracy: number, without = Number.NaN): string {
  return accuracy === without ? "" : `${(100 * (1 - (100 - accuracy) / (100 - without))).toFixed(0)} %`;
}

function chart(found: readonly Found[], sizes: readonly Size[]): BarsSpec {
  return {
    kind: "bars",
    title: "Test error with and without augmentation",
    categories: WAYS.map(({ name }) => name),
    value: { name: "test error", unit: "%" },
    series: sizes.map(({ count }) => ({
      name: `${count.toLocaleString("en-US")} images`,
      values: WAYS.map(({ name }) => {
        const one = found.find(({ count: other, way }) => other === count && way === name);
        return one && 100 - one.accuracy;
      }),
    })),
  };
}

/** Some images, as the first epochs of each way see them. */
async function sheet({ engine, seed }: Context, data: Dataset): Promise<PicturesSpec> {
  const [, height, width] = data.inputs.shape;
  const picture = (values: Float32Array) => greyPicture(values, height, width);
  const samples = [0, 1, 2];
  const rows = [];
  for (const { name, changes } of WAYS) {
    if (!changes) continue;
    const previews = await preview(engine, data, changes, { samples, epochs: [1, 2], seed });
    rows.push({
      label: name,
      pictures: previews.flatMap(({ original, epochs }) => [original, ...epochs].map(picture)),
    });
  }
  return {
    kind: "pictures",
    name: "images",
    title: "Three images, each as it is and as two epochs see it",
    columns: samples.flatMap(() => ["as it is", "epoch 1", "epoch 2"]),
    rows,
  };
}

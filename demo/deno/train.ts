/**
 * Trains a digit classifier in Deno, on the WebGPU that is built into it. After `npm run build`:
 *
 *   npx deno run --allow-env=MNIST_DIR demo/deno/train.ts [--epochs 5] [--batch 128] [--lr 0.001] [--seed 1]
 *
 * trains on drawn digits, for which it needs no permission but to look whether MNIST_DIR is set. To train on MNIST, put
 * its four files into a folder, name it in MNIST_DIR or `--data`, and add `--allow-read=<folder>`.
 *
 * deno.json beside this file says where `wgrad` is; a project of your own says `npm:wgrad` there.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { adam, connect, crossEntropy, dense, fit, relu, sequential } from "wgrad";
import { type Dataset, digits, mnist, take } from "wgrad/data";

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    train: { type: "string" },
    test: { type: "string" },
    epochs: { type: "string", default: "5" },
    batch: { type: "string", default: "128" },
    lr: { type: "string", default: "0.001" },
    seed: { type: "string", default: "1" },
  },
});

const { train, test } = await load();
await using gpu = await connect();
console.log(`${gpu.info.adapter}: ${train.count} images of ${train.name}, ${test.count} of ${test.name}`);

const model = sequential(dense(256), relu(), dense(128), relu(), dense(10));
const run = fit(gpu, model, train, {
  loss: crossEntropy(),
  optimizer: adam({ lr: Number(values.lr) }),
  batchSize: Number(values.batch),
  epochs: Number(values.epochs),
  seed: Number(values.seed),
  validation: test,
});
for await (const { epoch, loss, validation, seconds } of run) {
  const accuracy = (100 * (validation?.accuracy ?? 0)).toFixed(2);
  console.log(
    `epoch ${epoch}: loss ${loss.toFixed(4)}, test accuracy ${accuracy} %, ${seconds.toFixed(1)} s`,
  );
}

/** MNIST from a folder where one is named, drawn digits otherwise; of either, as many images as asked for. */
async function load(): Promise<{ train: Dataset; test: Dataset }> {
  const dir = values.data ?? process.env.MNIST_DIR;
  if (!dir) return digits({ train: count(values.train, 20_000), test: count(values.test, 2_000) });
  const { train, test } = await mnist({ dir });
  return {
    train: take(train, count(values.train, train.count)),
    test: take(test, count(values.test, test.count)),
  };
}

function count(given: string | undefined, otherwise: number): number {
  return given === undefined ? otherwise : Number(given);
}

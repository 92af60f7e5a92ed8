/**
 * Trains a digit classifier in Deno, on the WebGPU that is built into it. After `npm run build`:
 *
 *   npx deno run demo/deno/train.ts
 *   npx deno run --allow-read demo/deno/train.ts --data folder-of-mnist
 *   npx deno run --allow-read --allow-env=MNIST_DIR demo/deno/train.ts
 *
 * The first needs no permission at all: it trains on drawn digits. The others read MNIST's four files, from the folder
 * that `--data` or MNIST_DIR names. deno.json beside this file says where `wgrad` is; a project of your own says
 * `npm:wgrad` there.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { adam, connect, crossEntropy, dense, fit, relu, sequential } from "wgrad";
import { type Dataset, digits, mnist, take } from "wgrad/data";

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    train: { type: "string", default: "20000" },
    test: { type: "string", default: "2000" },
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
  console.log(`epoch ${epoch}: loss ${loss.toFixed(4)}, test accuracy ${accuracy} %, ${seconds.toFixed(1)} s`);
}

/** MNIST from a folder where one is named, drawn digits otherwise; of either, as many images as asked for. */
async function load(): Promise<{ train: Dataset; test: Dataset }> {
  const sizes = { train: Number(values.train), test: Number(values.test) };
  const dir = values.data ?? mnistFolder();
  if (dir === undefined) return digits(sizes);
  const { train, test } = await mnist({ dir });
  return { train: take(train, sizes.train), test: take(test, sizes.test) };
}

/** MNIST_DIR, where the environment may be read: Deno would stop here to ask for it otherwise. */
function mnistFolder(): string | undefined {
}

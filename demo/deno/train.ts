/**
 * Trains MNIST in Deno, on the WebGPU that is built into it. One command, which builds the package first:
 *
 *   npm run demo:deno -- [--epochs 5] [--batch 128] [--lr 0.001] [--seed 1] [--train COUNT] [--test COUNT]
 *
 * Once it is built, `deno task --config demo/deno/deno.json train` does the same. MNIST is fetched once and kept in your
 * cache folder; MNIST_DIR or `--data` names a folder that holds its four files already. Without a network or the permission
 * to use it, digits are drawn instead.
 *
 * deno.json beside this file says where `wgrad` is; a project of your own says `npm:wgrad` there.
 */
import { parseArgs } from "node:util";
import { adam, connect, crossEntropy, dense, fit, relu, sequential } from "wgrad";
import { type Dataset, digits, MnistUnavailableError, mnist, take } from "wgrad/data";

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

const told = new Set<string>();
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

/** MNIST, or drawn digits where it is not to be had; of either, as many images as asked for. */
async function load(): Promise<{ train: Dataset; test: Dataset }> {
  try {
    const { train, test } = await mnist({ dir: values.data, onProgress: ({ source }) => tell(source) });
    return {
      train: take(train, count(values.train, train.count)),
      test: take(test, count(values.test, test.count)),
    };
  } catch (error) {
    if (!(error instanceof MnistUnavailableError)) throw error;
    console.log("MNIST could not be fetched: these are drawn digits instead, and results are not MNIST's.");
    return digits({ train: count(values.train, 20_000), test: count(values.test, 2_000) });
  }
}

/** Says once of each file where it comes from. */
function tell(source: string): void {
  if (told.has(source)) return;
  told.add(source);
  console.log(`reading ${source}`);
}

function count(given: string | undefined, otherwise: number): number {
  return given === undefined ? otherwise : Number(given);
}

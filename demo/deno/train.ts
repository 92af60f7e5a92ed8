/**
 * Trains MNIST in Deno, on the WebGPU that is built into it, or on the processor where there is no GPU. One command, which
 * builds the package first:
 *
 *   npm run demo:deno -- [--epochs 5] [--batch 128] [--learning-rate 0.001] [--seed 1] [--train COUNT] [--test COUNT]
 *     [--data FOLDER] [--save FILE]
 *
 * Once it is built, `deno task --config demo/deno/deno.json train` does the same. MNIST is fetched once and kept in your
 * cache folder; MNIST_DIR or `--data` names a folder that holds its four files already. Without a network or the permission
 * to use it, digits are drawn instead.
 *
 * deno.json beside this file says where `wgrad` is; a project of your own says `npm:wgrad` there.
 */
import { adam, checkWritable, connect, crossEntropy, dense, fit, relu, sequential } from "wgrad";
import { type Dataset, digits, MnistUnavailableError, mnist, take } from "wgrad/data";
import { Arguments, refuse } from "../arguments.ts";

const args = new Arguments(
  "npm run demo:deno -- [--epochs 5] [--batch 128] [--learning-rate 0.001] [--seed 1] [--train COUNT] [--test COUNT] [--data FOLDER] [--save FILE]",
  {
    epochs: "5",
    batch: "128",
    "learning-rate": "0.001",
    seed: "1",
    train: undefined,
    test: undefined,
    data: undefined,
    save: undefined,
  },
);
const batchSize = args.number("batch", 1);
const epochs = args.number("epochs", 1);
const learningRate = args.number("learning-rate");
const seed = args.number("seed", 0);
const counts = { train: args.numberIfAny("train", 1), test: args.numberIfAny("test", 1) };
const save = args.text("save");
// Deno asks for permissions when they are needed, or refuses: better now than when everything is trained.
if (save !== undefined) await checkWritable(save).catch((error: Error) => refuse(`--${error.message}`));

const told = new Set<string>();
const { train, test } = await load();
await using engine = await connect().catch(async (error: Error) => {
  console.log(`${error.message}\nTraining on the processor.`);
  const { wasm } = await import("wgrad/wasm");
  return wasm();
});
console.log(`${engine.info.adapter}: ${train.count} images of ${train.name}, ${test.count} of ${test.name}`);

const model = sequential(dense(256), relu(), dense(128), relu(), dense(10));
const run = fit(engine, model, train, {
  loss: crossEntropy(),
  optimizer: adam({ learningRate }),
  batchSize,
  epochs,
  seed,
  validation: test,
});
for await (const { epoch, loss, validation, seconds } of run) {
  const accuracy = (100 * (validation?.accuracy ?? 0)).toFixed(2);
  console.log(
    `epoch ${epoch}: loss ${loss.toFixed(4)}, test accuracy ${accuracy} %, ${seconds.toFixed(1)} s`,
  );
}
if (save !== undefined) {
  await run.save(save);
  console.log(`weights saved to ${save}`);
}

/** MNIST, or drawn digits where it is not to be had; of either, as many images as asked for. */
async function load(): Promise<{ train: Dataset; test: Dataset }> {
  try {
    const { train, test } = await mnist({ dir: args.text("data"), onProgress: ({ source }) => tell(source) });
    return {
      train: take(train, counts.train ?? train.count),
      test: take(test, counts.test ?? test.count),
    };
  } catch (error) {
    if (!(error instanceof MnistUnavailableError)) throw error;
    console.log("MNIST could not be fetched: these are drawn digits instead, and results are not MNIST's.");
    return digits({ train: counts.train ?? 20_000, test: counts.test ?? 2_000 });
  }
}

/** Says once of each file where it comes from. */
function tell(source: string): void {
  if (told.has(source)) return;
  told.add(source);
  console.log(`reading ${source}`);
}

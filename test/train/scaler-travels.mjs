/**
 * Run by scaler-travels.test.ts, each mode in a process of its own: `save` trains a model with its scaler and saves it, `load`
 * builds the same model without a scaler and loads it. Both print the bits of what it predicts from raw rows.
 */
import {
  connect,
  cpu,
  createTrainer,
  dense,
  fit,
  meanSquaredError,
  predict,
  scaling,
  sequential,
  tanh,
} from "wgrad";
import { dataset, standardScaler } from "wgrad/data";

const [mode, engineName, path] = process.argv.slice(2);

/** House prices of a kind: columns of very unlike sizes, one far from 0. */
function rawRows(/** @type {number} */ count) {
  const rows = Array.from({ length: count }, (_, i) => [
    40 + ((i * 37) % 161),
    1900 + ((i * 53) % 120),
    (i % 7) * 1e-3,
  ]);
  return { rows, prices: rows.map(([area, year, rate]) => 0.01 * area + 0.02 * (year - 1960) - 300 * rate) };
}

const { rows, prices } = rawRows(64);
const inputs = Float32Array.from(rows.flat());
const engine = engineName === "gpu" ? await connect() : cpu();

/** @param {import("wgrad").ScalingOptions} [scaler] */
const model = (scaler) => sequential(scaling(scaler), dense(8), tanh(), dense(1));

async function trained() {
  const targets = { data: Float32Array.from(prices), shape: [1] };
  const train = dataset({ inputs: { data: inputs, shape: [3] }, targets });
  const scaler = standardScaler().fit(train);
  const options = { loss: meanSquaredError(), batchSize: 16, epochs: 3, seed: 4 };
  const run = fit(engine, model(scaler), train, options);
  for await (const _ of run);
  await run.save(path);
  return run.trainer;
}

async function loaded() {
  const trainer = createTrainer(engine, model(), { inputShape: [3] });
  await trainer.load(path);
  return trainer;
}

const trainer = mode === "save" ? await trained() : await loaded();
const { data } = await predict(trainer, inputs.slice(0, 3 * 20));
console.log(`predictions ${Buffer.from(data.buffer).toString("hex")}`);
await engine.destroy();

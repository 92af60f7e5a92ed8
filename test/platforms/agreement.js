/**
 * The same first steps of training on two engines, with the built package. Runs in Deno and in a page: an import map
 * says where `wgrad` is.
 */
import {
  adam,
  cpu,
  createTrainer,
  dense,
  fit,
  meanSquaredError,
  ops,
  predict,
  relu,
  scaling,
  sequential,
} from "wgrad";
import { augment, mixup, noise, rotate } from "wgrad/augment";
import { csvHistory } from "wgrad/callbacks";
import { readCsv } from "wgrad/csv";
import { digits, standardScaler } from "wgrad/data";
import { linearRegression } from "wgrad/linear";
import { topK } from "wgrad/metrics";
import { gridSearch } from "wgrad/search";

/** @typedef {import("wgrad").Engine} Engine */

const BATCH_SIZE = 32;

/**
 * The losses of the first steps of 784-256-128-10, by Adam, on `engine` and on the CPU engine.
 * @param {Engine} engine
 * @param {number} steps
 */
export async function firstLosses(engine, steps) {
  const { train } = digits({ train: steps * BATCH_SIZE, test: 1 });
  const reference = cpu();
  try {
    return {
      losses: await lossesOn(engine, train, steps),
      reference: await lossesOn(reference, train, steps),
    };
  } finally {
    await reference.destroy();
  }
}

/**
 * @param {Engine} engine
 * @param {import("wgrad/data").Dataset} data
 * @param {number} steps
 * @returns {Promise<number[]>}
 */
async function lossesOn(engine, { inputs, targets }, steps) {
  const model = sequential(dense(256), relu(), dense(128), relu(), dense(10));
  const trainer = createTrainer(engine, model, {
    inputShape: [784],
    optimizer: adam({ learningRate: 1e-3 }),
    seed: 1,
  });
  const step = await trainer.compile(({ x, y }, predict) => ({ minimize: ops.crossEntropy(predict(x), y) }), {
    inputs: { x: [BATCH_SIZE, 784], y: { shape: [BATCH_SIZE], dtype: "i32" } },
  });
  const losses = [];
  for (let i = 0; i < steps; i++) {
    const pixels = inputs.data.subarray(i * BATCH_SIZE * 784, (i + 1) * BATCH_SIZE * 784);
    const labels = targets.data.subarray(i * BATCH_SIZE, (i + 1) * BATCH_SIZE);
    const x = Float32Array.from(pixels, (pixel) => pixel * inputs.scale);
    const { loss } = await step.run({ x, y: Int32Array.from(labels) });
    losses.push(loss[0]);
  }
  trainer.release();
  return losses;
}

/**
 * What the other entries do, on `engine` and on the CPU engine: pairs of numbers that must agree, by what they are.
 * @param {Engine} engine
 * @returns {Promise<Record<string, [number, number]>>}
 */
export async function craft(engine) {
  const reference = cpu();
  try {
    const [here, there] = [await figures(engine), await figures(reference)];
    return Object.fromEntries(Object.keys(there).map((name) => [name, [here[name], there[name]]]));
  } finally {
    await reference.destroy();
  }
}

/** @param {Engine} engine @returns {Promise<Record<string, number>>} */
async function figures(engine) {
  return { ...(await streamedRun(engine)), ...(await tableRun(engine)), ...(await searched(engine)) };
}

/** Streamed, augmented, broken off and gone on. @param {Engine} engine */
async function streamedRun(engine) {
  const { train, test } = digits({ train: 200, test: 50 });
  const model = () => sequential(dense(12), relu(), dense(10));
  const options = {
    epochs: 3,
    batchSize: 20,
    seed: 3,
    validation: test,
    metrics: [topK(3)],
    augment: augment(rotate(10), noise(0.1), mixup()),
    // Of 793 bytes a sample, a quarter.
    dataMemory: 40_000,
  };
  const history = csvHistory();
  const begun = fit(engine, model(), train, { ...options, callbacks: [history] });
  for await (const { epoch } of begun) if (epoch === 2) break;
  const rest = fit(engine, model(), train, { ...options, resume: await begun.checkpoint() });
  for await (const _ of rest);
  const last = rest.history[2];
  return {
    "a resumed run's epochs": rest.history.length,
    "its loss": last.loss,
    "its validation loss": last.validation?.loss ?? Number.NaN,
    "its top 3": Number(last.validation?.metrics?.top3),
    "lines of history": history.text.split("\n").length,
  };
}

/** A member of a gzip file. @param {string} text */
async function packed(text) {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A table out of a gzip file in two members, scaled in the model, and a line in closed form. @param {Engine} engine */
async function tableRun(engine) {
  const rows = Array.from(
    { length: 40 },
    (_, i) => `${i % 7},0;${1000 + ((i * 13) % 11)};${2 * (i % 7) - ((i * 13) % 11)}`,
  );
  const members = [await packed("sep=;\na;b;y\n"), await packed(`${rows.join("\n")}\n`)];
  const table = await readCsv(new Blob([...members, new Uint8Array(512)]), { decimal: "," });
  const refusal = await readCsv(new Blob([...members, "end"])).catch((error) => String(error.message));
  const data = table.dataset({ inputs: ["a", "b"], target: "y" });
  const scaler = standardScaler().fit(data);
  const run = fit(engine, sequential(scaling(scaler), dense(1)), data, {
    loss: meanSquaredError(),
    optimizer: adam({ learningRate: 0.1 }),
    batchSize: 40,
    epochs: 100,
  });
  for await (const _ of run);
  const predicted = await predict(run.trainer, data);
  return {
    "a prediction from raw rows": predicted.data[5],
    "a weight in closed form": linearRegression(data).weights[0],
    "letters of a refusal": /3 bytes follow the end of the gzip stream, from "65 6e 64"/.test(String(refusal))
      ? String(refusal).length
      : Number.NaN,
  };
}

/** @param {Engine} engine */
async function searched(engine) {
  const { train, test } = digits({ train: 100, test: 50 });
  const { best } = await gridSearch(engine, {
    data: train,
    validation: test,
    space: { width: [2, 12], batchSize: [20] },
    model: ({ width }) => sequential(dense(Number(width)), relu(), dense(10)),
    fit: { epochs: 3 },
    monitor: "loss",
    seed: 2,
  });
  return { "the best width": Number(best.choices.width), "its score": best.score };
}

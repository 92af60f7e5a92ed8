// Prints how long each thing that a page does around training holds the main thread at most, in milliseconds of its processor time,
// so that other programs' work does not count:
//
//   npm run stretches [-- --times 3 --only checkpoint]
//
// Each row is measured a few times, after a first time with little data; the table has the median. A page misses a frame from 16 ms
// on, and its browser speaks of a long task from 50 ms on.
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import {
  adam,
  connect,
  createTrainer,
  crossEntropy,
  dense,
  embedding,
  evaluate,
  fit,
  gelu,
  layerNorm,
  multiHeadAttention,
  predict,
  relu,
  residual,
  sequential,
} from "wgrad";
import { augment, preview, rotate } from "wgrad/augment";
import { readCsv } from "wgrad/csv";
import { dataset, epochOrder, gunzip, idxImages, parseIdx, readIdx, split, standardScaler } from "wgrad/data";
import { wasm } from "wgrad/wasm";
import { loadMnist } from "../src/data/mnist.ts";
import { stretchOf } from "../test/helpers/heartbeat.ts";

const { values: given } = parseArgs({
  options: { times: { type: "string", default: "3" }, only: { type: "string", default: "" } },
});
const times = Number(given.times);
if (!(Number.isInteger(times) && times > 0)) {
  console.error(`--times is a whole number from 1, got ${given.times}`);
  process.exit(2);
}

const [COUNT, TEN_TIMES] = [60_000, 600_000];
const PIXELS = 784;

/** Bytes that depend on their place, of which a third are zero, as in images. @param {number} length */
function bytesOf(length) {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i % 3 === 0 ? 0 : (Math.imul(i, 0x9e3779b1) >>> 21) & 0xff;
  return bytes;
}

/** @param {number} count */
function images(count) {
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
  return {
    name: "images",
    inputs: { data: bytesOf(count * PIXELS), shape: [PIXELS], scale: 1 / 255 },
    targets: { data: labels },
    classes: 10,
  };
}

/** An IDX file. @param {readonly number[]} shape @param {Uint8Array} elements */
function idxFile(shape, elements) {
  const file = new Uint8Array(4 + 4 * shape.length + elements.length);
  const view = new DataView(file.buffer);
  view.setUint32(0, 0x0800 + shape.length);
  for (const [axis, length] of shape.entries()) view.setUint32(4 + 4 * axis, length);
  file.set(elements, 4 + 4 * shape.length);
  return file;
}

/**
 * @typedef {{ name: string, sync?: boolean, work: () => unknown }} Row
 * @type {Row[]}
 */
const rows = [];
/** An async function: it can give the thread back in between. @param {string} name @param {() => unknown} work */
const later = (name, work) => rows.push({ name, work });
/** A function without `await`. @param {string} name @param {() => unknown} work */
const atOnce = (name, work) => rows.push({ name, sync: true, work });

const small = images(COUNT);
const large = images(TEN_TIMES);
const set = dataset(small);
const floats = { ...small, inputs: { data: Float32Array.from(small.inputs.data), shape: [PIXELS] } };

const folder = await mkdtemp(join(tmpdir(), "stretches-"));
const files = {
  trainImages: idxFile([COUNT, 28, 28], small.inputs.data),
  trainLabels: idxFile([COUNT], small.targets.data),
  testImages: idxFile([10_000, 28, 28], small.inputs.data.subarray(0, 10_000 * PIXELS)),
  testLabels: idxFile([10_000], small.targets.data.subarray(0, 10_000)),
};
const source = /** @type {any} */ ({ stallMs: 30_000 });
for (const [name, bytes] of Object.entries(files)) {
  await writeFile(join(folder, `${name}.gz`), gzipSync(bytes, { level: 1 }));
  source[name] = { name, md5: createHash("md5").update(bytes).digest("hex"), bytes: bytes.length };
}
const packed = gzipSync(files.trainImages, { level: 1 });

later("mnist(): files of a folder", () => loadMnist({ dir: folder }, source));
later("gunzip, 47 MB", () => gunzip(packed));
later("readIdx, packed, 47 MB", () => readIdx(packed));
atOnce("parseIdx, 47 MB", () => parseIdx(files.trainImages));
const [pixels, labels] = [parseIdx(files.trainImages), parseIdx(files.trainLabels)];
atOnce("idxImages, 60,000", () => idxImages("images", pixels, labels, 10));
atOnce("dataset(), bytes, 60,000 × 784", () => dataset(small));
atOnce("dataset(), bytes, 600,000 × 784", () => dataset(large));
atOnce("dataset(), floats, 60,000 × 784", () => dataset(floats));
atOnce("split, 60,000 × 784", () => split(set, [0.9, 0.1]));
const floatSet = dataset(floats);
atOnce("standardScaler().fit, 60,000 × 784", () => standardScaler({ per: "feature" }).fit(floatSet));
atOnce("epochOrder, 60,000", () => epochOrder(COUNT, 1, 1));
atOnce("epochOrder, 600,000", () => epochOrder(TEN_TIMES, 1, 1));
const lines = Array.from({ length: 60_000 }, (_, i) =>
  Array.from({ length: 14 }, (_, k) => (i * k) / 7).join(","),
);
const csv = new Blob([`${Array.from({ length: 14 }, (_, k) => `c${k}`).join(",")}\n${lines.join("\n")}\n`]);
later("readCsv, 60,000 rows of 14", () => readCsv(csv));

const mlp = () => sequential(dense(128), relu(), dense(10));
/** Ten million weights. */
const wide = () => sequential(dense(2800), relu(), dense(2800), relu(), dense(10));
const LENGTH = 32;
const deep = () =>
  sequential(
    embedding(50, 64),
    ...Array.from({ length: 24 }, () => [
      residual(layerNorm(), multiHeadAttention(4, { causal: true })),
      residual(layerNorm(), dense(256), gelu(), dense(64)),
    ]).flat(),
    layerNorm(),
    dense(50),
  );

for (const [name, engine] of Object.entries({ wasm: wasm({ threads: 1 }), gpu: await connect() })) {
  const options = { inputShape: [PIXELS], optimizer: adam() };
  atOnce(`createTrainer, 10 million weights, ${name}`, () => {
    const trainer = createTrainer(engine, wide(), options);
    trainer.memory;
    trainer.release();
  });
  const trainer = createTrainer(engine, wide(), options);
  trainer.memory;
  later(`weights(), 10 million, ${name}`, () => trainer.weights());
  later(`snapshot(), 10 million, Adam, ${name}`, () => trainer.snapshot());
  const few = dataset({
    ...small,
    inputs: { ...small.inputs, data: small.inputs.data.subarray(0, 64 * PIXELS) },
    targets: { data: small.targets.data.subarray(0, 64) },
  });
  const run = fit(engine, wide(), few, { epochs: 1, batchSize: 64, loss: crossEntropy(), optimizer: adam() });
  await run;
  later(`toSafetensors(), 10 million, ${name}`, () => run.toSafetensors());
  const file = await run.toSafetensors();
  later(`load, 10 million, ${name}`, () => trainer.load(file));
  later(`run.checkpoint(), 120 MB, ${name}`, () => run.checkpoint());
  const checkpoint = await run.checkpoint();
  later(`resume, 120 MB, and an epoch of one step, ${name}`, async () => {
    const on = fit(engine, wide(), few, {
      epochs: 2,
      batchSize: 64,
      loss: crossEntropy(),
      optimizer: adam(),
      resume: checkpoint,
    });
    await on;
    on.trainer.release();
  });
  const thinker = createTrainer(engine, deep(), { inputShape: [LENGTH], optimizer: adam() });
  later(`compile, a transformer of 24 layers, ${name}`, async () => {
    const step = await thinker.compile(
      ({ x, y }, model) => ({ minimize: crossEntropy().apply(model(x), y) }),
      { inputs: { x: [1, LENGTH], y: [1, LENGTH] } },
    );
    step.release();
  });
  const steady = fit(engine, mlp(), few, {
    epochs: 1,
    batchSize: 64,
    loss: crossEntropy(),
    optimizer: adam(),
  });
  await steady;
  later(`predict, 10,000, ${name}`, () =>
    predict(steady.trainer, small.inputs.data.subarray(0, 10_000 * PIXELS)),
  );
  later(`evaluate, 60,000, ${name}`, () => evaluate(steady.trainer, set, { loss: crossEntropy() }));
  later(`preview, 8 × 8, ${name}`, () =>
    preview(
      engine,
      dataset({ ...small, inputs: { ...small.inputs, shape: [1, 28, 28] } }),
      augment(rotate(15)),
    ),
  );
  later(`fit, mlp 128, an epoch of 60,000, ${name}`, async () => {
    const run = fit(engine, mlp(), set, {
      epochs: 1,
      batchSize: 128,
      loss: crossEntropy(),
      optimizer: adam(),
    });
    await run;
    run.trainer.release();
  });
}

console.log("| what | holds the thread for, ms | in all, ms |\n| --- | --- | --- |");
for (const { name, sync, work } of rows) {
  if (!name.includes(given.only)) continue;
  const seen = [];
  for (let i = 0; i < times; i++) seen.push(await stretchOf(work));
  const median = (/** @type {number[]} */ all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)];
  const longest = median(seen.map(({ longest }) => longest));
  const all = median(seen.map(({ all }) => all));
  console.log(`| ${name}${sync ? " (at once)" : ""} | ${longest.toFixed(0)} | ${all.toFixed(0)} |`);
}
await rm(folder, { recursive: true });
process.exit(0);

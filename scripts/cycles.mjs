// Opens and destroys engines, then makes, trains and releases models on one engine, watches what is held, and fails where it
// grows:
//
//   npm run cycles [-- --engine wasm --engines 200 --models 200]
//
// With --trained 5, each fifth engine trains a model (default: each), with 0 none.
// The models have forty widths in turn. A few rounds, in which the driver loads its lasting parts, do not count. Runs on the built
// package.
import { parseArgs } from "node:util";
import { dense, evaluate, predict, relu, sequential, fit as train } from "wgrad";
import { makeBlobs } from "wgrad/data";
import { heldByHost, openHandles } from "./heap.mjs";
import { KINDS, openMeasured } from "./measured-engines.mjs";

/**
 * Rounds that do not count: of engines, after which a driver's compiler has its working memory, and of models, which fill the cache
 * of pipelines.
 */
const WARM_UP = { gpu: { engines: 40, models: 80 }, wasm: { engines: 10, models: 40 } };
/**
 * Allowed growth until the end. An engine left behind holds two megabytes, a kernel almost one. Node and drivers open a file or two
 * late; one left open by each round would make hundreds.
 */
const LIMITS = { objects: 100, megabytes: 20, handles: 2, bytes: 0 };
const WIDTHS = 40;

const { values } = options();
if (values.help) {
  console.log("npm run cycles -- [--engine gpu|wasm] [--engines 200] [--models 200] [--trained 1]");
  process.exit(0);
}
const kind = /** @type {typeof KINDS[number]} */ (values.engine);
if (!KINDS.includes(kind)) {
  console.error(`--engine is ${KINDS.join(" or ")}, got ${kind}`);
  process.exit(2);
}
const counts = { engines: Number(values.engines), models: Number(values.models) };
const trained = Number(values.trained);
if (![...Object.values(counts), trained].every((count) => Number.isSafeInteger(count) && count >= 0)) {
  console.error("--engines, --models and --trained are whole numbers from 0");
  process.exit(2);
}

function options() {
  try {
    return parseArgs({
      options: {
        engine: { type: "string", default: "gpu" },
        engines: { type: "string", default: "200" },
        models: { type: "string", default: "200" },
        trained: { type: "string", default: "1" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error} (--help lists the options)`);
    process.exit(2);
  }
}

/** @param {number} round @param {number} rounds */
const isReported = (round, rounds) => round % Math.max(1, Math.ceil(rounds / 5)) === 0 || round === rounds;

/**
 * @param {"engines" | "models"} what
 * @param {number} rounds those that count
 * @param {(round: number) => Promise<number>} once does it, and gives the bytes of the engine's memory in use
 */
async function cycle(what, rounds, once) {
  if (rounds === 0) return;
  let bytes = 0;
  for (let i = 0; i < WARM_UP[kind][what]; i++) bytes = await once(i);
  // Node says once, and in a while, that its measure is experimental.
  await heldByHost();
  const held = [];
  for (let i = 0; i <= rounds; i++) {
    if (i > 0) bytes = await once(i);
    if (!isReported(i, rounds)) continue;
    const { objects } = await heldByHost();
    const megabytes = process.memoryUsage.rss() / 2 ** 20;
    const handles = await openHandles();
    held.push({ objects, megabytes, handles, bytes });
    console.log(
      `${what} ${i}: ${objects} objects, process ${megabytes.toFixed(1)} MB, ${handles} handles, engine ${bytes} B`,
    );
  }
  for (const unit of /** @type {(keyof typeof LIMITS)[]} */ (Object.keys(LIMITS))) {
    const growth = held[held.length - 1][unit] - held[0][unit];
    const fine = growth <= LIMITS[unit];
    const limit = `${fine ? "at most" : "MORE THAN"} ${LIMITS[unit]}`;
    console.log(
      `${what}: ${unit === "megabytes" ? growth.toFixed(1) : growth} ${unit} more after ${rounds}, ${limit}`,
    );
    if (!fine) process.exitCode = 1;
  }
}

const data = makeBlobs({ count: 48, features: 4 });

/** Makes a model, trains it, evaluates it, predicts with it, and releases it. @param {import("wgrad").Engine} engine @param {number} width */
async function useModel(engine, width) {
  const run = train(engine, sequential(dense(width), relu(), dense(3)), data, { batchSize: 16, epochs: 1 });
  await run;
  await evaluate(run.trainer, data);
  await predict(run.trainer, data);
  run.release();
  // A kept step goes once it is known to have been compiled.
  await new Promise((resolve) => setImmediate(resolve));
}

await cycle("engines", counts.engines, async (round) => {
  const { engine, bytesInUse } = await openMeasured(kind);
  if (trained > 0 && round % trained === 0) await useModel(engine, 8);
  await engine.destroy();
  return bytesInUse();
});

const { engine, bytesInUse } = await openMeasured(kind);
await cycle("models", counts.models, async (round) => {
  await useModel(engine, 4 + (round % WIDTHS));
  return bytesInUse();
});
await engine.destroy();

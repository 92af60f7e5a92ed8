// Trains for a long time, watches the memory, and fails where it grows:
//
//   npm run soak [-- --engine wasm --steps 10000 --every 1000]
//
// Three figures count, after a warm-up of two reports: bytes of the engine's memory (GPU buffers, or pieces of the wasm engine's
// memory), which must not grow at all; JavaScript's objects, of which each epoch leaves a few in the history of `fit`, and each
// report; and bytes of its heap and of the process, which may swing a little.
// Runs on the built package.
import { parseArgs } from "node:util";
import { create } from "webgpu";
import { connect, dense, relu, sequential, fit as train } from "wgrad";
import { digits } from "wgrad/data";
import { wasm } from "wgrad/wasm";
import { Books, keepBooks } from "./gpu-books.mjs";
import { heldByHost } from "./heap.mjs";

const BATCH_SIZE = 32;
/** Reports that do not count. */
const WARM_UP = 2;
/** Allowed growth until the end. A step that left one object behind would leave thousands. */
const LIMITS = { engine: 0, objects: 200, heap: 1 << 20, process: 64 << 20 };

const { values } = options();
if (values.help) {
  console.log("npm run soak -- [--engine gpu|wasm] [--steps 10000] [--every 1000]");
  process.exit(0);
}
if (values.engine !== "gpu" && values.engine !== "wasm") {
  console.error(`--engine is gpu or wasm, got ${values.engine}`);
  process.exit(2);
}
const [steps, every] = [Number(values.steps), Number(values.every)];
if (!(Number.isInteger(every) && every > 0 && steps % every === 0 && steps / every >= WARM_UP + 1)) {
  console.error(
    `--every is a number of steps, and --steps a multiple of it, at least ${WARM_UP + 1} times as many`,
  );
  process.exit(2);
}

function options() {
  try {
    return parseArgs({
      options: {
        engine: { type: "string", default: "gpu" },
        steps: { type: "string", default: "10000" },
        every: { type: "string", default: "1000" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error} (--help lists the options)`);
    process.exit(2);
  }
}

/** An engine, and the bytes of its memory that are in use. */
async function openGpu() {
  const books = new Books();
  Object.defineProperty(globalThis, "navigator", { value: { gpu: keepBooks(create([]), books) } });
  return { engine: await connect(), bytesInUse: () => books.liveBytes };
}

function openWasm() {
  const engine = wasm();
  // Of the engine's own, and no part of its interface.
  const { memory } = /** @type {{ memory: { end: number } }} */ (/** @type {unknown} */ (engine));
  return { engine, bytesInUse: () => memory.end };
}

const { engine, bytesInUse } = values.engine === "wasm" ? openWasm() : await openGpu();
const data = digits({ train: every * BATCH_SIZE, test: 500 });
const model = sequential(dense(32), relu(), dense(10));
const training = { batchSize: BATCH_SIZE, epochs: steps / every, validation: data.test };

console.log(`${engine.info.adapter}: ${steps} steps of 784-32-10, ${BATCH_SIZE} samples each`);
/** @type {Record<keyof typeof LIMITS, number>[]} */
const held = [];
for await (const { epoch, loss, validation } of train(engine, model, data.train, training)) {
  const step = epoch * every;
  const { bytes: heap, objects } = await heldByHost();
  held.push({ engine: bytesInUse(), objects, heap, process: process.memoryUsage.rss() });
  const memory = `engine ${bytesInUse()} B, ${objects} objects, heap ${mebibytes(heap)}`;
  const accuracy = (100 * (validation?.accuracy ?? 0)).toFixed(1);
  console.log(
    `step ${step}: ${memory}, process ${mebibytes(held[held.length - 1].process)}; loss ${loss.toFixed(4)}, accuracy ${accuracy} %`,
  );
}
await engine.destroy();

const [first, last] = [held[WARM_UP - 1], held[held.length - 1]];
for (const what of /** @type {(keyof typeof LIMITS)[]} */ (Object.keys(LIMITS))) {
  const growth = last[what] - first[what];
  const fine = growth <= LIMITS[what];
  console.log(`${what}: ${growth} more at the end, ${fine ? "at most" : "MORE THAN"} ${LIMITS[what]}`);
  if (!fine) process.exitCode = 1;
}

/** @param {number} bytes */
function mebibytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(2)} MiB`;
}

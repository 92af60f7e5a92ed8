// Trains for a long time, watches the memory, and fails where it grows:
//
//   npm run soak [-- --steps 10000 --every 1000]
//
// Three figures count, after a warm-up of two reports: bytes of GPU buffers, which must not grow at all; JavaScript's objects,
// of which each report leaves a few of its own; and bytes of its heap and of the process, which may swing a little.
// Runs on the built package.
import { parseArgs } from "node:util";
import { create } from "webgpu";
import { connect, dense, relu, sequential, fit as train } from "wgrad";
import { digits } from "wgrad/data";
import { Books, keepBooks } from "./gpu-books.mjs";
import { heldByHost } from "./heap.mjs";

const BATCH_SIZE = 32;
const EPOCH_STEPS = 50;
/** Reports that do not count. */
const WARM_UP = 2;
/** Allowed growth until the end. A step that left one object behind would leave thousands. */
const LIMITS = { gpu: 0, objects: 200, heap: 1 << 20, process: 64 << 20 };

const { values } = options();
if (values.help) {
  console.log("npm run soak -- [--steps 10000] [--every 1000]");
  process.exit(0);
}
const [steps, every] = [Number(values.steps), Number(values.every)];
if (!(every > 0 && every % EPOCH_STEPS === 0 && steps % every === 0 && steps / every >= WARM_UP + 1)) {
  console.error(
    `--every is a multiple of ${EPOCH_STEPS}, and --steps of that, at least ${WARM_UP + 1} times as many`,
  );
  process.exit(2);
}

function options() {
  try {
    return parseArgs({
      options: {
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

const books = new Books();
Object.defineProperty(globalThis, "navigator", { value: { gpu: keepBooks(create([]), books) } });
const gpu = await connect();
const data = digits({ train: EPOCH_STEPS * BATCH_SIZE, test: 500 });
const model = sequential(dense(32), relu(), dense(10));
const training = { batchSize: BATCH_SIZE, epochs: steps / EPOCH_STEPS, validation: data.test };

console.log(`${gpu.info.adapter}: ${steps} steps of 784-32-10, ${BATCH_SIZE} samples each`);
/** @type {Record<keyof typeof LIMITS, number>[]} */
const held = [];
for await (const { epoch, loss, validation } of train(gpu, model, data.train, training)) {
  const step = epoch * EPOCH_STEPS;
  if (step % every !== 0) continue;
  const { bytes: heap, objects } = await heldByHost();
  held.push({ gpu: books.liveBytes, objects, heap, process: process.memoryUsage.rss() });
  const memory = `GPU ${books.liveBytes} B, ${objects} objects, heap ${mebibytes(heap)}`;
  const accuracy = (100 * (validation?.accuracy ?? 0)).toFixed(1);
  console.log(
    `step ${step}: ${memory}, process ${mebibytes(held[held.length - 1].process)}; loss ${loss.toFixed(4)}, accuracy ${accuracy} %`,
  );
}
await gpu.destroy();

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

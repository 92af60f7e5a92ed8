// Trains for a long time, watches the memory, and fails where it grows:
//
//   npm run soak [-- --steps 10000 --every 1000]
//
// What counts: bytes of GPU buffers, which must not grow at all, and JavaScript's heap and the process as a whole,
// which may grow a little; all of it after a warm-up of two reports. Runs on the built package, by one thread of V8,
// as its helpers' garbage would blur the numbers.
import { parseArgs } from "node:util";
import { create } from "webgpu";
import { connect, dense, fit, relu, sequential } from "wgrad";
import { digits } from "wgrad/data";
import { Books, keepBooks } from "./gpu-books.mjs";
import { heapBytes } from "./heap.mjs";

const BATCH_SIZE = 32;
const WARM_UP = 2;
/** Less than the smallest object that a step could leave behind. */
const HEAP_BYTES_PER_STEP = 16;
const HEAP_SLACK = 16 << 10;
const PROCESS_SLACK = 64 << 20;

const { values } = parseArgs({
  options: { steps: { type: "string", default: "10000" }, every: { type: "string", default: "1000" } },
});
/** Steps from report to report. */
const every = Number(values.every);
const reports = Math.round(Number(values.steps) / every);
if (!(Number.isInteger(every) && every > 0 && reports >= WARM_UP + 6)) {
  console.error(`--every must be a whole number, and --steps at least ${WARM_UP + 6} times as many`);
  process.exit(2);
}

const books = new Books();
Object.defineProperty(globalThis, "navigator", { value: { gpu: keepBooks(create([]), books) } });
const gpu = await connect();
const data = digits({ train: every * BATCH_SIZE, test: 500 });
const model = sequential(dense(32), relu(), dense(10));
const run = fit(gpu, model, data.train, { batchSize: BATCH_SIZE, epochs: reports, validation: data.test });

console.log(`${gpu.info.adapter}: ${reports * every} steps of 784-32-10, ${BATCH_SIZE} samples each`);
/** @type {{ gpu: number, heap: number, process: number }[]} */
const held = [];
for await (const { epoch, loss, validation, seconds } of run) {
  held.push({ gpu: books.liveBytes, heap: await heapBytes(), process: process.memoryUsage.rss() });
  const { gpu, heap, process: whole } = held[epoch - 1];
  const accuracy = (100 * (validation?.accuracy ?? 0)).toFixed(1);
  console.log(
    `step ${epoch * every}: GPU ${gpu} B, heap ${heap} B, process ${(whole / 2 ** 20).toFixed(1)} MiB; loss ${loss.toFixed(4)}, accuracy ${accuracy} %, ${seconds.toFixed(1)} s`,
  );
}
await gpu.destroy();

// The runtime keeps or drops some 200 KB of its own now and then: the middle of several reports does not see that.
const later = held.slice(WARM_UP);
const half = Math.floor(later.length / 2);
const steps = Math.ceil(later.length / 2) * every;
const limits = { gpu: 0, heap: HEAP_SLACK + HEAP_BYTES_PER_STEP * steps, process: PROCESS_SLACK };
for (const what of /** @type {const} */ (["gpu", "heap", "process"])) {
  const growth = middle(later.slice(half), what) - middle(later.slice(0, half), what);
  const fine = growth <= limits[what];
  console.log(
    `${what}: ${growth} B more after ${steps} steps, ${fine ? "at most" : "MORE THAN"} ${limits[what]}`,
  );
  if (!fine) process.exitCode = 1;
}

/** @param {typeof held} reports @param {keyof typeof held[number]} what */
function middle(reports, what) {
  const sorted = reports.map((report) => report[what]).sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

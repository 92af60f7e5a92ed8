// Trains for a long time, watches what is held and how long a step takes, and fails where either grows:
//
//   npm run soak [-- --engine wasm --steps 10000 --every 1000]
//   npm run soak -- --engine wasm --model conv --minutes 60 --log soak.jsonl
//
// What is held, from a report on that ends the warm-up to the last: bytes of the engine's memory (GPU buffers, or pieces of the
// wasm engine's memory), which must not grow at all; open handles, of which Node and drivers open one or two late; JavaScript's objects, of which each epoch leaves a few in
// the history of `fit`, and each report; and bytes of its heap and of the process, which may swing a little. With --minutes, the
// processor time of a step counts as well. Other programs steal wall-clock time, which is printed: for each tenth of the run that of its
// fastest epochs, the median, and the median over the time of a fixed loop of this process.
// Runs on the built package.
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { conv2d, dense, dropout, flatten, maxPool2d, relu, sequential, fit as train } from "wgrad";
import { checkpoints } from "wgrad/callbacks";
import { digits } from "wgrad/data";
import { heldByHost, openHandles } from "./heap.mjs";
import { KINDS, openMeasured } from "./measured-engines.mjs";

const BATCH_SIZE = 32;
/** Reports of a run with --minutes. */
const REPORTS = 60;
/** Reports that do not count: of a run with --steps, and with --minutes. */
const WARM_UP = { steps: 2, minutes: 6 };
/**
 * Allowed growth until the end, and for each epoch: its entry of the history with the confusion matrix. A step that left one object
 * behind would leave hundreds an epoch.
 */
const LIMITS = {
  engine: { most: 0, each: 0 },
  // Training keeps a journal of the submits since its last snapshot: more or less of them, as snapshots come by the clock.
  objects: { most: 200, each: 16 },
  heap: { most: 1 << 20, each: 4096 },
  process: { most: 64 << 20, each: 4096 },
  handles: { most: 2, each: 0 },
};
/** Allowed slowness of a tenth of the run, over the median tenth. */
const SLOWNESS = 1.1;

const MODELS = {
  mlp: () => [dense(32), relu(), dense(10)],
  conv: () => [conv2d(8, 3), relu(), maxPool2d(2), flatten(), dense(32), relu(), dropout(0.2), dense(10)],
};

const { values } = options();
if (values.help) {
  console.log(
    "npm run soak -- [--engine gpu|wasm] [--model mlp|conv] [--steps 10000 | --minutes 60] [--every 1000] [--log FILE]",
  );
  process.exit(0);
}
const { kind, name } = /** @type {{ kind: typeof KINDS[number], name: keyof typeof MODELS }} */ ({
  kind: oneOf("engine", KINDS),
  name: oneOf("model", Object.keys(MODELS)),
});
const [steps, every, minutes] = [values.steps, values.every, values.minutes ?? "0"].map(Number);
if (!(minutes >= 0 && minutes < Number.POSITIVE_INFINITY)) refuse(`--minutes is ${values.minutes}`);
const isMultiple = minutes > 0 || (steps % every === 0 && steps / every > WARM_UP.steps);
if (!(Number.isInteger(every) && every > 0 && isMultiple)) {
  refuse(
    `--every is a number of steps, and --steps a multiple of it, at least ${WARM_UP.steps + 1} times as many`,
  );
}

function options() {
  try {
    return parseArgs({
      options: {
        engine: { type: "string", default: "gpu" },
        model: { type: "string", default: "mlp" },
        steps: { type: "string", default: "10000" },
        every: { type: "string", default: "1000" },
        minutes: { type: "string" },
        log: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    return refuse(`${error instanceof Error ? error.message : error} (--help lists the options)`);
  }
}

/** @param {"engine" | "model"} option @param {readonly string[]} choices */
function oneOf(option, choices) {
  if (!choices.includes(values[option])) {
    refuse(`--${option} is ${choices.join(" or ")}, got ${values[option]}`);
  }
  return values[option];
}

/** @param {string} why @returns {never} */
function refuse(why) {
  console.error(why);
  process.exit(2);
}

/** Milliseconds of a fixed piece of work, the best of three. */
function referenceMilliseconds() {
  const numbers = new Float64Array(1 << 14).fill(1.000001);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3; i++) {
    const began = performance.now();
    for (let round = 0; round < 100; round++) {
      for (let j = 1; j < numbers.length; j++) numbers[j] = numbers[j - 1] * 0.5 + numbers[j] * 0.5;
    }
    best = Math.min(best, performance.now() - began);
  }
  return best;
}

/** @typedef {{ epoch: number, wall: number, processor: number, reference: number }} Times microseconds of a step, and of the loop */
/** @typedef {Record<keyof typeof LIMITS, number> & { epoch: number }} Held */

const { engine, bytesInUse } = await openMeasured(kind);
const data = digits({ train: every * BATCH_SIZE, test: 500 });
const folder = mkdtempSync(join(tmpdir(), "wgrad-soak-"));
const training = {
  batchSize: BATCH_SIZE,
  epochs: minutes > 0 ? 1_000_000 : steps / every,
  validation: data.test,
  callbacks: [checkpoints(join(folder, "run.checkpoint"))],
};

const length = minutes > 0 ? `${minutes} minutes` : `${steps} steps`;
console.log(
  `${engine.info.adapter}: ${length} of the ${name}, ${BATCH_SIZE} samples a step, ${every} steps an epoch`,
);
/** @type {Held[]} */
const held = [];
/** @type {Times[]} */
const times = [];
const began = performance.now();
const spent = () => (performance.now() - began) / 60_000;
let processor = process.cpuUsage();
for await (const { epoch, loss, seconds, validation } of train(
  engine,
  sequential(...MODELS[name]()),
  data.train,
  training,
)) {
  const { user, system } = process.cpuUsage(processor);
  const step = {
    epoch,
    wall: (seconds * 1e6) / every,
    processor: (user + system) / every,
    reference: referenceMilliseconds() * 1000,
  };
  times.push(step);
  if (values.log) appendFileSync(values.log, `${JSON.stringify(step)}\n`);
  if (minutes === 0 || spent() >= ((held.length + 1) * minutes) / REPORTS) {
    const { bytes: heap, objects } = await heldByHost();
    const now = { epoch, engine: bytesInUse(), objects, heap, handles: await openHandles() };
    held.push({ ...now, process: process.memoryUsage.rss() });
    const memory = `engine ${now.engine} B, ${objects} objects, heap ${mebibytes(heap)}, ${now.handles} handles`;
    const accuracy = (100 * (validation?.accuracy ?? 0)).toFixed(1);
    console.log(
      `step ${epoch * every}: ${memory}, process ${mebibytes(held[held.length - 1].process)}; ${step.wall.toFixed(0)} µs a step, loss ${loss.toFixed(4)}, accuracy ${accuracy} %`,
    );
  }
  if (minutes > 0 && spent() >= minutes) break;
  processor = process.cpuUsage();
}
await engine.destroy();
rmSync(folder, { recursive: true });

const first = held[Math.min(WARM_UP[minutes > 0 ? "minutes" : "steps"], held.length - 1) - 1];
const last = held[held.length - 1];
for (const what of /** @type {(keyof typeof LIMITS)[]} */ (Object.keys(LIMITS))) {
  const { most, each } = LIMITS[what];
  const limit = most + each * (last.epoch - first.epoch);
  judge(`${what}: ${last[what] - first[what]} more at the end`, last[what] - first[what] <= limit, limit);
}
if (minutes > 0) judgeTimes();

/** @param {string} what @param {boolean} fine @param {number} limit */
function judge(what, fine, limit) {
  console.log(`${what}, ${fine ? "at most" : "MORE THAN"} ${limit}`);
  if (!fine) process.exitCode = 1;
}

/** Prints the times of each tenth of the run, and compares them. The first epoch, which compiles, does not count. */
function judgeTimes() {
  const counted = times.slice(1);
  const tenths = Array.from({ length: 10 }, (_, i) => {
    const some = counted.slice((i * counted.length) / 10, ((i + 1) * counted.length) / 10);
    return {
      fastest: quantile(some, 0.1, ({ wall }) => wall),
      median: quantile(some, 0.5, ({ wall }) => wall),
      processor: quantile(some, 0.5, ({ processor }) => processor),
      relative: quantile(some, 0.5, ({ wall, reference }) => wall / reference),
    };
  });
  const columns = /** @type {(keyof typeof tenths[0])[]} */ (Object.keys(tenths[0]));
  console.log(
    "microseconds a step: of the fastest tenth of epochs, the median, of the processor (median), over the loop (median)",
  );
  for (const [i, tenth] of tenths.entries()) {
    const numbers = columns.map((column) =>
      column === "relative" ? tenth[column].toFixed(4) : tenth[column].toFixed(0),
    );
    console.log(`tenth ${i + 1}: ${numbers.join(", ")}`);
  }
  for (const column of columns) {
    const sorted = tenths.map((tenth) => tenth[column]).sort((a, b) => a - b);
    const [low, high] = [0, 9].map((i) => sorted[i] / sorted[5]);
    const words = `${column}: the tenths take ${low.toFixed(3)} to ${high.toFixed(3)} times as long as the median tenth`;
    // The only one of these that other programs on the machine hardly change.
    if (column === "processor") judge(words, high <= SLOWNESS, SLOWNESS);
    else console.log(words);
  }
}

/** @param {readonly Times[]} some @param {number} part @param {(one: Times) => number} of */
function quantile(some, part, of) {
  const sorted = some.map(of).sort((a, b) => a - b);
  return sorted[Math.floor(part * (sorted.length - 1))];
}

/** @param {number} bytes */
function mebibytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(2)} MiB`;
}

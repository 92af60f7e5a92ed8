/**
 * Times the start of two builds, from the process to the end of the first training step, with all caches off: each start is a
 * process of its own, and the builds take turns.
 *
 *   node test/compare/startup.mjs BEFORE AFTER [--rounds 7] [--network conv]
 *
 * BEFORE and AFTER are built checkouts. Rows are medians in milliseconds: until the modules are imported, the device is open, the
 * step is traced and its pipelines are made, and the first step is done, which is when some drivers compile. A ratio is AFTER's
 * time over BEFORE's in the same round; the processor's time, of all threads, depends less on what else the machine does.
 */
import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs, promisify } from "node:util";
import { numbers, wholes } from "./samples.mjs";

/** @typedef {Record<string, number>} Times */

/** Networks, with a data set and the size of its batches. */
const NETWORKS = {
  mlp: { batch: 128, shape: [784], layers: mlp },
  conv: { batch: 250, shape: [1, 28, 28], layers: conv },
  transformer: { batch: 16, shape: [64], layers: transformer },
};

function mlp(/** @type {any} */ { dense, relu }) {
  return [dense(256), relu(), dense(128), relu(), dense(10)];
}

function conv(/** @type {any} */ { conv2d, dense, flatten, maxPool2d, relu }) {
  const convolutions = [conv2d(24, 5), relu(), maxPool2d(2), conv2d(32, 3), relu(), maxPool2d(2)];
  return [...convolutions, flatten(), dense(128), relu(), dense(10)];
}

/** Two blocks of width 64, over 64 characters. */
function transformer(/** @type {any} */ wgrad) {
  const { dense, embedding, gelu, layerNorm, multiHeadAttention, residual } = wgrad;
  const block = () => [
    residual(layerNorm(), multiHeadAttention(4, { causal: true })),
    residual(layerNorm(), dense(256), gelu(), dense(64)),
  ];
  return [embedding(64, 64), ...block(), ...block(), layerNorm(), dense(64)];
}

/** In a process of its own: opens a network on a build, and takes one step. */
async function start(/** @type {string} */ build, /** @type {"mlp" | "conv" | "transformer"} */ name) {
  const entry = (/** @type {string} */ file) => pathToFileURL(resolve(join(build, "dist", file))).href;
  const [wgrad, { dataset }] = await Promise.all([import(entry("index.js")), import(entry("data.js"))]);
  const imported = performance.now();
  const engine = await wgrad.connect();
  const connected = performance.now();
  const { batch, shape, layers } = NETWORKS[name];
  const length = 2 * batch * shape.reduce((product, size) => product * size, 1);
  const characters = wholes(length, 64, 3);
  const data =
    name === "transformer"
      ? { inputs: { data: characters, shape }, targets: { data: characters, shape } }
      : {
          inputs: { data: numbers(length, 1, 0), shape },
          targets: { data: wholes(2 * batch, 10, 2) },
          classes: 10,
        };
  const session = await wgrad.session(engine, wgrad.sequential(...layers(wgrad)), dataset(data), {
    loss: wgrad.crossEntropy(),
    optimizer: wgrad.adam(),
    batchSize: batch,
    seed: 1,
  });
  const opened = performance.now();
  const { loss } = await session.advance(1);
  const stepped = performance.now();
  const { user, system } = process.cpuUsage();
  console.log(
    JSON.stringify({
      imported,
      connected: connected - imported,
      opened: opened - connected,
      stepped: stepped - opened,
      total: stepped,
      processor: (user + system) / 1000,
      pipelines: engine.pipelines.size,
      loss,
    }),
  );
  // The engine holds the process.
  process.exit(0);
}

/** @returns {Promise<Times>} */
async function timesOf(/** @type {string} */ build, /** @type {string} */ name) {
  const env = { ...process.env, WGRAD_TUNE: "off", MESA_SHADER_CACHE_DISABLE: "true" };
  const program = fileURLToPath(import.meta.url);
  const { stdout } = await promisify(execFile)(process.execPath, [program, "--start", name, build], { env });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

const median = (/** @type {number[]} */ values) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function compare(
  /** @type {string[]} */ builds,
  /** @type {number} */ rounds,
  /** @type {string} */ only,
) {
  const columns = ["imported", "connected", "opened", "stepped", "total", "processor", "pipelines"];
  const line = (/** @type {string[]} */ cells) => console.log(cells.map((cell) => cell.padEnd(12)).join(""));
  line(["network", "build", ...columns]);
  for (const name of Object.keys(NETWORKS).filter((network) => network.startsWith(only))) {
    /** @type {Times[][]} */
    const times = [[], []];
    for (let round = 0; round < rounds; round++) {
      for (const which of round % 2 === 0 ? [0, 1] : [1, 0])
        times[which].push(await timesOf(builds[which], name));
    }
    ["before", "after"].forEach((label, which) => {
      line([
        name,
        label,
        ...columns.map((column) => median(times[which].map((one) => one[column])).toFixed(0)),
      ]);
    });
    const ratio = (/** @type {string} */ column) =>
      median(times[1].map((one, i) => one[column] / times[0][i][column])).toFixed(3);
    line([name, "ratio", ...columns.map(ratio)]);
    const [before, after] = times.map(([{ loss }]) => loss);
    if (before !== after) console.log(`${name}: the losses are ${before} and ${after}`);
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "7" },
    network: { type: "string", default: "" },
    start: { type: "string" },
  },
});
if (values.start) {
  await start(positionals[0], /** @type {any} */ (values.start));
} else if (positionals.length === 2 && Number(values.rounds) >= 1) {
  await compare(positionals, Number(values.rounds), values.network);
} else {
  console.error("Usage: node test/compare/startup.mjs BEFORE AFTER [--rounds 7] [--network conv]");
  process.exit(2);
}

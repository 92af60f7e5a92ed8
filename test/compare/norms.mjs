/**
 * Times layer and batch normalisation with all their gradients, by two builds in one process, in turns.
 *
 *   node test/compare/norms.mjs BEFORE AFTER [--engine gpu|cpu] [--rounds 41]
 *
 * BEFORE and AFTER are built checkouts. A time is the sum over the launches of one step, as the engine profiles them, without
 * the copies of results to the host; a ratio is BEFORE's time over AFTER's: above 1, AFTER is faster. The last column is the
 * largest difference between the two builds' results.
 */
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { numbers } from "./samples.mjs";

process.env.WGRAD_TUNE = "off";
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    engine: { type: "string", default: "gpu" },
    rounds: { type: "string", default: "41" },
  },
});
const rounds = Number(options.rounds);
if (positionals.length !== 2 || !["gpu", "cpu"].includes(options.engine) || !(rounds >= 1)) {
  console.error("Usage: node test/compare/norms.mjs BEFORE AFTER [--engine gpu|cpu] [--rounds 41]");
  process.exit(2);
}

/** @type {readonly (readonly ["layerNorm" | "batchNorm", readonly number[]])[]} */
const CASES = [
  ["layerNorm", [1024, 64]],
  ["layerNorm", [4096, 256]],
  ["batchNorm", [128, 256]],
  ["batchNorm", [64, 32, 14, 14]],
];

const builds = await Promise.all(
  positionals.map(async (build) => {
    const wgrad = await import(pathToFileURL(resolve(join(build, "dist", "index.js"))).href);
    return { wgrad, engine: options.engine === "cpu" ? wgrad.cpu() : await wgrad.connect() };
  }),
);

/** The layer and its gradients as a function, by one build. */
async function compiled(
  /** @type {any} */ { wgrad, engine },
  /** @type {"layerNorm" | "batchNorm"} */ name,
  /** @type {readonly number[]} */ shape,
) {
  const size = name === "layerNorm" ? shape[shape.length - 1] : shape[1];
  const layer = wgrad[name]();
  const step = await wgrad.compile(
    engine,
    { x: shape, dy: shape, weight: [size], bias: [size] },
    (/** @type {any} */ { x, dy, ...parameters }) => {
      // What a trainer would keep for the layer.
      const scope = {
        training: true,
        trains: () => true,
        parameter: (/** @type {"weight" | "bias"} */ parameter) => parameters[parameter],
        statistic: () => ({ value: undefined, observe() {} }),
      };
      const y = layer.apply(x, scope);
      const [dx, ...sums] = wgrad.gradients(y, [x, parameters.weight, parameters.bias], dy);
      return { y, dx, weight: sums[0], bias: sums[1] };
    },
  );
  const count = shape.reduce((product, length) => product * length, 1);
  const results = await step({
    x: numbers(count, 1, -1, 3),
    dy: numbers(count, 2),
    weight: numbers(size, 3, 0.5, 2),
    bias: numbers(size, 4),
  });
  const time = async () => {
    const { milliseconds } = await step.step.profile(1);
    return milliseconds.reduce((/** @type {number} */ sum, /** @type {number[]} */ [one]) => sum + one, 0);
  };
  return { step, results, time };
}

const median = (/** @type {number[]} */ values) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** The largest difference of two builds' results, relative to the largest result of its kind. */
function difference(/** @type {any} */ a, /** @type {any} */ b) {
  const largest = (/** @type {Float32Array} */ values) =>
    values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const parts = Object.keys(a).map((name) => {
    const apart = a[name].map((/** @type {number} */ value, /** @type {number} */ i) => value - b[name][i]);
    return largest(apart) / largest(a[name]);
  });
  return Math.max(...parts);
}

console.log(
  "function                     launches  least ms       least time's ratio  median ratio  difference",
);
for (const [name, shape] of CASES) {
  const [before, after] = [await compiled(builds[0], name, shape), await compiled(builds[1], name, shape)];
  /** @type {[number[], number[]]} */
  const times = [[], []];
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? [0, 1] : [1, 0];
    for (const i of order) times[i].push(await [before, after][i].time());
  }
  const launches = [before, after].map(
    ({ step }) => step.program.dispatches.filter((/** @type {any} */ { joined }) => !joined).length,
  );
  const least = times.map((of) => Math.min(...of));
  const ratio = median(times[0].map((time, i) => time / times[1][i]));
  console.log(
    [
      `${name} [${shape.join(", ")}]`.padEnd(27),
      launches.join(" → ").padEnd(8),
      least
        .map((time) => time.toFixed(2))
        .join(" → ")
        .padEnd(13),
      (least[0] / least[1]).toFixed(2).padEnd(18),
      ratio.toFixed(2).padEnd(12),
      difference(before.results, after.results).toExponential(0),
    ].join("  "),
  );
}
// Engines hold the process.
process.exit(0);

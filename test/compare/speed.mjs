/**
 * Times the training steps of two builds in one process, in turns: the only honest comparison on a machine that others use.
 *
 *   node test/compare/speed.mjs BEFORE AFTER [--engine gpu|wasm|cpu] [--rounds 21] [--network conv] [--optimizer adam] [--guard notice]
 *
 * BEFORE and AFTER are built checkouts, or the same one twice: with `--guard`, AFTER's steps alone look for NaN. A ratio is AFTER's time over BEFORE's in the same round: below 1, AFTER is faster. The
 * losses after all rounds show whether both builds computed the same.
 */
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { numbers, wholes } from "./samples.mjs";

process.env.WGRAD_TUNE = "off";
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    engine: { type: "string", default: "gpu" },
    rounds: { type: "string", default: "21" },
    network: { type: "string", default: "" },
    optimizer: { type: "string" },
    guard: { type: "string" },
  },
});
const rounds = Number(options.rounds);
if (positionals.length !== 2 || !["gpu", "wasm", "cpu"].includes(options.engine) || !(rounds >= 1)) {
  console.error(
    "Usage: node test/compare/speed.mjs BEFORE AFTER [--engine gpu|wasm|cpu] [--rounds 21] [--network conv] [--optimizer adam] [--guard notice]",
  );
  process.exit(2);
}

/** Networks, with as many steps in a submit as take some tens of milliseconds on a software GPU. */
const NETWORKS = {
  "mlp 128": { steps: 20, batch: 128, shape: [784], layers: mlp },
  "mlp 1000": { steps: 3, batch: 1000, shape: [784], layers: mlp },
  "conv 250": { steps: 1, batch: 250, shape: [1, 28, 28], layers: conv },
  "30-10": { steps: 200, batch: 10, shape: [784], layers: small },
};

function mlp(/** @type {any} */ { dense, relu }) {
  return [dense(256), relu(), dense(128), relu(), dense(10)];
}

function conv(/** @type {any} */ { conv2d, dense, flatten, maxPool2d, relu }) {
  const convolutions = [conv2d(24, 5), relu(), maxPool2d(2), conv2d(32, 3), relu(), maxPool2d(2)];
  return [...convolutions, flatten(), dense(128), relu(), dense(10)];
}

function small(/** @type {any} */ { dense, sigmoid }) {
  return [dense(30), sigmoid(), dense(10)];
}

/** Engines by build: they differ in nothing but what is compared. */
const opened = new Map();

/** A build's steps: a function that takes them once, and gives the milliseconds and the last loss. */
async function stepsOf(
  /** @type {string} */ build,
  /** @type {any} */ network,
  /** @type {string} */ rule,
  /** @type {object} */ guarded = {},
) {
  const entry = (/** @type {string} */ name) =>
    import(pathToFileURL(resolve(join(build, "dist", name))).href);
  const wgrad = await entry("index.js");
  const engines = {
    gpu: () => wgrad.connect(),
    wasm: async () => (await entry("wasm.js")).wasm(),
    cpu: () => wgrad.cpu(),
  };
  const engine = opened.get(build) ?? (await engines[/** @type {"gpu"} */ (options.engine)]());
  opened.set(build, engine);
  const { batch, shape, steps, layers } = network;
  const trainer = wgrad.createTrainer(engine, wgrad.sequential(...layers(wgrad)), {
    inputShape: shape,
    optimizer: wgrad[rule](),
  });
  // The op has had a namespace of its own since the layers' names are theirs alone.
  const crossEntropy = wgrad.ops?.crossEntropy ?? wgrad.crossEntropy;
  const step = await trainer.compile(
    (/** @type {any} */ { x, y }, /** @type {any} */ model) => ({ minimize: crossEntropy(model(x), y) }),
    { inputs: { x: [batch, ...shape], y: { shape: [batch], dtype: "i32" } }, maxSteps: steps, ...guarded },
  );
  step.write({ x: numbers(batch * 784, 1, 0), y: wholes(batch, 10, 2) });
  return async () => {
    const start = performance.now();
    const { loss } = await step.runMany(steps, () => ({}));
    return { milliseconds: performance.now() - start, loss: loss[steps - 1] };
  };
}

const median = (/** @type {number[]} */ values) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

console.log("network   optimizer  median ratio  least time's ratio  losses");
for (const [name, network] of Object.entries(NETWORKS)) {
  if (!name.startsWith(options.network)) continue;
  for (const rule of options.optimizer ? [options.optimizer] : ["adam", "sgd"]) {
    const [before, after] = [
      await stepsOf(positionals[0], network, rule),
      await stepsOf(positionals[1], network, rule, options.guard ? { guard: options.guard } : {}),
    ];
    await before();
    await after();
    /** @type {{ before: number[]; after: number[] }} */
    const times = { before: [], after: [] };
    let losses = [Number.NaN, Number.NaN];
    for (let round = 0; round < rounds; round++) {
      const first = round % 2 === 0 ? await before() : undefined;
      const later = await after();
      const earlier = first ?? (await before());
      times.before.push(earlier.milliseconds);
      times.after.push(later.milliseconds);
      losses = [earlier.loss, later.loss];
    }
    const ratio = median(times.after.map((time, i) => time / times.before[i]));
    const least = Math.min(...times.after) / Math.min(...times.before);
    const same = losses[0] === losses[1] ? "equal" : losses.join(" and ");
    console.log(
      `${name.padEnd(8)}  ${rule.padEnd(9)}  ${ratio.toFixed(3).padEnd(12)}  ${least.toFixed(3).padEnd(18)}  ${same}`,
    );
  }
}
// Engines hold the process.
process.exit(0);

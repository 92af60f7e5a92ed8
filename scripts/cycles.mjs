// Opens and destroys engines, then compiles and releases models of ever new shapes, watches what is held, and fails where it
// grows:
//
//   npm run cycles [-- --connect 200 --compile 200]
//
// A few rounds, in which the driver loads its lasting parts, do not count. Runs on the built package.
import { parseArgs } from "node:util";
import { connect, createTrainer, dense, sequential } from "wgrad";
import { heldByHost } from "./heap.mjs";

/**
 * Rounds that do not count: of opening engines, after which a driver's compiler has its working memory, and of compiling,
 * which fills the cache of pipelines.
 */
const WARM_UP = { connect: 40, compile: 100 };
/** Allowed growth until the end. An engine left behind holds two megabytes, a kernel almost one. */
const LIMITS = { objects: 100, megabytes: 20 };

const { values } = options();
if (values.help) {
  console.log("npm run cycles -- [--connect 200] [--compile 200]");
  process.exit(0);
}
const counts = { connect: Number(values.connect), compile: Number(values.compile) };
if (!Object.values(counts).every((count) => Number.isSafeInteger(count) && count >= 0)) {
  console.error("--connect and --compile are whole numbers from 0");
  process.exit(2);
}

function options() {
  try {
    return parseArgs({
      options: {
        connect: { type: "string", default: "200" },
        compile: { type: "string", default: "200" },
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
 * @param {"connect" | "compile"} what
 * @param {number} rounds those that count
 * @param {(round: number) => Promise<string>} once does it, and says what there is to be said of it
 */
async function cycle(what, rounds, once) {
  for (let i = 0; i < WARM_UP[what] && rounds > 0; i++) await once(-i - 1);
  // Node says once, and in a while, that its measure is experimental.
  await heldByHost();
  const held = [];
  for (let i = 0; i <= rounds && rounds > 0; i++) {
    const words = i === 0 ? "" : await once(i);
    if (!isReported(i, rounds)) continue;
    const { objects } = await heldByHost();
    held.push({ objects, megabytes: process.memoryUsage.rss() / 2 ** 20 });
    console.log(
      `${what} ${i}: ${objects} objects, process ${held[held.length - 1].megabytes.toFixed(1)} MB${words}`,
    );
  }
  for (const unit of /** @type {(keyof typeof LIMITS)[]} */ (Object.keys(LIMITS))) {
    if (rounds === 0) continue;
    const growth = held[held.length - 1][unit] - held[0][unit];
    const fine = growth <= LIMITS[unit];
    const limit = `${fine ? "at most" : "MORE THAN"} ${LIMITS[unit]}`;
    console.log(`${what}: ${growth.toFixed(1)} ${unit} more after ${rounds}, ${limit}`);
    if (!fine) process.exitCode = 1;
  }
}

await cycle("connect", counts.connect, async () => {
  const engine = await connect({ tune: false });
  await engine.destroy();
  return "";
});

const engine = await connect({ tune: false });
await cycle("compile", counts.compile, async (round) => {
  const features = 1000 + round;
  const trainer = createTrainer(engine, sequential(dense(2)), { inputShape: [features] });
  const step = await trainer.compile(({ x }, model) => ({ y: model(x) }), { inputs: { x: [1, features] } });
  await step.run({ x: new Float32Array(features) });
  step.release();
  trainer.release();
  return `, ${engine.pipelines.size} pipelines`;
});
await engine.destroy();

/**
 * Trains with the option `recover`, and destroys the device at random steps: are the weights the same in the end? Runs in Node, in
 * Deno and in a page, where an import map says where `wgrad` is.
 */
import { connect, dense, dropout, relu, sequential, session } from "wgrad";
import { digits } from "wgrad/data";

/** @typedef {import("wgrad").GpuEngine} GpuEngine */

const STEPS = 60;
const data = digits({ train: 160, test: 40 });

/**
 * Trains 60 steps, over four epochs, with evaluations between.
 * @param {number | undefined} destroyAt the step while which the device is destroyed, if any
 * @param {boolean} duringEvaluation whether the device is destroyed during the evaluation that follows instead
 */
async function trained(destroyAt, duringEvaluation = false) {
  /** @type {GpuEngine[]} */
  const engines = [];
  const open = async () => {
    const engine = await connect({ tune: false });
    engines.push(engine);
    return engine;
  };
  let events = "";
  const one = await session(
    await open(),
    sequential(dense(12), relu(), dropout(0.2), dense(10)),
    data.train,
    {
      batchSize: 10,
      validation: data.test,
      recover: { every: 7, connect: open },
      onEvent: ({ kind }) => {
        events += `${kind} `;
      },
    },
  );
  /** @type {number[]} */
  const numbers = [];
  try {
    for (let at = 0; at < STEPS; at += 5) {
      const hit = destroyAt !== undefined && destroyAt >= at && destroyAt < at + 5;
      if (hit && !duringEvaluation && destroyAt > at) await one.advance(destroyAt - at);
      const rest = hit && !duringEvaluation ? at + 5 - destroyAt : 5;
      const advancing = one.advance(rest);
      if (hit && !duringEvaluation) engines[engines.length - 1].device.destroy();
      await advancing;
      const evaluating = one.evaluate();
      if (hit && duringEvaluation) engines[engines.length - 1].device.destroy();
      numbers.push((await evaluating).loss);
    }
    const weights = Object.values(await one.trainer.weights()).flatMap(({ data }) => [...data]);
    return { numbers: [...numbers, ...weights].join(), events: events.trim() };
  } finally {
    one.release();
    for (const engine of engines) await engine.destroy();
  }
}

/**
 * Steps at which a device is destroyed, from a seed (Park and Miller 1988), and what came out.
 * @param {number} count
 * @param {number} seed
 */
export async function lostDevices(count, seed) {
  const expected = await trained(undefined);
  const found = [];
  let state = seed;
  for (let i = 0; i < count; i++) {
    state = (state * 48271) % 2147483647;
    const step = state % STEPS;
    const duringEvaluation = i % 4 === 3;
    const { numbers, events } = await trained(step, duringEvaluation);
    found.push({ step, duringEvaluation, same: numbers === expected.numbers, events });
  }
  return { undisturbed: expected.events, found };
}

const { Deno, process } = /** @type {any} */ (globalThis);
if ("document" in globalThis) Object.assign(globalThis, { lostDevices });
else {
  const [count, seed] = (Deno ? Deno.args : process.argv.slice(2)).map(Number);
  console.log(JSON.stringify(await lostDevices(count, seed)));
}

/** A short training on threads, for `test/wasm/threads/hosts.test.ts`: the same bits on every host. */

/** By their paths, as an import map does not hold in a page's worker. */
const modules = () => Promise.all(["index", "data", "wasm"].map((name) => import(`../../dist/${name}.js`)));

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((later) => setTimeout(later, milliseconds));

/**
 * An engine with so many threads, and a training on it.
 * @param {number} threads
 */
async function open(threads) {
  const [{ dense, relu, sequential, session }, { makeBlobs }, { wasm }] = await modules();
  const engine = wasm({ threads });
  const blobs = makeBlobs({ count: 1200, features: 70 });
  const model = sequential(dense(150), relu(), dense(40), relu(), dense(3));
  const training = await session(engine, model, blobs, { batchSize: 300, seed: 1 });
  return { engine, training };
}

/**
 * Trains, and lets workers come while it does.
 * @param {number} threads
 */
export async function train(threads) {
  const { engine, training } = await open(threads);
  const losses = [];
  for (let i = 0; i < 6; i++) {
    losses.push(...(await training.advance(20)).losses);
    await pause(100);
  }
  return { engine, losses, features: engine.info.features };
}

/**
 * The same, with an engine that is destroyed in the end.
 * @param {number} threads
 */
export async function trainAndEnd(threads) {
  const { engine, losses, features } = await train(threads);
  await engine.destroy();
  return { losses, features };
}

/**
 * Opens engines with workers, and destroys them: some before their workers have started.
 * @param {number} engines
 */
export async function openAndEnd(engines) {
  const [, , { wasm }] = await modules();
  for (let i = 0; i < engines; i++) {
    const engine = wasm({ threads: 2 });
    if (i % 10 === 0) await pause(50);
    await engine.destroy();
  }
}

/**
 * What a training hears whose engine is destroyed in the middle of its steps.
 * @param {number} threads
 */
export async function endInTheMiddle(threads) {
  const { engine, training } = await open(threads);
  await training.advance(20);
  await pause(200);
  const steps = training.advance(1_000_000).then(
    () => "done",
    (/** @type {unknown} */ error) => String(error),
  );
  await pause(50);
  await engine.destroy();
  return steps;
}

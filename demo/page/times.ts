/** How fast two engines multiply matrices: a short measurement, for the choice between them. */
import { compile, type Engine, init, matmul, sum } from "wgrad";
import type { Times } from "./device.tsx";

/** The product of an MLP's first layer, at a common batch. */
const [ROWS, INNER, COLUMNS] = [128, 784, 128];
/** Products in one run, as a training's steps are. */
const PRODUCTS = 8;
const WARM_UP = 3;
const REPETITIONS = 5;

/** Milliseconds of a product on each, the best of some by turns. */
export async function measureTimes(gpu: Engine, wasm: Engine): Promise<Times> {
  const runs = { gpu: await product(gpu), wasm: await product(wasm) };
  const best = { gpu: Number.POSITIVE_INFINITY, wasm: Number.POSITIVE_INFINITY };
  for (let i = 0; i < WARM_UP + REPETITIONS; i++) {
    for (const name of ["gpu", "wasm"] as const) {
      const began = performance.now();
      await runs[name].run();
      if (i >= WARM_UP) best[name] = Math.min(best[name], (performance.now() - began) / PRODUCTS);
    }
  }
  for (const { release } of Object.values(runs)) release();
  return best;
}

async function product(engine: Engine) {
  const { step } = await compile(
    engine,
    { a: [ROWS, INNER], b: [INNER, COLUMNS] },
    ({ a, b }) => ({ sums: sum(matmul(a, b), 1) }),
    { name: "product", maxSteps: PRODUCTS },
  );
  const uniform = init.uniform(-1, 1);
  step.write({
    a: uniform([ROWS, INNER], { seed: 1, stream: 1 }),
    b: uniform([INNER, COLUMNS], { seed: 1, stream: 2 }),
  });
  return { run: () => step.runMany(PRODUCTS, () => ({})), release: () => step.release() };
}

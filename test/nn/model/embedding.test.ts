/** What an embedding sends back to its table: the right sums, the same in every run, at a price that tables can pay. */
import { describe, expect, it } from "vitest";
import { createTrainer, type Engine, embedding, mul, programCost, sgd, sum } from "../../../src/index.ts";
import { uniforms } from "../../../src/random.ts";
import { ENGINES, useEngines } from "../../helpers/engines.ts";

const engines = useEngines();

const [ROWS, WIDTH, TOKENS] = [16_000, 64, 512];
/** A few rows often, many never. */
const tokens = Int32Array.from(uniforms(TOKENS, 1, 0), (u) => Math.floor(ROWS * u ** 3));
const factors = uniforms(TOKENS * WIDTH, 1, 1);

/** A step that takes the gradient of Σ factor · row of each token, and leaves it in the table. */
async function trained(engine: Engine) {
  const trainer = createTrainer(
    engine,
    embedding(ROWS, WIDTH, { init: ([r, w]) => new Float32Array(r * w) }),
    {
      inputShape: [1],
      optimizer: sgd({ learningRate: 1 }),
    },
  );
  const step = await trainer.compile(({ i, f }, model) => ({ minimize: sum(mul(model(i), f)) }), {
    inputs: { i: { shape: [TOKENS], dtype: "i32" }, f: [TOKENS, WIDTH] },
  });
  await step.run({ i: tokens, f: factors });
  const { weight } = await trainer.weights();
  const { program } = step;
  step.release();
  trainer.release();
  return { table: weight.data, program };
}

describe.each(ENGINES)("the table of an embedding on the %s", (kind) => {
  it("gets the sum of what its rows' tokens send back", async () => {
    const { table } = await trained(engines[kind]);
    const want = new Float64Array(ROWS * WIDTH);
    tokens.forEach((row, i) => {
      for (let c = 0; c < WIDTH; c++) want[row * WIDTH + c] -= factors[i * WIDTH + c];
    });
    expect(want.filter((value) => value !== 0).length).toBeGreaterThan(TOKENS * 2);
    const worst = want.reduce((most, value, i) => Math.max(most, Math.abs(value - table[i])), 0);
    expect(worst).toBeLessThan(1e-5);
    expect(table.every(Number.isFinite)).toBe(true);
    const again = (await trained(engines[kind])).table;
    expect(again.findIndex((value, i) => value !== table[i])).toBe(-1);
  });

  it("is gone through once, not once for each token", async () => {
    const { program } = await trained(engines[kind]);
    const { flops, bytes } = programCost(program);
    expect(program.dispatches.map(({ kernel }) => kernel)).toContain("scatterRows");
    expect(flops).toBeLessThan(10 * (ROWS + TOKENS) * WIDTH);
    // Written by the gradient, and read and written by the optimizer.
    expect(bytes).toBeLessThan(4 * 5 * (ROWS + TOKENS) * WIDTH);
  });
});

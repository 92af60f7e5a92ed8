// Many steps of a program in its first run, whose launches are submits of their own: a row of results for each step.
// Prints them; test/deno.test.ts runs this file in Deno, on the built package.
import { compile, connect, cpu, ops, stepScalar } from "../../dist/index.js";

for (const engine of [await connect(), cpu()]) {
  const twice = await compile(
    engine,
    { x: [3] },
    ({ x }) => {
      const y = ops.mul(x, stepScalar("factor"));
      return { y, sum: ops.sum(y) };
    },
    { maxSteps: 5 },
  );
  twice.step.write({ x: new Float32Array([1, 2, 4]) });
  const { y, sum } = await twice.step.runMany(5, (i) => ({ factor: i + 1 }));
  console.log(JSON.stringify({ y: [...y], sum: [...sum] }));
  twice.release();
  await engine.destroy();
}

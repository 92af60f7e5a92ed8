/** Functions without a model: resident data, many runs in one submit, random numbers by a seed. */
import { describe, expect, it } from "vitest";
import { add, compile, dataSource, mul, randomUniform, stepScalar } from "wgrad";
import { ENGINES, useEngines } from "../helpers/engines.ts";

const engines = useEngines();

describe.each(ENGINES)("a function on the %s", (kind) => {
  it("reads resident data, and runs many times in one submit", async () => {
    const table = engines[kind].buffer("table", "f32", 2, Float32Array.of(1, 10));
    using scaled = await compile(
      engines[kind],
      { x: [2] },
      ({ x }) => ({ y: mul(add(x, dataSource("table", [2], "f32")), stepScalar("factor")) }),
      { name: "scaled", data: { table }, maxSteps: 3 },
    );
    expect([...(await scaled({ x: Float32Array.of(1, 2) }, { factor: 2 })).y]).toEqual([4, 24]);
    scaled.step.write({ x: Float32Array.of(0, 0) });
    const { y } = await scaled.step.runMany(3, (i) => ({ factor: i }));
    expect([...y]).toEqual([0, 0, 1, 10, 2, 20]);
    expect(scaled.program.name).toBe("scaled");
    table.release();
  });

  it("has random numbers by its seed and the step", async () => {
    const drawn = async (seed: number, step: number) => {
      using random = await compile(engines[kind], {}, () => ({ y: randomUniform([4], 0) }), { seed });
      return [...(await random({}, { step })).y];
    };
    expect(await drawn(1, 0)).toEqual(await drawn(1, 0));
    expect(await drawn(2, 0)).not.toEqual(await drawn(1, 0));
    expect(await drawn(1, 1)).not.toEqual(await drawn(1, 0));
  });
});

it("a function has nothing to minimise, and takes no option that it does not know", async () => {
  const { cpu } = engines;
  const minimise = compile(cpu, { x: [] }, ({ x }) => ({ minimize: x }));
  await expect(minimise).rejects.toThrow("there is no optimizer");
  const misspelt = compile(cpu, { x: [] }, ({ x }) => ({ x }), { maxStep: 3 } as never);
  await expect(misspelt).rejects.toThrow('compile: there is no option "maxStep"');
  const refused = compile(cpu, { x: [] }, ({ x }) => ({ x }), { seed: -1 });
  await expect(refused).rejects.toThrow("compile: seed is -1");
});

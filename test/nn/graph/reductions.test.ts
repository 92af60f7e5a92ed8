/** Reductions over axes: long ones in parts, and sums that other kernels compute along with their own results. */
import { describe, expect, it } from "vitest";
import { compile, gradients, ops, sum, type Tensor } from "../../../src/index.ts";
import { ENGINES, useEngines } from "../../helpers/engines.ts";

const engines = useEngines();

type Body = (x: Tensor) => Tensor;
const kernelsOf = (program: { readonly dispatches: readonly { readonly kernel: string }[] }) =>
  program.dispatches.map(({ kernel }) => kernel);

/** Sizes that no number of parts divides. */
const LONG = [300_007] as const;
const TALL = [70_001, 5] as const;

describe.each(ENGINES)("long reductions, %s", (kind) => {
  async function run(shape: readonly number[], x: Float32Array, body: Body) {
    const step = await compile(engines[kind], { x: shape }, ({ x }) => ({ y: body(x) }));
    const { y } = await step({ x });
    step.release();
    return { y: [...y], kernels: kernelsOf(step.program) };
  }
  /** Numbers whose sums are exact in 32 bits. */
  const integers = (count: number) => Float32Array.from({ length: count }, (_, i) => ((i * 7919) % 61) - 30);
  const inTwo = ["reduce", "reduce"];

  it("take every element once", async () => {
    const x = integers(LONG[0]);
    const total = x.reduce((a, b) => a + b, 0);
    expect(await run(LONG, x, (t) => sum(t))).toEqual({ y: [total], kernels: inTwo });
    x[LONG[0] - 1] = 1000;
    expect(await run(LONG, x, (t) => ops.max(t))).toEqual({ y: [1000], kernels: inTwo });
  });

  it("take every element of a column once", async () => {
    const x = integers(TALL[0] * TALL[1]);
    const column = (c: number) => x.filter((_, i) => i % TALL[1] === c);
    const totals = [0, 1, 2, 3, 4].map((c) => column(c).reduce((a, b) => a + b, 0));
    expect(await run(TALL, x, (t) => sum(t, 0))).toEqual({ y: totals, kernels: inTwo });
  });

  it("keep NaN, in the column where it is", async () => {
    const x = integers(TALL[0] * TALL[1]);
    x[TALL[1] * 50_000 + 3] = Number.NaN;
    expect((await run(TALL, x, (t) => ops.max(t, 0))).y).toEqual([30, 30, 30, Number.NaN, 30]);
    expect((await run(TALL, x, (t) => sum(t, 0))).y.map(Number.isNaN)).toEqual([
      false,
      false,
      false,
      true,
      false,
    ]);
  });

  it("are one where positions are wanted, and where there are enough results", async () => {
    const x = integers(LONG[0]);
    x[123_456] = 31;
    expect(await run(LONG, x, (t) => ops.argmax(t))).toEqual({ y: [123_456], kernels: ["reduce"] });
    const rows = integers(2 ** 18);
    expect((await run([2 ** 12, 2 ** 6], rows, (t) => sum(t, 1))).kernels).toEqual(["reduce"]);
  });
});

it("the bias's gradient comes with the weight's where a layer's input has more axes", async () => {
  const shapes = { x: [2, 5, 4], w: [3, 4], b: [3], dy: [2, 5, 3] } as const;
  const step = await compile(engines.gpu, shapes, ({ x, w, b, dy }) => {
    const y = ops.add(ops.reshape(ops.matmul(ops.reshape(x, [10, 4]), ops.transpose(w)), [2, 5, 3]), b);
    const [dw, db] = gradients(y, [w, b], dy);
    return { dw, db };
  });
  expect(kernelsOf(step.program)).toEqual(["matmul"]);
  const dy = Float32Array.from({ length: 30 }, (_, i) => i % 7);
  const ones = (count: number) => new Float32Array(count).fill(1);
  const { db } = await step({ x: ones(40), w: ones(12), b: ones(3), dy });
  step.release();
  expect([...db]).toEqual([0, 1, 2].map((c) => dy.filter((_, i) => i % 3 === c).reduce((a, b) => a + b, 0)));
});

/** Only what reaches an index is held to what it chooses from; what is computed is held to it on the device. */
import { describe, expect, it } from "vitest";
import { dataset } from "../../../src/data/index.ts";
import {
  add,
  argmax,
  compile,
  concat,
  correctCount,
  createTrainer,
  dense,
  type Engine,
  embedding,
  fit,
  gather,
  gradients,
  iota,
  mul,
  ops,
  pad,
  type Scope,
  type Shape,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  transpose,
} from "../../../src/index.ts";
import { rowCrossEntropy } from "../../../src/nn/graph/ops/crossEntropy.ts";
import { ENGINES, useEngines } from "../../helpers/engines.ts";

const engines = useEngines();
const int = (...values: number[]) => Int32Array.from(values);

/** [rows, 2]: row r is [r, 10 r]. */
const table = (rows: number) => mul(iota([rows, 2], 0), tensor([1, 10]));

async function step(engine: Engine, shape: Shape, body: (x: Tensor) => Tensor, dtype: "f32" | "i32" = "i32") {
  const trainer = createTrainer(engine, (x) => x, { inputShape: [1] });
  return trainer.compile(({ x }) => ({ y: body(x) }), { inputs: { x: { shape, dtype } } });
}

describe.each(ENGINES)("on the %s", (kind) => {
  it("ids of two kinds in one tensor are each held to their own table", async () => {
    const both = await step(engines[kind], [2, 2], (x) => {
      const of = (column: number) => ops.reshape(slice(x, column, column + 1, 1), [2]);
      return add(gather(table(3), of(0)), gather(table(100), of(1)));
    });
    expect((await both.run({ x: int(2, 99, 0, 5) })).y).toEqual(Float32Array.of(101, 1010, 5, 50));
    expect(() => both.write({ x: int(2, 99, 3, 5) })).toThrow(
      'input "x": element 2 is 3; it is used as an index, and must be a whole number from 0 to 2',
    );
    expect(() => both.write({ x: int(2, 99, 0, 100) })).toThrow(
      'input "x": element 3 is 100; it is used as an index, and must be a whole number from 0 to 99',
    );
    both.release();
  });

  it("a category may stand beside numbers", async () => {
    const mixed = await step(
      engines[kind],
      [2, 3],
      (x) => concat([gather(table(4), ops.reshape(slice(x, 1, 2, 1), [2])), x], 1),
      "f32",
    );
    const x = Float32Array.of(-0.5, 3, 1e6, 2.25, 0, -7);
    expect((await mixed.run({ x })).y).toEqual(Float32Array.of(3, 30, -0.5, 3, 1e6, 0, 0, 2.25, 0, -7));
    expect(() => mixed.write({ x: Float32Array.of(0, 1.5, 0, 0, 0, 0) })).toThrow(
      "element 1 is 1.5; it is used",
    );
    expect(() => mixed.write({ x: Float32Array.of(0, 1, 0, 0, 4, 0) })).toThrow("element 4 is 4; it is used");
    mixed.release();
  });

  it.each<[string, Shape, (x: Tensor) => Tensor, number, number]>([
    // Of x [2, 3]: the indices, an element that is one, an element that is none.
    ["of a transposed slice", [2, 3], (x) => slice(transpose(x), 1, 2), 4, 5],
    ["of a slice that is put into another shape", [2, 3], (x) => slice(ops.reshape(x, [3, 2]), 1, 2), 3, 4],
    ["of slices put together", [2, 3], (x) => concat([slice(x, 0, 1, 1), slice(x, 2, 3, 1)], 1), 5, 4],
    ["with zeros around", [2, 3], (x) => pad(slice(x, 1, 2, 1), 1, 1, 1), 4, 3],
    ["of every other row", [4, 1, 2], (x) => slice(ops.reshape(x, [2, 4]), 0, 2, 1), 5, 6],
    ["of rows that are chosen", [3, 2], (x) => slice(gather(x, tensor([0, 2])), 1, 2, 1), 3, 4],
  ])("indices %s", async (_name, shape, body, held, free) => {
    const picked = await step(engines[kind], shape, (x) => gather(table(5), body(x)));
    const count = shape.reduce((a, b) => a * b);
    const x = (at: number) => int(...Array.from({ length: count }, (_, i) => (i === at ? 7 : 1)));
    expect(() => picked.write({ x: x(free) })).not.toThrow();
    expect(() => picked.write({ x: x(held) })).toThrow(`element ${held} is 7; it is used as an index`);
    picked.release();
  });

  it("indices of rows that only enter a product", async () => {
    const trainer = createTrainer(engines[kind], dense(2), { inputShape: [2] });
    const product = await trainer.compile(({ data, i }, model) => ({ y: model(gather(data, i)) }), {
      inputs: { data: [5, 2], i: { shape: [3], dtype: "i32" } },
    });
    product.write({ data: new Float32Array(10), i: int(0, 4, 2) });
    expect(() => product.write({ i: int(0, 5, 2) })).toThrow(
      'input "i": element 1 is 5; it is used as an index',
    );
    product.release();
    trainer.release();
  });

  it("what is computed is rounded down and brought into the range", async () => {
    const computed = await compile(engines[kind], { x: [5] }, ({ x }) => ({
      rows: gather(table(4), mul(x, 2)),
      loss: ops.crossEntropy(mul(iota([5, 4], 1), 100), mul(x, 2)),
      hits: correctCount(mul(iota([5, 4], 1), 100), mul(x, 2)),
    }));
    const { rows, loss, hits } = await computed({ x: Float32Array.of(-3, 0.7, 1.6, 1e9, -1e-3) });
    expect(rows).toEqual(Float32Array.of(0, 0, 1, 10, 3, 30, 3, 30, 0, 0));
    // The label of 0.7 is 1, that of 1.6 is 3.
    expect(loss[0]).toBeCloseTo((300 + 200 + 0 + 0 + 300) / 5, 3);
    expect(hits).toEqual(Float32Array.of(0));
    computed.release();
  });

  it("NaN for an index gives NaN, and is never right", async () => {
    const computed = await compile(engines[kind], { x: [3] }, ({ x }) => {
      const logits = tensor([9, 0, 9, 0, 0, 9], [3, 2]);
      const i = mul(x, 1.5);
      const rows = gather(table(4), i);
      const [dx] = gradients(sum(add(rows, square(ops.reshape(x, [3, 1])))), [x]);
      return { rows, loss: rowCrossEntropy(logits, i), hits: correctCount(logits, i), dx };
    });
    const { rows, loss, hits, dx } = await computed({
      x: Float32Array.of(Number.NaN, 2, Number.POSITIVE_INFINITY),
    });
    const nan = Number.NaN;
    expect([...rows]).toEqual([nan, nan, 3, 30, nan, nan]);
    expect([...loss].map(Number.isNaN)).toEqual([true, false, true]);
    expect([...hits]).toEqual([0]);
    expect(dx[1]).toBe(8);
    computed.release();
  });

  it("a gradient goes to the row that was read", async () => {
    const sent = await compile(engines[kind], { x: [3], w: [4] }, ({ x, w }) => ({
      dw: gradients(sum(mul(gather(w, sub(x, 1)), tensor([1, 2, 4]))), [w])[0],
      best: gather(tensor([5, 6]), argmax(ops.reshape(w, [1, 4]))),
    }));
    const { dw, best } = await sent({ x: Float32Array.of(-5, 3, 99), w: Float32Array.of(0, 0, 0, 1) });
    expect([...dw]).toEqual([1, 0, 2, 4]);
    expect([...best]).toEqual([6]);
    sent.release();
  });
});

describe("a data set with ids of two kinds and a number", () => {
  const model = (x: Tensor, scope: Scope) => {
    const column = (at: number) => ops.reshape(slice(x, at, at + 1, 1), [x.shape[0]]);
    const user = embedding(3, 2).apply(column(0), scope.child("user"));
    const item = embedding(50, 2).apply(column(1), scope.child("item"));
    return dense(2).apply(concat([concat([user, item], 1), slice(x, 2, 3, 1)], 1), scope.child("out"));
  };
  const data = (rows: readonly number[]) =>
    dataset({
      name: "ratings",
      inputs: { data: Float32Array.from(rows), shape: [3] },
      targets: { data: Int32Array.from({ length: rows.length / 3 }, (_, i) => i % 2) },
      classes: 2,
    });
  const good = [0, 49, -1.5, 2, 0, 1e4, 1, 30, 0.25, 2, 48, -8];
  const options = { epochs: 1, batchSize: 2, seed: 1 };

  it.each([undefined, 100])(
    "is trained on, and refused where an id has no row (dataMemory %s)",
    async (dataMemory) => {
      const run = fit(engines.cpu, model, data(good), { ...options, dataMemory });
      for await (const { loss } of run) expect(loss).toBeGreaterThan(0);
      const bad = fit(engines.cpu, model, data(good.with(9, 3)), { ...options, dataMemory });
      await expect(async () => {
        for await (const _ of bad);
      }).rejects.toThrow(
        /ratings inputs: element \d+ is 3; it is used as an index, and must be a whole number from 0 to 2/,
      );
    },
  );
});

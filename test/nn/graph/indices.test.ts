/** What is used as an index is checked where the host writes it. */
import { describe, expect, it } from "vitest";
import {
  concat,
  constant,
  correctCount,
  cpu,
  createTrainer,
  dense,
  embedding,
  gather,
  oneHot,
  ops,
  reshape,
  sequential,
  sum,
  type Tensor,
  tensor,
} from "../../../src/index.ts";

describe("indices are held to what they choose from", () => {
  const engine = cpu();
  const int = (...values: number[]) => Int32Array.from(values);

  /** A step on inputs `i` of indices, that gives what `body` makes of them. */
  async function step(body: (i: Tensor) => Tensor) {
    const trainer = createTrainer(engine, dense(1), { inputShape: [3] });
    return trainer.compile(({ i }) => ({ y: body(i) }), { inputs: { i: { shape: [2], dtype: "i32" } } });
  }
  const logits = () => constant(0, [2, 3]);

  it.each<[string, (i: Tensor) => Tensor]>([
    ["gather", (i) => gather(constant(0, [3, 2]), i)],
    ["gather of a view", (i) => gather(constant(0, [3, 2]), ops.reshape(i, [2, 1]))],
    ["crossEntropy", (i) => ops.crossEntropy(logits(), i)],
    ["crossEntropy with class weights", (i) => ops.crossEntropy(logits(), i, { classWeights: [1, 2, 3] })],
    ["meanSquaredError", (i) => ops.meanSquaredError(logits(), i)],
    ["correctCount", (i) => correctCount(logits(), i)],
    ["oneHot", (i) => oneHot(i, 3)],
  ])("by %s", async (_name, body) => {
    const { executable } = await step(body);
    executable.write("i", int(0, 2));
    const wrong = "it is used as an index, and must be a whole number from 0 to 2";
    expect(() => executable.write("i", int(0, 3))).toThrow(`input "i": element 1 is 3; ${wrong}`);
    expect(() => executable.write("i", int(-1, 0))).toThrow(`input "i": element 0 is -1; ${wrong}`);
  });

  it("but for the one that is ignored", async () => {
    const { executable } = await step((i) => ops.crossEntropy(logits(), i, { ignoreIndex: 255 }));
    executable.write("i", int(255, 2));
    expect(() => executable.write("i", int(0, 254))).toThrow(
      "element 1 is 254; it is used as an index, and must be a whole number from 0 to 2, or 255",
    );
    // What another op does not ignore is not allowed.
    const both = await step((i) =>
      concat([
        ops.reshape(ops.crossEntropy(logits(), i, { ignoreIndex: 255 }), [1]),
        ops.reshape(correctCount(logits(), i), [1]),
      ]),
    );
    expect(() => both.executable.write("i", int(255, 2))).toThrow("element 0 is 255");
    // What another op has a place for is.
    const placed = await step((i) =>
      concat([
        ops.reshape(ops.crossEntropy(logits(), i, { ignoreIndex: 4 }), [1]),
        ops.reshape(sum(oneHot(i, 6, 1)), [1]),
      ]),
    );
    placed.executable.write("i", int(4, 2));
    expect(() => placed.executable.write("i", int(5, 2))).toThrow("from 0 to 2, or 4");
  });

  it("in constants, too", async () => {
    const compiling = step((i) => concat([oneHot(i, 2), gather(constant(0, [3, 2]), tensor([1, 5]))]));
    await expect(compiling).rejects.toThrow("indices [1, 5]: element 1 is 5; it is used as an index");
  });

  it("of an embedding", async () => {
    const trainer = createTrainer(engine, sequential(reshape(3), embedding(5, 2)), { inputShape: [3] });
    const compiled = await trainer.compile(({ i }, model) => ({ y: model(i) }), {
      inputs: { i: { shape: [2, 3], dtype: "i32" } },
    });
    await expect(compiled.run({ i: int(0, 1, 2, 3, 4, 5) })).rejects.toThrow(
      'input "i": element 5 is 5; it is used as an index, and must be a whole number from 0 to 4',
    );
  });
});

/** Gradients where there is no derivative: what is chosen there, as PyTorch chooses. */
import { describe, expect, it } from "vitest";
import { abs, compile, gradients, max, ops, sum, type Tensor } from "../../../src/index.ts";
import { maximum, minimum } from "../../../src/nn/graph/ops/scalar.ts";
import { inputSource } from "../../../src/nn/graph/ops/source.ts";
import { ENGINES, useEngines } from "../../helpers/engines.ts";
import { programOf } from "../../helpers/graph-run.ts";

const engines = useEngines();

interface Tie {
  readonly x: readonly number[];
  readonly shape: readonly number[];
  readonly body: (x: Tensor) => Tensor;
  /** The gradient of the sum of the results. */
  readonly gradient: readonly number[];
}

const ties: Record<string, Tie> = {
  "equal maxima of a row share": {
    x: [1, 3, 3, 0, 2, 2, 2, -1],
    shape: [2, 4],
    body: (x) => max(x, 1),
    gradient: [0, 0.5, 0.5, 0, 1 / 3, 1 / 3, 1 / 3, 0],
  },
  "equal maxima of a row of computed values share": {
    x: [1, 3, -3, 0, 2, -2, 2, -1],
    shape: [2, 4],
    body: (x) => max(abs(x), 1),
    gradient: [0, 0.5, -0.5, 0, 1 / 3, -1 / 3, 1 / 3, 0],
  },
  "equal operands of maximum share": {
    x: [2, 3],
    shape: [2],
    body: (x) => maximum(x, 2),
    gradient: [0.5, 1],
  },
  "equal operands of minimum share": {
    x: [2, 3],
    shape: [2],
    body: (x) => minimum(x, 2),
    gradient: [0.5, 0],
  },
  "abs has slope 0 at 0": { x: [0, -1], shape: [2], body: abs, gradient: [0, -1] },
  "relu has slope 0 at 0": { x: [0, 1], shape: [2], body: (x) => ops.relu(x), gradient: [0, 1] },
  "the first maximum of a window takes all": {
    x: [5, 5, 5, 5],
    shape: [1, 1, 2, 2],
    body: (x) => ops.maxPool2d(x, 2),
    gradient: [1, 0, 0, 0],
  },
};

describe.each(ENGINES)("on the %s", (kind) => {
  it.each(Object.entries(ties))("%s", async (_name, { x, shape, body, gradient }) => {
    const compiled = await compile(engines[kind], { x: shape }, (inputs) => ({
      dx: gradients(sum(body(inputs.x)), [inputs.x])[0],
    }));
    const { dx } = await compiled({ x: Float32Array.from(x) });
    // + 0 makes -0 a 0.
    expect([...dx].map((value) => value + 0)).toEqual(gradient.map(Math.fround));
  });
});

it("a maximum, and what is compared with it, are read from one place in memory", () => {
  const x = inputSource("x", [3, 4]);
  const dx = gradients(sum(max(abs(x), 1)), [x])[0];
  const { dispatches, buffers } = programOf({ outputs: { dx }, assigned: [], given: {} });
  const loads = dispatches
    .filter(({ kernel }) => kernel === "reduce")
    .map(({ hooks, bindings }) => ({
      calls: hooks.element.code.filter(({ op }) => op === "call").length,
      read: Object.entries(bindings)
        .filter(([name]) => name.startsWith("operand"))
        .map(([, { buffer }]) => buffers[buffer].kind),
    }));
  // On a GPU, computing |x| anew need not give the same bits, and then no element would equal the maximum.
  expect(loads[0]).toEqual({ calls: 0, read: ["temporary"] });
});

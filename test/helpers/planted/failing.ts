/** Layers of one's own that fail at a number, and gradients that overflow. */
import { adam, dense, init, type Layer, meanSquaredError, ops, sequential, sgd, type Tensor } from "wgrad";
import { common, FIRST, LAST, layer, table } from "./common.ts";
import { inOp, inState, type Network } from "./plants.ts";

/** A layer that adds what becomes of its parameter `trigger`, which is 0 in the beginning. */
function failing(name: string, fails: (trigger: Tensor) => Tensor): Layer {
  return layer(name, (x, scope) => {
    const trigger = scope.parameter("trigger", [1], { init: init.zeros(), decay: false });
    return ops.add(x, ops.mul(fails(ops.add(ops.mul(x, 0), trigger)), 1e-3));
  });
}

/** Layer, what its trigger is set to, and the op that fails there. */
const FAILURES: readonly (readonly [
  name: string,
  fails: (trigger: Tensor) => Tensor,
  trigger: number,
  op: string | readonly string[],
  phase?: "backward",
])[] = [
  ["logOfZero", (t) => ops.log(ops.sub(1, t)), 1, "log"],
  ["logOfLess", (t) => ops.log(ops.sub(1, t)), 7, "log"],
  ["root", (t) => ops.sqrt(ops.sub(1, t)), 5, "sqrt"],
  ["overZero", (t) => ops.div(1, ops.sub(1, t)), 1, "div"],
  ["zeroOverZero", (t) => ops.div(ops.sub(t, 2), ops.sub(t, 2.000001)), 2.000001, "div"],
  ["power", (t) => ops.exp(t), 100, "exp"],
  ["squared", (t) => ops.square(t), -1e20, "square"],
  ["cubed", (t) => ops.mul(t, ops.mul(t, t)), 1e13, "mul"],
  ["doubled", (t) => ops.add(t, t), 3e38, "add"],
  ["less", (t) => ops.sub(t, ops.neg(t)), -3e38, "sub"],
  ["total", (t) => ops.broadcastTo(ops.sum(t, 1, { keepDims: true }), t.shape), 2e38, "sum"],
  ["middle", (t) => ops.broadcastTo(ops.mean(t, 1, { keepDims: true }), t.shape), 3e38, "sum"],
  [
    "product",
    (t) => ops.matmul(t, ops.transpose(ops.broadcastTo(ops.sum(ops.mul(t, 1e-3), 0), [4, 4]), [1, 0])),
    1e21,
    "matmul",
  ],
  ["tangent", (t) => ops.div(ops.sin(t), ops.sub(ops.cos(ops.mul(t, 0)), t)), 1, "div"],
  ["odds", (t) => ops.log(ops.div(ops.add(0.5, t), ops.sub(0.5, t))), 0.5, "div"],
  ["entropy", (t) => ops.mul(t, ops.log(ops.maximum(ops.add(t, 1), 0))), -1, "log"],
  ["scaled", (t) => ops.mul(ops.mul(t, 1e30), 1e-30), 1e10, "mul"],
  ["steepRoot", (t) => ops.sqrt(ops.sub(1, t)), 1, "div", "backward"],
  ["steepPower", (t) => ops.mul(ops.mul(ops.mul(ops.sub(t, t), 1e25), 1e25), 1), 0, "mul", "backward"],
];

export const custom: Network = {
  name: "layers of one's own",
  model: () =>
    sequential(
      dense(4),
      ...FAILURES.filter(([name]) => name !== "steepPower").map(([name, fails]) => failing(name, fails)),
      dense(1),
    ),
  data: () => table(3),
  options: { ...common, optimizer: sgd({ learningRate: 1e-4 }), loss: meanSquaredError() },
  plants: [
    ...FAILURES.filter(([name]) => name !== "steepPower").map(([name, , trigger, op, phase = "forward"], i) =>
      inOp(`trigger of ${name}`, (bed) => bed.set(`${i + 1}.trigger`, trigger), {
        phase,
        layer: `${i + 1}.${name}`,
        op,
      }),
    ),
    ...inState("parameter", [
      ["1.trigger", 0],
      ["9.trigger", 0],
    ]),
  ],
};

/** Gradients that overflow on their way back, where all numbers on the way there are small. */
export const steep: Network = {
  name: "gradients that overflow",
  model: () =>
    sequential(
      dense(4),
      failing("amplified", (t) => ops.mul(ops.mul(ops.mul(t, 1e-30), 1e20), 1e19)),
      dense(1),
    ),
  data: () => table(3),
  options: {
    ...common,
    optimizer: adam(),
    loss: {
      name: "steep",
      apply: (outputs: Tensor, targets: Tensor) =>
        ops.mean(ops.mul(ops.square(ops.sub(ops.reshape(outputs, [-1]), targets)), 1e-3)),
    },
  },
  plants: [
    inOp("weights carry a gradient away", (bed) => bed.fill("2.weight", 1e33), {
      layer: "loss",
      op: "square",
    }),
    inOp("targets carry the loss away", (bed) => bed.target(FIRST, 0, 1e30), {
      layer: "loss",
      op: "square",
      phase: "forward",
    }),
    inOp("a target carries a gradient away on its way back", (bed) => bed.target(LAST, 0, 3e18), {
      phase: "backward",
      layer: "1.amplified",
      op: "mul",
    }),
    inOp(
      "an input carries the gradient of weights away",
      (bed) => {
        for (const tensor of ["0.weight", "0.bias", "1.trigger", "2.bias"]) bed.fill(tensor, 0);
        bed.fill("2.weight", 1e4);
        bed.input(FIRST, 1, 3e38);
      },
      { phase: "backward", layer: "0.dense", op: "matmul", tensor: "gradient of 0.weight" },
    ),
  ],
};

/** Networks with each optimizer and loss, with what is planted into them. */
import {
  adagrad,
  adam,
  adamax,
  adamw,
  averaged,
  binaryCrossEntropy,
  dense,
  huber,
  type Loss,
  lion,
  lookahead,
  meanAbsoluteError,
  meanSquaredError,
  muon,
  nadam,
  type Optimizer,
  quadratic,
  rmsprop,
  scaling,
  sequential,
  sgd,
  sigmoid,
  sigmoidCrossEntropy,
  tanh,
} from "wgrad";
import { BATCH, common, FIRST, LAST, table } from "./common.ts";
import { BAD, type Bed, inBatch, inOp, inState, type Network } from "./plants.ts";

const OPTIMIZERS: readonly (readonly [name: string, make: () => Optimizer, slots: readonly string[]])[] = [
  ["sgd", () => sgd({ learningRate: 0.01 }), []],
  [
    "sgd with Nesterov's momentum",
    () => sgd({ learningRate: 0.01, momentum: 0.9, nesterov: true }),
    ["first"],
  ],
  ["adam with decay", () => adam({ weightDecay: 0.01 }), ["first", "second"]],
  ["adamw", () => adamw(), ["first", "second"]],
  ["nadam", () => nadam(), ["first", "second"]],
  ["adamax", () => adamax(), ["first", "second"]],
  ["lion", () => lion(), ["first"]],
  ["rmsprop", () => rmsprop(), ["second"]],
  ["adagrad", () => adagrad(), ["second"]],
  ["muon", () => muon(), ["first", "second"]],
  ["averaged", () => averaged(sgd({ learningRate: 0.01 })), ["average"]],
  ["lookahead", () => lookahead(adam(), { steps: 2 }), ["slow"]],
];

/** Those whose steps are no longer than the rate. */
const BOUNDED = ["nadam", "lion", "muon"];
/** Those that keep squares of gradients. */
const SQUARING = ["adam with decay", "adamw", "nadam", "rmsprop", "adagrad", "lookahead"];

export const optimizers: Network[] = OPTIMIZERS.map(([name, make, slots], i) => ({
  name,
  model: () => sequential(dense(3), tanh(), dense(1)),
  data: () => table(2),
  options: {
    ...common,
    optimizer: make(),
    loss: meanSquaredError(),
    ...(i % 2 === 1 && { clip: { value: 1e30 } }),
  },
  plants: [
    ...inState(
      "moment",
      slots.flatMap((slot, at): [string, number][] => [
        [`${slot} of 2.weight`, at],
        [`${slot} of 0.bias`, 2 - at],
      ]),
      // Adamax takes the larger of two: −∞ is gone with the step.
      name === "adamax" ? BAD.slice(0, 2) : BAD,
    ),
    ...inState("parameter", [
      ["0.bias", 2],
      ["2.weight", 0],
    ]),
    ...inBatch("input", [[FIRST + (i % BATCH), i % 2]]),
    ...inBatch("target", [[LAST - (i % BATCH), 0]]),
    ...(BOUNDED.includes(name)
      ? [
          {
            name: "an infinite rate",
            plant: (bed: Bed) => bed.step({ learningRate: Number.POSITIVE_INFINITY }),
            expected: { place: "scalar", tensor: "learningRate", value: Number.POSITIVE_INFINITY },
          },
        ]
      : [
          inOp("a rate that no weight outlives", (bed) => bed.step({ learningRate: 3e38 }), {
            phase: "update",
          }),
        ]),
    ...(SQUARING.includes(name)
      ? [
          inOp(
            "a gradient whose square overflows",
            (bed) => {
              bed.fill("0.weight", 0);
              bed.fill("0.bias", 0);
              bed.fill("2.weight", 1);
              bed.input(FIRST, 1, 1e4);
              bed.target(FIRST, 0, 1e19);
            },
            { phase: "update", layer: "optimizer", op: ["square", "mul"], tensor: "0.weight" },
          ),
        ]
      : []),
  ],
}));

const LOSSES: readonly (readonly [loss: Loss, fails: readonly string[], output?: number])[] = [
  [meanSquaredError(), ["square"], 1e25],
  [meanAbsoluteError(), ["sum", "mean", "mul"], 3e38],
  [quadratic(), ["square"], 1e25],
  [huber(), ["sum"], 3e38],
  [sigmoidCrossEntropy(), ["sum"], 3e38],
];

export const losses: Network[] = LOSSES.map(([loss, fails, output = 0]) => ({
  name: loss.name,
  model: () => dense(1),
  data: () => table(2, 0, 1),
  options: { ...common, optimizer: sgd(), loss },
  plants: [
    ...inBatch("target", [
      [FIRST, 0],
      [9, 0],
      [LAST, 0],
    ]),
    inOp(
      "an output that the loss cannot take",
      (bed) => {
        bed.fill("weight", 0);
        bed.fill("bias", -output);
      },
      { layer: "loss", op: fails },
    ),
  ],
}));

export const probabilities: Network = {
  name: "binaryCrossEntropy",
  model: () =>
    sequential(
      scaling({ shape: [2], offset: [0.5, 0.5], factor: [2, 2] }),
      dense(2),
      sigmoid(),
      dense(1),
      sigmoid(),
    ),
  data: () => table(2, 0, 1),
  options: { ...common, optimizer: sgd(), loss: binaryCrossEntropy(), penalty: { l2: 1e-3 } },
  plants: [
    ...inBatch("target", [[10, 0]]),
    ...inBatch("input", [[10, 1]]),
    ...inState("statistic", [["0.offset", 1]]),
    inOp("a penalty overflows", (bed) => bed.set("1.weight", 1e20, 1), {
      phase: "forward",
      layer: "penalty",
      op: "square",
    }),
    inOp(
      "scaled inputs overflow",
      (bed) => {
        bed.fill("0.factor", 3.4e38);
        bed.input(FIRST, 0, 9);
      },
      { layer: "0.scaling", op: "mul" },
    ),
  ],
};

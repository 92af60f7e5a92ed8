/** Ops that move values or combine them along axes. */
import { argmax, broadcastTo, max, mean, mul, reshape, square, sum, transpose } from "../../../src/index.ts";
import type { DifferentiableFunction } from "../../helpers/finite-differences.ts";
import { distinct, uniform } from "../../helpers/samples.ts";

export const shapeCases: Record<string, Record<string, DifferentiableFunction>> = {
  reshape: {
    plain: { inputs: { x: uniform([3, 5, 2]) }, body: ({ x }) => reshape(square(x), [5, -1]) },
  },
  transpose: {
    "two axes": { inputs: { x: uniform([3, 5]) }, body: ({ x }) => square(transpose(x)) },
    "three axes": { inputs: { x: uniform([3, 5, 2]) }, body: ({ x }) => transpose(square(x), [2, 0, 1]) },
  },
  broadcast: {
    "leading and inner axes": {
      inputs: { x: uniform([3, 1]) },
      body: ({ x }) => square(broadcastTo(x, [2, 3, 5])),
    },
    "a scalar": { inputs: { x: uniform([]) }, body: ({ x }) => broadcastTo(square(x), [3, 1]) },
  },
  reduce: {
    "sum of all": { inputs: { x: uniform([3, 5]) }, body: ({ x }) => sum(square(x)) },
    "sum of a middle axis": { inputs: { x: uniform([3, 5, 2]) }, body: ({ x }) => sum(square(x), 1) },
    "sum of outer axes": {
      inputs: { x: uniform([3, 5, 2]) },
      body: ({ x }) => sum(square(x), [0, 2], { keepDims: true }),
    },
    "sum over many": { inputs: { x: uniform([2, 130]) }, body: ({ x }) => square(sum(x, 1)) },
    mean: { inputs: { x: uniform([3, 5]) }, body: ({ x }) => mean(square(x), 0) },
    "max of the last axis": { inputs: { x: distinct([3, 7], 0.2) }, body: ({ x }) => max(x, 1) },
    "max of the first axis": {
      inputs: { x: distinct([7, 3], 0.2) },
      body: ({ x }) => square(max(x, 0, { keepDims: true })),
    },
    "max of a computed value": {
      inputs: { x: distinct([3, 7], 0.2), y: uniform([3, 1], 0.5, 1.5) },
      body: ({ x, y }) => max(mul(x, y), 1),
    },
    argmax: { inputs: { x: distinct([3, 7], 0.2) }, body: ({ x }) => argmax(x) },
  },
};

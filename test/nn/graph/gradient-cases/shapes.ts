/** Ops that move values or combine them along axes. */
import {
  argmax,
  broadcastTo,
  concat,
  gather,
  max,
  mean,
  mul,
  ops,
  pad,
  slice,
  square,
  sum,
  transpose,
} from "../../../../src/index.ts";
import { stored } from "../../../../src/nn/graph/ops/stored.ts";
import type { DifferentiableFunction } from "../../../helpers/finite-differences.ts";
import { node } from "../../../helpers/nodes.ts";
import { distinct, indices, uniform } from "../../../helpers/samples.ts";

export const shapeCases: Record<string, Record<string, DifferentiableFunction>> = {
  reshape: {
    plain: { inputs: { x: uniform([3, 5, 2]) }, body: ({ x }) => ops.reshape(square(x), [5, -1]) },
  },
  transpose: {
    "two axes": { inputs: { x: uniform([3, 5]) }, body: ({ x }) => square(transpose(x)) },
    "three axes": { inputs: { x: uniform([3, 5, 2]) }, body: ({ x }) => transpose(square(x), [2, 0, 1]) },
  },
  stored: {
    plain: { inputs: { x: uniform([3, 5]) }, body: ({ x }) => square(stored(square(x))) },
  },
  broadcast: {
    "leading and inner axes": {
      inputs: { x: uniform([3, 1]) },
      body: ({ x }) => square(broadcastTo(x, [2, 3, 5])),
    },
    "a scalar": { inputs: { x: uniform([]) }, body: ({ x }) => broadcastTo(square(x), [3, 1]) },
  },
  slice: {
    "first axis": { inputs: { x: uniform([5, 3]) }, body: ({ x }) => square(slice(x, 1, 3)) },
    "middle axis, to the end": {
      inputs: { x: uniform([2, 5, 3]) },
      body: ({ x }) => slice(square(x), -2, undefined, 1),
    },
  },
  pad: {
    "first axis": { inputs: { x: uniform([5, 3]) }, body: ({ x }) => square(pad(x, 0, 2, 1)) },
    "last axis": { inputs: { x: uniform([2, 5, 3]) }, body: ({ x }) => pad(square(x), 2, 0, 4) },
  },
  concat: {
    "two along the first axis": {
      inputs: { x: uniform([5, 3]), y: uniform([2, 3]) },
      body: ({ x, y }) => square(concat([x, y])),
    },
    "three along a middle axis": {
      inputs: { x: uniform([2, 1, 3]), y: uniform([2, 4, 3]) },
      body: ({ x, y }) => concat([square(x), y, x], 1),
    },
  },
  gather: {
    "some rows several times": {
      inputs: { x: uniform([5, 3]), rows: indices([2, 4], 5) },
      body: ({ x, rows }) => square(gather(x, rows)),
    },
    "single numbers": {
      inputs: { x: uniform([5]), rows: indices([7], 5) },
      body: ({ x, rows }) => gather(x, rows),
    },
  },
  scatterRows: {
    "some rows several times": {
      inputs: { x: uniform([2, 4, 3]), rows: indices([2, 4], 5) },
      body: ({ x, rows }) => square(node("scatterRows", [square(x), rows], { shape: [5, 3] })),
    },
    "single numbers": {
      inputs: { x: uniform([7]), rows: indices([7], 5) },
      body: ({ x, rows }) => node("scatterRows", [x, rows], { shape: [5] }),
    },
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

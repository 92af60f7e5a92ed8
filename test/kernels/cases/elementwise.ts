/** elementwise: sizes around workgroups, a grid that grows along y, and every instruction of hooks. */
import { elementwiseConstants, elementwiseFoursConstants } from "../../../src/kernels/elementwise.ts";
import type { Hook } from "../../../src/program.ts";
import { loadFrom, storeTo } from "../../helpers/kernel-run.ts";
import { indices, uniform } from "../../helpers/samples.ts";
import { EXACT, type KernelCase, TIGHT } from "./case.ts";

/** 65535 workgroups of 64 fill the grid along x. */
const FULL_ROW = 65535 * 64;

/** Every 7th number, so that neighbours differ and all are exact. */
function counting(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => (i * 7) % 1000003);
}

const copies = [1, 3, 17, 63, 64, 65, 1000, 70_001, FULL_ROW, FULL_ROW + 65].map(
  (size): KernelCase => ({
    name: `copies ${size} elements`,
    run: {
      kernel: "elementwise",
      constants: elementwiseConstants(size),
      hooks: { element: loadFrom("operand0"), store: storeTo("result0") },
      reads: { operand0: counting(size) },
      results: { result0: { length: size } },
    },
    tolerance: EXACT,
  }),
);

/** [5, 13] out of a transposed [13, 5] times a broadcast row, plus a row picked by index. */
const element: Hook = {
  code: [
    { op: "index" },
    {
      op: "map",
      from: 0,
      terms: [
        { div: 13, mod: 0, mul: 1 },
        { div: 1, mod: 13, mul: 5 },
      ],
      offset: 0,
    },
    { op: "load", binding: "operand0", at: 1 },
    { op: "map", from: 0, terms: [{ div: 1, mod: 13, mul: 1 }], offset: 3 },
    { op: "load", binding: "operand1", at: 3 },
    { op: "call", fn: "mul", args: [2, 4] },
    { op: "map", from: 0, terms: [{ div: 13, mod: 0, mul: 1 }], offset: 0 },
    { op: "load", binding: "operand2", at: 6 },
    { op: "map", from: 0, terms: [{ div: 1, mod: 13, mul: 1 }], offset: 0 },
    { op: "row", from: 7, size: 13, column: 8 },
    { op: "load", binding: "operand3", at: 9 },
    { op: "call", fn: "add", args: [5, 10] },
  ],
  result: 11,
};

/** Bytes from a position that changes with the step, times a factor that does. */
const bytes: Hook = {
  code: [
    { op: "index" },
    { op: "shift", from: 0, scalar: "start" },
    { op: "load", binding: "operand0", at: 1 },
    { op: "scalar", scalar: "factor" },
    { op: "call", fn: "mul", args: [2, 3] },
    { op: "scalar", scalar: "start" },
    { op: "call", fn: "sub", args: [4, 5] },
  ],
  result: 6,
};

/** Mirrors [5, 13] along both axes by negative strides: position 64 - index. */
const mirrored: Hook = {
  code: [
    { op: "index" },
    {
      op: "map",
      from: 0,
      terms: [
        { div: 13, mod: 0, mul: -13 },
        { div: 1, mod: 13, mul: -1 },
      ],
      offset: 64,
    },
    { op: "load", binding: "operand0", at: 1 },
  ],
  result: 2,
};

/** The value itself, and three computed from it, one of them an integer. */
const stores: Hook = {
  code: [
    { op: "value" },
    { op: "constant", value: -1.5 },
    { op: "call", fn: "mul", args: [0, 1] },
    { op: "index" },
    { op: "position", at: 3 },
    { op: "call", fn: "choose", args: [0, 4, 1] },
  ],
  stores: [
    { binding: "result0", from: 0 },
    { binding: "result1", from: 2 },
    { binding: "result2", from: 4 },
    { binding: "result3", from: 5 },
  ],
};

export const elementwiseCases: KernelCase[] = [
  ...copies,
  {
    name: "loads through views, gathers, and stores four results",
    run: {
      kernel: "elementwise",
      constants: elementwiseConstants(65),
      hooks: { element, store: stores },
      reads: {
        operand0: uniform([65]).data,
        operand1: uniform([16]).data,
        operand2: indices([5], 7).data,
        operand3: uniform([7 * 13]).data,
      },
      results: {
        result0: { length: 65 },
        result1: { length: 65 },
        result2: { length: 65, dtype: "i32" },
        result3: { length: 65 },
      },
    },
    tolerance: TIGHT,
  },
  {
    name: "reads bytes and step scalars",
    run: {
      kernel: "elementwise",
      constants: elementwiseConstants(65),
      hooks: { element: bytes, store: storeTo("result0") },
      reads: { operand0: Uint8Array.from({ length: 83 }, (_, i) => (i * 37) % 256) },
      results: { result0: { length: 65 } },
      scalars: [
        { name: "factor", dtype: "f32" },
        { name: "start", dtype: "u32" },
      ],
      steps: [
        { factor: 0.5, start: 0 },
        { factor: -2, start: 7 },
        { factor: 1, start: 18 },
      ],
    },
    tolerance: EXACT,
  },
  {
    name: "draws random numbers",
    run: {
      kernel: "elementwise",
      constants: elementwiseConstants(1000),
      hooks: {
        element: { code: [{ op: "index" }, { op: "random", at: 0, stream: 5, counter: "step" }], result: 1 },
        store: storeTo("result0"),
      },
      results: { result0: { length: 1000 } },
      scalars: [
        { name: "step", dtype: "u32" },
        { name: "seed", dtype: "u32" },
      ],
      steps: [
        { step: 1, seed: 0 },
        { step: 2, seed: 0 },
        { step: 2 ** 31 + 1, seed: 2 ** 32 - 1 },
      ],
    },
    tolerance: EXACT,
  },
  {
    name: "follows negative strides",
    run: {
      kernel: "elementwise",
      constants: elementwiseConstants(65),
      hooks: { element: mirrored, store: storeTo("result0") },
      reads: { operand0: counting(65) },
      results: { result0: { length: 65 } },
    },
    tolerance: EXACT,
  },
];

/** Heads of [2, 8, 12], 3 of width 4, moved before the 8: four neighbours lie side by side. */
const heads: Hook = {
  code: [
    { op: "index" },
    {
      op: "map",
      from: 0,
      terms: [
        { div: 96, mod: 0, mul: 96 },
        { div: 32, mod: 3, mul: 4 },
        { div: 4, mod: 8, mul: 12 },
        { div: 1, mod: 4, mul: 1 },
      ],
      offset: 0,
    },
    { op: "load", binding: "operand0", at: 1 },
    { op: "map", from: 1, terms: [{ div: 1, mod: 12, mul: -2 }], offset: 30 },
    { op: "load", binding: "operand1", at: 3 },
    { op: "call", fn: "hyperbolicTangent", args: [4] },
    { op: "call", fn: "add", args: [2, 5] },
  ],
  result: 6,
};

/** Cases from above in sizes that are multiples of four, and hooks of the forms that four neighbours can share. */
export const elementwiseFoursCases: KernelCase[] = [
  ...elementwiseCases
    .filter(({ run: { constants } }) => constants.SIZE >= 4 && constants.SIZE < FULL_ROW)
    .map(({ name, run, tolerance }): KernelCase => {
      const size = run.constants.SIZE - (run.constants.SIZE % 4);
      const results = Object.entries(run.results ?? {}).map(
        ([result, { dtype }]) => [result, { length: size, dtype }] as const,
      );
      return {
        name: `${name}, ${size} elements`,
        run: {
          ...run,
          kernel: "elementwiseFours",
          constants: elementwiseFoursConstants(size),
          results: Object.fromEntries(results),
        },
        tolerance,
      };
    }),
  {
    name: "moves heads, and reads backwards",
    run: {
      kernel: "elementwiseFours",
      constants: elementwiseFoursConstants(192),
      hooks: { element: heads, store: stores },
      reads: { operand0: counting(192), operand1: uniform([31]).data },
      results: {
        result0: { length: 192 },
        result1: { length: 192 },
        result2: { length: 192, dtype: "i32" },
        result3: { length: 192 },
      },
    },
    tolerance: TIGHT,
  },
  {
    name: "gives one number to all",
    run: {
      kernel: "elementwiseFours",
      constants: elementwiseFoursConstants(1028),
      hooks: { element: { code: [{ op: "constant", value: 3 }], result: 0 }, store: storeTo("result0") },
      results: { result0: { length: 1028 } },
    },
    tolerance: EXACT,
  },
];

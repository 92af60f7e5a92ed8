/** elementwise4: memory that is computed or updated as it lies, four elements at once, over an arena of tensors with padding. */
import { elementwise4Constants } from "../../../src/kernels/elementwise.ts";
import { ALIGNMENT, aligned, type Hook, type StepScalar } from "../../../src/program.ts";
import { loadFrom, storeTo } from "../../helpers/kernel-run.ts";
import { EXACT, type KernelCase, TIGHT } from "./case.ts";

/** Numbers without a pattern that a mistake could hide in. */
function numbers(size: number, low: number, high: number, seed = 1): Float32Array {
  const part = (i: number) => (Math.sin(seed + i * 12.9898) * 43758.5453) % 1;
  return Float32Array.from({ length: size }, (_, i) => low + Math.abs(part(i)) * (high - low));
}

const copies = [4, 12, 64, 1000, 1024, 70_004].map(
  (size): KernelCase => ({
    name: `copies ${size} elements`,
    run: {
      kernel: "elementwise4",
      constants: elementwise4Constants(size),
      hooks: { element: loadFrom("operand0"), store: storeTo("result0") },
      reads: { operand0: numbers(size, -1, 1) },
      results: { result0: { length: size } },
    },
    tolerance: EXACT,
  }),
);

/** Tensors of the arena: how many elements, and two numbers that all elements of one share. */
const tensors = [
  { size: 5, rate: 1, decay: 0.1 },
  { size: 65, rate: 0.5, decay: 0 },
  { size: 64, rate: 1, decay: 0.01 },
  { size: 1, rate: 0, decay: 0.1 },
];

/** The arena's values, with padding of zeros behind each tensor. */
function arena(low: number, high: number, seed = 0): Float32Array {
  const values = tensors.flatMap(({ size }) => {
    const padded = new Float32Array(aligned(size));
    padded.set(numbers(size, low, high, seed + size));
    return [...padded];
  });
  return Float32Array.from(values);
}

/** Positions of the arena that belong to no tensor. */
const padding = tensors.flatMap(({ size }, i) => {
  const start = tensors.slice(0, i).reduce((sum, before) => sum + aligned(before.size), 0);
  return Array.from({ length: aligned(size) - size }, (_, at) => start + size + at);
});
const LENGTH = arena(0, 1).length;
const blocks = Float32Array.from(
  tensors.flatMap(({ size, rate, decay }) => new Array(aligned(size) / ALIGNMENT).fill([rate, decay]).flat()),
);

/** The number in column `offset` of a block's two. */
const ofBlock = (offset: number) =>
  ({ op: "map", from: 0, terms: [{ div: ALIGNMENT, mod: 0, mul: 2 }], offset }) as const;
const nothing: Hook = { code: [{ op: "constant", value: 0 }], result: 0 };

/** Momentum, weight decay, and a bound by functions that vectors do not have: of two states that are read before they are written. */
const update: Hook = {
  code: [
    { op: "index" },
    { op: "load", binding: "result0", at: 0 },
    { op: "load", binding: "operand0", at: 0 },
    ofBlock(1),
    { op: "load", binding: "operand1", at: 3 },
    { op: "call", fn: "mul", args: [4, 1] },
    { op: "call", fn: "add", args: [2, 5] },
    { op: "load", binding: "result1", at: 0 },
    { op: "constant", value: 0.9 },
    { op: "call", fn: "mul", args: [8, 7] },
    { op: "call", fn: "add", args: [9, 6] },
    { op: "scalar", scalar: "learningRate" },
    ofBlock(0),
    { op: "load", binding: "operand1", at: 12 },
    { op: "call", fn: "mul", args: [11, 13] },
    { op: "constant", value: 0.7 },
    { op: "call", fn: "minimum", args: [15, 10] },
    { op: "call", fn: "greater", args: [1, 14] },
    { op: "call", fn: "choose", args: [17, 16, 10] },
    { op: "call", fn: "square", args: [18] },
    { op: "call", fn: "squareRoot", args: [19] },
    { op: "call", fn: "absolute", args: [18] },
    { op: "call", fn: "sub", args: [20, 21] },
    { op: "call", fn: "neg", args: [18] },
    { op: "call", fn: "div", args: [23, 15] },
    { op: "call", fn: "mul", args: [14, 24] },
    { op: "call", fn: "add", args: [1, 25] },
    { op: "call", fn: "add", args: [26, 22] },
  ],
  stores: [
    { binding: "result0", from: 27 },
    { binding: "result1", from: 10 },
  ],
};

const scalars: StepScalar[] = ["other", "learningRate"].map((name) => ({ name, dtype: "f32" }));

export const elementwise4Cases: KernelCase[] = [
  {
    name: "updates what it reads, in several steps",
    run: {
      kernel: "elementwise4",
      constants: elementwise4Constants(LENGTH),
      hooks: { element: nothing, store: update },
      reads: { operand0: arena(-1, 1, 3), operand1: blocks },
      updates: { result0: arena(-1, 1), result1: arena(-0.5, 0.5) },
      scalars,
      steps: Array.from({ length: 5 }, (_, i) => ({ learningRate: 0.1 / (i + 1), other: Number.NaN })),
    },
    tolerance: TIGHT,
    padding,
  },
  ...copies,
];

/** Hooks over runs of elements give what they give element by element, to the bit. */
import { describe, expect, it } from "vitest";
import type { Elements } from "../../src/dtypes.ts";
import { compileLoad, compileStore, type StepRow } from "../../src/kernels/hooks.ts";
import { scalarFunctions } from "../../src/kernels/scalar.ts";
import { RUN } from "../../src/kernels/twin.ts";
import type { Hook, Instruction, StepScalar } from "../../src/program.ts";
import { elementFunction } from "../helpers/hooks.ts";

const SCALARS: StepScalar[] = [
  { name: "seed", dtype: "u32" },
  { name: "step", dtype: "u32" },
  { name: "start", dtype: "u32" },
  { name: "rate", dtype: "f32" },
];
const COUNT = 2 * RUN + 77;
/** No multiple of anything. */
const FIRST = 13;
const EDGES = [0, -0, 1, -1, 0.5, -3.7, 88.9, -104, 1e-40, 3.4e38, -3.4e38, Infinity, -Infinity, NaN, 2, 7];

/** Numbers that follow from a seed: xorshift. */
function generator(seed: number): (below: number) => number {
  let state = seed * 0x9e3779b1 + 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function stepRow(): StepRow {
  const f32 = new Float32Array(SCALARS.length);
  const u32 = new Uint32Array(f32.buffer);
  u32.set([12, 7, 5]);
  f32[3] = 0.37;
  return { f32, u32 };
}

/** Memory whose floats are edge cases, in an order of its own for each binding. */
function memoryOf(): Record<string, Elements> {
  const floats = (every: number) =>
    Float32Array.from(
      { length: 2 * COUNT },
      (_, i) => EDGES[(i * every + (i >> 4)) % EDGES.length] + (i % 3),
    );
  return {
    a: floats(1),
    b: floats(5),
    // Gathered rows, inside of the memory that is read.
    rows: Int32Array.from({ length: 2 * COUNT }, (_, i) => (i * 7) % 30),
    bytes: Uint8Array.from({ length: 2 * COUNT }, (_, i) => i * 3),
    out: new Float32Array(2 * COUNT),
    other: new Float32Array(2 * COUNT),
    whole: new Int32Array(2 * COUNT),
  };
}

/** A load hook's results, or what a store hook leaves behind, computed element by element and in runs. */
function both(hook: Hook, values: Float32Array | Float64Array) {
  const [one, runs] = [memoryOf(), memoryOf()];
  const element = elementFunction(hook, one, SCALARS, stepRow());
  const results = Float32Array.from(values, (value, i) => element(FIRST + i, value));
  const loads = hook.result !== undefined;
  const inRuns = new Float32Array(COUNT);
  if (loads) {
    const load = compileLoad(hook, { memory: runs, scalars: SCALARS, row: stepRow() });
    // Parts that are shorter than a run, and longer.
    for (let at = 0, count = 100; at < COUNT; at += count, count = Math.min(count + 900, COUNT - at)) {
      const part = load(FIRST + at, count);
      expect(part.length).toBe(count);
      inRuns.set(part, at);
    }
  } else compileStore(hook, { memory: runs, scalars: SCALARS, row: stepRow() })(FIRST, values);
  return [
    { results: loads ? results : [], ...one },
    { results: loads ? inRuns : [], ...runs },
  ].map((found) => Object.values(found).map(bits));
}

/** NaN as one value: which of its bits are set is no result. */
function bits(elements: Elements | never[]): number[] {
  const words = elements instanceof Float32Array ? new Int32Array(elements.slice().buffer) : elements;
  return Array.from(words, (word, i) => (Number.isNaN(elements[i]) ? 0x7fc00000 : word));
}

function expectSame(hook: Hook, values: Float32Array | Float64Array = new Float32Array(COUNT)): void {
  const [element, runs] = both(hook, values);
  expect(runs).toEqual(element);
}

const index: Instruction = { op: "index" };
const load = (binding: string, at = 0): Instruction => ({ op: "load", binding, at });

it.each(Object.keys(scalarFunctions))("%s", (fn) => {
  const arity = scalarFunctions[fn as keyof typeof scalarFunctions].length;
  const shifted: Instruction = { op: "map", from: 0, terms: [{ div: 1, mod: 0, mul: 1 }], offset: 11 };
  const code: Instruction[] = [index, shifted, load("a"), load("b"), load("b", 1)];
  const args = [2, 3, 4].slice(0, arity);
  expectSame({ code: [...code, { op: "call", fn, args }], result: 5 });
});

describe("positions", () => {
  const terms = [
    { div: 6, mod: 5, mul: 4 },
    { div: 2, mod: 3, mul: -7 },
    { div: 1, mod: 2, mul: 1 },
  ];
  it.each<[string, Instruction[]]>([
    ["of a broadcast", [index, { op: "map", from: 0, terms: [{ div: 1, mod: 10, mul: 1 }], offset: 3 }]],
    ["of columns", [index, { op: "map", from: 0, terms: [{ div: 700, mod: 0, mul: 1 }], offset: 0 }]],
    ["of a single number", [index, { op: "map", from: 0, terms: [], offset: 9 }]],
    ["of a strided view", [index, { op: "map", from: 0, terms, offset: 40 }]],
    [
      "of a view of a view",
      [index, { op: "map", from: 0, terms, offset: 40 }, { op: "map", from: 1, terms, offset: 20 }],
    ],
    ["of a window", [index, { op: "shift", from: 0, scalar: "start" }]],
    [
      "of gathered rows",
      [
        index,
        { op: "map", from: 0, terms: [{ div: 9, mod: 0, mul: 1 }], offset: 0 },
        { op: "map", from: 0, terms: [{ div: 1, mod: 9, mul: 1 }], offset: 0 },
        load("rows", 1),
        { op: "row", from: 3, size: 9, column: 2 },
      ],
    ],
  ])("%s", (_name, code) => {
    const at = code.length - 1;
    for (const binding of ["a", "rows", "bytes"])
      expectSame({ code: [...code, load(binding, at)], result: at + 1 });
    expectSame({ code: [...code, { op: "position", at }], result: at + 1 });
    expectSame({ code: [...code, { op: "random", at, stream: 4, counter: "step" }], result: at + 1 });
  });
});

describe("stores", () => {
  const values = Float64Array.from({ length: COUNT }, (_, i) => Math.sin(i));
  const rate: Instruction = { op: "scalar", scalar: "rate" };

  it("of values and of what is computed from them", () => {
    const code: Instruction[] = [index, { op: "value" }, rate, { op: "call", fn: "mul", args: [1, 2] }];
    const stores = [
      { binding: "out", from: 3 },
      { binding: "other", from: 1 },
      { binding: "whole", from: 3 },
    ];
    expectSame({ code, stores }, values);
  });

  it("in place, where each takes what was there before", () => {
    const code: Instruction[] = [index, load("a"), load("b"), { op: "call", fn: "sub", args: [1, 2] }];
    const stores = [
      { binding: "a", from: 2 },
      { binding: "b", from: 1 },
      { binding: "out", from: 3 },
    ];
    expectSame({ code, stores });
  });

  it("in place of values that are read where they lie", () => {
    const hook: Hook = {
      code: [{ op: "value" }, rate, { op: "call", fn: "add", args: [0, 1] }],
      stores: [
        { binding: "a", from: 2 },
        { binding: "b", from: 0 },
      ],
    };
    const memory = memoryOf();
    const before = memory.a.slice(0, RUN);
    compileStore(hook, { memory, scalars: SCALARS, row: stepRow() })(
      0,
      memory.a.subarray(0, RUN) as Float32Array,
    );
    expect(memory.b.slice(0, RUN)).toEqual(before);
  });
});

it("any code", () => {
  const functions = Object.entries(scalarFunctions).map(([fn, { length }]) => [fn, length] as const);
  for (let seed = 1; seed <= 40; seed++) {
    const below = generator(seed);
    const stores = seed % 2 === 0;
    const code: Instruction[] = [index, stores ? { op: "value" } : load("b")];
    const places = [0];
    const computed = [1];
    const any = (from: number[]) => from[below(from.length)];
    while (code.length < 24) {
      const kind = below(8);
      const at = any(places);
      const isPlace = kind === 0;
      if (kind === 0) {
        const mod = 1 + below(40);
        code.push({
          op: "map",
          from: at,
          terms: [{ div: 1 + below(9), mod, mul: 1 + below(5) }],
          offset: below(9),
        });
      } else if (kind === 1) code.push({ op: "constant", value: EDGES[below(8)] });
      else if (kind === 2) code.push({ op: "scalar", scalar: "rate" });
      else if (kind === 3) code.push(load(["a", "b", "rows", "bytes"][below(4)], at));
      else {
        const [fn, arity] = functions[below(functions.length)];
        code.push({ op: "call", fn, args: [any(computed), any(computed), any(computed)].slice(0, arity) });
      }
      (isPlace ? places : computed).push(code.length - 1);
    }
    if (!stores) {
      expectSame({ code, result: any(computed) });
      continue;
    }
    const values = Float32Array.from({ length: COUNT }, (_, i) => EDGES[(i * seed) % EDGES.length]);
    // What is read at other places may not be stored in place.
    const elsewhere = code.some((one) => one.op === "load" && one.binding === "a" && one.at !== 0);
    const targets = elsewhere ? ["out", "other"] : ["out", "a", "other"];
    expectSame({ code, stores: targets.map((binding) => ({ binding, from: any(computed) })) }, values);
  }
});

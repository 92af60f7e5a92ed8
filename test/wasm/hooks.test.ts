/** Hooks as vectors give what the twins' hooks give, to the bit: random hooks, along random digits of their positions. */
import { describe, expect, it } from "vitest";
import { arrayOf, bytesPerElement, type DType, type Elements } from "../../src/dtypes.ts";
import { compileLoad, compileStore } from "../../src/kernels/hooks.ts";
import type { Hook, IndexTerm, Instruction, StepScalar } from "../../src/program.ts";
import { type I32, i32 } from "../../src/wasm/assembler/instructions.ts";
import { ModuleBuilder } from "../../src/wasm/assembler/module.ts";
import { loadHook, storeHook } from "../../src/wasm/hooks/hooks.ts";
import { ROW_BYTES } from "../../src/wasm/hooks/line.ts";
import type { Digit, Memory } from "../../src/wasm/kernels/kernel.ts";
import { inVectors } from "../../src/wasm/kernels/loops.ts";

const SCALARS: readonly StepScalar[] = [
  { name: "seed", dtype: "u32" },
  { name: "step", dtype: "u32" },
  { name: "start", dtype: "u32" },
  { name: "rate", dtype: "f32" },
];
const START = 5;
/** The step that runs, of {@link STEPS}: outputs have a row for each. */
const STEP = 1;
const STEPS = 3;
const TABLE = 4096;
/** What memory holds where nothing lies: NaN as floats. */
const UNUSED = 0xff;

/** A row of the step table: a seed and a step that need all their bits. */
function stepRow() {
  const u32 = Uint32Array.of(0x9abcdef0, 0xfedcba98, START, 0);
  const f32 = new Float32Array(u32.buffer);
  f32[3] = 0.37;
  return { u32, f32 };
}

/** Numbers that follow from a seed: xorshift. */
function generator(seed: number): (below: number) => number {
  let state = Math.imul(seed + 1, 0x9e3779b1);
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Memory of hooks: what is read, and what is written, with its number of elements. */
interface Given {
  readonly reads: Readonly<Record<string, Elements>>;
  readonly results: Readonly<Record<string, DType>>;
}

/** Digits of a position, the outermost first, and which of them runs along the lanes. */
interface Walk {
  readonly sizes: readonly number[];
  readonly lanes: number;
  /** The line is walked in two pieces, the second from here on. */
  readonly cut: number;
}

const count = ({ sizes }: Walk) => sizes.reduce((product, size) => product * size, 1);

/** What the twins' hooks leave in the results. */
function expected(
  element: Hook,
  store: Hook,
  { reads, results }: Given,
  walk: Walk,
): Record<string, Elements> {
  const memory: Record<string, Elements> = { ...reads };
  for (const [name, dtype] of Object.entries(results)) memory[name] ??= new (arrayOf(dtype))(count(walk));
  for (const name of Object.keys(results)) memory[name] = memory[name].slice();
  const scope = { memory, scalars: SCALARS, row: stepRow() };
  const values = compileLoad(element, scope)(0, count(walk));
  compileStore(store, scope)(0, values.slice());
  return Object.fromEntries(Object.keys(results).map((name) => [name, memory[name]]));
}

/** What the hooks of a module leave there. @throws Error where they wrote elsewhere */
function found(element: Hook, store: Hook, { reads, results }: Given, walk: Walk): Record<string, Elements> {
  const memory: Record<string, Memory> = {};
  let end = TABLE + STEPS * ROW_BYTES;
  for (const [name, dtype] of Object.entries({ ...dtypesOf(reads), ...results })) {
    const length = reads[name]?.length ?? count(walk);
    const bytes = Math.ceil((length * bytesPerElement(dtype)) / 64) * 64;
    // Results in place are state, others a row for each step.
    const stepBytes = name in reads ? 0 : bytes;
    memory[name] = { address: end + 64, dtype, length, stepBytes };
    end += 64 + (stepBytes === 0 ? bytes : STEPS * bytes);
  }
  const bytes = Buffer.alloc(end + 64, UNUSED);
  new Uint32Array(bytes.buffer, bytes.byteOffset + TABLE + STEP * ROW_BYTES, 4).set(stepRow().u32);
  const placeOf = (name: string, length: number) => {
    const { address, stepBytes, dtype } = memory[name];
    return [address + STEP * stepBytes, arrayOf(dtype), length] as const;
  };
  const view = (buffer: ArrayBufferLike, name: string, base = 0) => {
    const [address, array, length] = placeOf(name, memory[name].length);
    return new array(buffer as ArrayBuffer, base + address, length);
  };
  for (const [name, elements] of Object.entries(reads))
    view(bytes.buffer, name, bytes.byteOffset).set(elements);
  const wasm = new WebAssembly.Memory({ initial: Math.ceil(end / 65536) + 1, maximum: 65536 });
  new Uint8Array(wasm.buffer).fill(UNUSED).set(bytes);
  run(moduleOf(element, store, memory, walk), wasm);
  const left = Object.fromEntries(
    Object.keys(results).map((name) => [name, view(wasm.buffer, name).slice()]),
  );
  for (const name of Object.keys(results)) {
    const place = view(wasm.buffer, name);
    const before = view(bytes.buffer, name, bytes.byteOffset);
    new Uint8Array(wasm.buffer, place.byteOffset, place.byteLength).set(
      new Uint8Array(before.buffer, before.byteOffset, before.byteLength),
    );
  }
  if (!Buffer.from(wasm.buffer, 0, bytes.length).equals(bytes)) throw new Error("wrote elsewhere");
  return left;
}

function dtypesOf(memory: Readonly<Record<string, Elements>>): Record<string, DType> {
  const dtypeOf = (elements: Elements) =>
    elements instanceof Float32Array ? "f32" : elements instanceof Int32Array ? "i32" : "u8";
  return Object.fromEntries(Object.entries(memory).map(([name, elements]) => [name, dtypeOf(elements)]));
}

function moduleOf(element: Hook, store: Hook, memory: Readonly<Record<string, Memory>>, walk: Walk) {
  const scope = { memory, scalars: SCALARS, table: TABLE, features: { relaxed: false } };
  const hooks = { element: loadHook(element, scope), store: storeHook(store, scope) };
  const module = new ModuleBuilder(false);
  const build = (f: Parameters<typeof hooks.element.along>[0]) => {
    const strides = walk.sizes.map((_, at) => walk.sizes.slice(at + 1).reduce((a, b) => a * b, 1));
    const lanes = { stride: strides[walk.lanes], size: walk.sizes[walk.lanes] };
    const nest = (at: number, index: readonly Digit[]): void => {
      if (at === walk.lanes) {
        nest(at + 1, index);
        return;
      }
      if (at < walk.sizes.length) {
        const [stride, size] = [strides[at], walk.sizes[at]];
        const inner = (value: I32) => nest(at + 1, [...index, { value, stride, size }]);
        // A digit of size 1 is a constant.
        if (size === 1) inner(i32.const(0));
        else f.loop(i32.const(0), i32.const(size), 1, inner);
        return;
      }
      const values = hooks.element.along(f, index, lanes);
      const keep = hooks.store.along(f, index, lanes);
      const piece = (from: number, to: number) =>
        inVectors(f, i32.const(from), i32.const(to), (i, left) =>
          keep(i, values(i, left === undefined), left),
        );
      piece(0, walk.cut);
      piece(walk.cut, lanes.size);
    };
    nest(0, []);
  };
  module.function(["i32", "i32"], [], build, "run");
  return module.encode();
}

function run(bytes: Uint8Array<ArrayBuffer>, memory: WebAssembly.Memory): void {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { wgrad: { memory } });
  (exports.run as (step: number, part: number) => void)(STEP, 0);
}

/** NaN as one value: which of its bits are set is no result. */
function bits(elements: Elements): number[] {
  const words = elements instanceof Float32Array ? new Int32Array(elements.slice().buffer) : elements;
  return Array.from(words, (word, i) => (Number.isNaN(elements[i]) ? 0x7fc00000 : word));
}

function expectSame(element: Hook, store: Hook, given: Given, walk: Walk): void {
  const what = JSON.stringify({ walk, element, store });
  const want = expected(element, store, given, walk);
  const got = found(element, store, given, walk);
  for (const name of Object.keys(want))
    expect(bits(got[name]), `${name} of ${what}`).toEqual(bits(want[name]));
}

const SIZES = [1, 2, 3, 4, 5, 7, 8, 10, 13, 16, 17, 24];

function randomWalk(below: (limit: number) => number): Walk {
  let sizes: number[];
  do sizes = Array.from({ length: 1 + below(4) }, () => SIZES[below(SIZES.length)]);
  while (sizes.reduce((a, b) => a * b, 1) > 1500);
  // Mostly the innermost digit, whose neighbours lie side by side.
  const lanes = below(3) === 0 ? below(sizes.length) : sizes.length - 1;
  return { sizes, lanes, cut: below(2) === 0 ? 0 : below(sizes[lanes] + 1) };
}

/** Writes a random hook, and the memory that it reads. */
class Author {
  readonly code: Instruction[] = [{ op: "index" }];
  readonly reads: Record<string, Elements> = {};
  /** Positions for each index, by instruction. */
  readonly positions = new Map<number, number[]>();
  readonly values: number[] = [];

  constructor(
    readonly below: (limit: number) => number,
    readonly walk: Walk,
    readonly prefix: string,
  ) {
    this.positions.set(
      0,
      Array.from({ length: count(walk) }, (_, i) => i),
    );
  }

  write(instruction: Instruction): number {
    return this.code.push(instruction) - 1;
  }

  value(instruction: Instruction): number {
    const at = this.write(instruction);
    this.values.push(at);
    return at;
  }

  any<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  anyPosition(): number {
    return this.any([...this.positions.keys()]);
  }

  /** Terms by the walk's own cuts, or by others. */
  #terms(most: number): IndexTerm[] {
    const { sizes } = this.walk;
    let shape = this.below(3) === 0 ? [this.any(SIZES), this.any(SIZES), this.any(SIZES)] : [...sizes];
    if (shape.length > 1 && this.below(3) === 0)
      shape = [shape[0], shape.slice(1).reduce((a, b) => a * b, 1)];
    let div = 1;
    const terms: IndexTerm[] = [];
    for (const [n, size] of shape.reverse().entries()) {
      const mul = this.any([1, 1, 2, 3, 4, 13, -1, -5]);
      const isOutermost = n === shape.length - 1 && div * size > most;
      if (size > 1 && this.below(4) > 0) terms.push({ div, mod: isOutermost ? 0 : size, mul });
      div *= size;
    }
    return terms.reverse();
  }

  position(): number {
    const from = this.anyPosition();
    const before = this.positions.get(from) as number[];
    const kind = this.below(6);
    if (kind === 0) {
      const at = this.write({ op: "shift", from, scalar: "start" });
      this.positions.set(
        at,
        before.map((place) => place + START),
      );
      return at;
    }
    if (kind === 1) return this.#row(from, before);
    const terms = this.#terms(Math.max(...before));
    const mapped = before.map((place) => mapOf(place, terms));
    const offset = this.below(4) - Math.min(...mapped);
    const at = this.write({ op: "map", from, terms, offset });
    this.positions.set(
      at,
      mapped.map((place) => place + offset),
    );
    return at;
  }

  /** Rows that data picks. */
  #row(column: number, columns: readonly number[]): number {
    const size = Math.max(...columns) + 1 + this.below(3);
    const places = this.positions.get(this.anyPosition()) as number[];
    const from = this.load(
      [...this.positions].find(([, other]) => other === places)?.[0] ?? 0,
      this.any(["i32", "u8"]),
      6,
    );
    const { binding } = this.code[from] as Extract<Instruction, { op: "load" }>;
    const at = this.write({ op: "row", from, size, column });
    const rows = this.reads[binding];
    this.positions.set(
      at,
      columns.map((place, i) => rows[places[i]] * size + place),
    );
    return at;
  }

  /** A load from memory of its own, as large as need be. */
  load(at: number, dtype: DType, limit?: number): number {
    const binding = `operand${this.prefix}${Object.keys(this.reads).length}`;
    const length = Math.max(...(this.positions.get(at) as number[])) + 1;
    const number = () => (limit === undefined ? (this.below(2001) - 1000) / 8 : this.below(limit));
    this.reads[binding] = new (arrayOf(dtype))(Array.from({ length }, number));
    if (dtype === "f32" && limit === undefined) {
      this.reads[binding][this.below(length)] = Number.NaN;
      this.reads[binding][this.below(length)] = -0;
    }
    return this.value({ op: "load", binding, at });
  }

  /** Zeros where positions are below `before`: what is loaded there lies before memory. */
  pad(): void {
    const from = this.anyPosition();
    const before = 1 + this.below(9);
    const places = (this.positions.get(from) as number[]).map((place) => place - before);
    if (Math.max(...places) < 0) return;
    const moved = this.write({ op: "map", from, terms: [{ div: 1, mod: 0, mul: 1 }], offset: -before });
    this.positions.set(moved, places);
    const loaded = this.load(moved, this.any(["f32", "i32", "u8"]));
    this.positions.delete(moved);
    const place = this.write({ op: "position", at: from });
    const [limit, zero] = [before - 0.5, 0].map((value) => this.write({ op: "constant", value }));
    const condition = this.write({ op: "call", fn: "greater", args: [place, limit] });
    this.values.splice(this.values.indexOf(loaded), 1);
    this.value({ op: "call", fn: "choose", args: [condition, loaded, zero] });
  }

  instruction(): void {
    const kind = this.below(12);
    if (kind < 3) this.position();
    else if (kind === 3) this.pad();
    else if (kind === 4) this.value({ op: "position", at: this.anyPosition() });
    else if (kind === 5)
      this.value({
        op: "random",
        at: this.anyPosition(),
        stream: this.any([4, 2 ** 32 - 3]),
        counter: "step",
      });
    else if (kind === 6) this.value({ op: "scalar", scalar: this.any(["rate", "start"]) });
    else if (kind === 7) this.value({ op: "constant", value: this.below(9) / 4 - 1 });
    else if (kind < 10 || this.values.length < 2)
      this.load(this.anyPosition(), this.any(["f32", "f32", "i32", "u8"]));
    else {
      const [fn, arity] = this.any([
        ["add", 2],
        ["sub", 2],
        ["mul", 2],
        ["greater", 2],
        ["choose", 3],
        ["neg", 1],
        ["absolute", 1],
        ["floorOf", 1],
      ] as const);
      this.value({ op: "call", fn, args: Array.from({ length: arity }, () => this.any(this.values)) });
    }
  }
}

function mapOf(place: number, terms: readonly IndexTerm[]): number {
  let position = 0;
  for (const { div, mod, mul } of terms) {
    const quotient = Math.floor(place / div);
    position += (mod === 0 ? quotient : quotient % mod) * mul;
  }
  return position;
}

describe("random hooks", () => {
  it.each(Array.from({ length: 20 }, (_, n) => 20 * n))("of seeds from %i on", (first) => {
    for (let seed = first; seed < first + 20; seed++) {
      const below = generator(seed);
      const walk = randomWalk(below);
      const loading = new Author(below, walk, "Load");
      for (let i = 0; i < 8; i++) loading.instruction();
      loading.load(loading.anyPosition(), "f32");
      const storing = new Author(below, walk, "Store");
      storing.value({ op: "value" });
      // A result in place: what was there before is read where it lies.
      const inPlace = { state: Float32Array.from({ length: count(walk) }, () => below(99)) };
      storing.value({ op: "load", binding: "state", at: 0 });
      for (let i = 0; i < 8; i++) storing.instruction();
      const results: Record<string, DType> = { state: "f32", one: "f32", whole: "i32" };
      const stores = Object.keys(results).map((binding) => ({ binding, from: storing.any(storing.values) }));
      expectSame(
        { code: loading.code, result: loading.any(loading.values) },
        { code: storing.code, stores },
        { reads: { ...loading.reads, ...storing.reads, ...inPlace }, results },
        walk,
      );
    }
  });
});

it.each([3, 6])(
  "rows that data picks are whole up to where memory ends within the last, along digit of %i",
  (size) => {
    const [rows, columns] = [4, 6];
    // All but the last two elements of a matrix [5, columns].
    const length = 5 * columns - 2;
    const last = length - 0.5;
    const element: Hook = {
      code: [
        { op: "index" },
        { op: "map", from: 0, terms: [{ div: columns, mod: 0, mul: 1 }], offset: 0 },
        { op: "load", binding: "operand0", at: 1 },
        { op: "map", from: 0, terms: [{ div: 1, mod: columns, mul: 1 }], offset: 0 },
        { op: "row", from: 2, size: columns, column: 3 },
        { op: "load", binding: "operand1", at: 4 },
        { op: "position", at: 4 },
        { op: "constant", value: last },
        { op: "constant", value: -1 },
        { op: "call", fn: "greater", args: [6, 7] },
        { op: "call", fn: "choose", args: [9, 8, 5] },
      ],
      result: 10,
    };
    const store: Hook = { code: [{ op: "value" }], stores: [{ binding: "result0", from: 0 }] };
    const reads = {
      operand0: Int32Array.of(4, 0, 4, 3),
      operand1: Float32Array.from({ length }, (_, i) => i + 1),
    };
    const sizes = size === columns ? [rows, columns] : [rows, columns / size, size];
    const walk = { sizes, lanes: sizes.length - 1, cut: 0 };
    expectSame(element, store, { reads, results: { result0: "f32" } }, walk);
  },
);

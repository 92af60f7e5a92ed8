/** A hook along a line of positions: its instructions, one by one. */
import { bytesPerElement } from "../../dtypes.ts";
import type { ScalarFunction } from "../../kernels/scalar.ts";
import { type IndexTerm, type Instruction, readAs, type StepScalar, slotOf } from "../../program.ts";
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32x4, type I32, i32, i32x4, type V128 } from "../assembler/instructions.ts";
import type { Digit, Features, Index, Lanes, Memory } from "../kernels/kernel.ts";
import { type VectorFunction, vectorFunctions } from "../vectors/functions.ts";
import { stepUniforms } from "../vectors/random.ts";
import { gather, inAllLanes, neighbours } from "./access.ts";

/** What hooks read: memory, by the names of bindings, and the step table. */
export interface HookScope {
  readonly memory: Readonly<Record<string, Memory>>;
  readonly scalars: readonly StepScalar[];
  /** Address of the first row of the step table. */
  readonly table: number;
  readonly features: Features;
}

/** Bytes of a row of the step table. */
export const ROW_BYTES = 256;

/**
 * Positions of four lanes: a sum of products, plus `lane` times the lane digit's value, plus a constant; or, where
 * lanes have nothing in common, a vector of integers.
 */
type Position =
  | {
      readonly kind: "line";
      readonly terms: readonly (readonly [value: I32, factor: number])[];
      readonly lane: number;
      readonly offset: number;
      /** Whether the position is in range whatever memory holds. */
      readonly safe: boolean;
    }
  | { readonly kind: "lanes"; readonly vector: (i: I32) => V128 };

type Line = Extract<Position, { kind: "line" }>;

/** Values of four lanes: the same for the whole line, or by where the lanes begin. */
type Numbers =
  | { readonly kind: "same"; readonly vector: V128 }
  | { readonly kind: "lanes"; readonly vector: (i: I32) => V128 };

type Register = { readonly position: Position } | { readonly numbers: Numbers };

/** A hook along one line of positions. */
export class HookLine {
  /** The hook's own positions. */
  readonly own: Line;
  readonly #f: FunctionBuilder;
  readonly #code: readonly Instruction[];
  readonly #scope: HookScope;
  readonly #index: Index;
  readonly #lanes: Lanes;
  readonly #registers: Register[] = [];
  #values: V128 | undefined;
  /** Values of the lanes being computed, by instruction. */
  #current = new Map<number, V128>();

  constructor(
    f: FunctionBuilder,
    code: readonly Instruction[],
    scope: HookScope,
    index: Index,
    lanes: Lanes,
  ) {
    this.#f = f;
    this.#code = code;
    this.#scope = scope;
    this.#index = index;
    this.#lanes = lanes;
    this.own = {
      kind: "line",
      terms: index.map(({ value, stride }) => [value, stride]),
      lane: lanes.stride,
      offset: 0,
      safe: !index.some(({ isLoaded }) => isLoaded),
    };
    for (const instruction of code) this.#registers.push(this.#prepare(instruction));
  }

  /** The results of instructions for the lanes from `i` on, given the kernel's values. */
  valuesAt(i: I32, wanted: readonly number[], values?: V128): V128[] {
    const f = this.#f;
    this.#values = values && f.keep(values);
    this.#current = new Map();
    const start = f.keep(i);
    return wanted.map((at) => f.keep(this.#valueOf(at, start)));
  }

  /** Value of an instruction, computed once for the lanes from `i` on. */
  #valueOf(at: number, i: I32): V128 {
    const register = this.#registers[at];
    if (!("numbers" in register)) throw new Error(`hook: instruction ${at} gives a position, not a value`);
    const { numbers } = register;
    if (numbers.kind === "same") return numbers.vector;
    let made = this.#current.get(at);
    if (!made) {
      made = this.#f.keep(numbers.vector(i));
      this.#current.set(at, made);
    }
    return made;
  }

  #prepare(instruction: Instruction): Register {
    const f = this.#f;
    switch (instruction.op) {
      case "index":
        return { position: this.own };
      case "map":
        return { position: this.#map(instruction.from, instruction.terms, instruction.offset) };
      case "shift": {
        const by = this.#scalar(instruction.scalar, "u32");
        const from = this.#positionOf(instruction.from);
        if (from.kind === "line") return { position: { ...from, terms: [...from.terms, [by, 1]] } };
        return { position: { kind: "lanes", vector: (i) => i32x4.add(from.vector(i), i32x4.splat(by)) } };
      }
      case "row":
        return { position: this.#row(instruction) };
      case "value":
        return { numbers: { kind: "lanes", vector: () => this.#values as V128 } };
      case "constant":
        return { numbers: { kind: "same", vector: f.constant(f32x4.const(instruction.value)) } };
      case "scalar": {
        const dtype = readAs(instruction.scalar, this.#scope.scalars);
        const bits = i32x4.splat(this.#scalar(instruction.scalar, dtype));
        const vector = dtype === "f32" ? bits : f32x4.convert_i32x4_u(bits);
        return { numbers: { kind: "same", vector: f.keep(vector) } };
      }
      case "position": {
        const from = this.#positionOf(instruction.at);
        const vector = (i: I32) => f32x4.convert_i32x4_u(this.#lanesOf(from, i));
        return { numbers: this.#numbers(isSame(from), vector) };
      }
      case "load":
        return {
          numbers: this.#load(this.#scope.memory[instruction.binding], this.#positionOf(instruction.at)),
        };
      case "random": {
        const from = this.#positionOf(instruction.at);
        const seed = this.#scalar("seed", "u32");
        const counter = this.#scalar(instruction.counter, "u32");
        const vector = (i: I32) => stepUniforms(f, seed, instruction.stream, counter, this.#lanesOf(from, i));
        return { numbers: this.#numbers(isSame(from), vector) };
      }
      case "call": {
        const make: VectorFunction | undefined = vectorFunctions[instruction.fn as ScalarFunction];
        if (!make) throw new Error(`no scalar function is called ${instruction.fn}`);
        const same = instruction.args.every((arg) => {
          const register = this.#registers[arg];
          return "numbers" in register && register.numbers.kind === "same";
        });
        const vector = (i: I32) =>
          make(
            { f, features: this.#scope.features },
            ...instruction.args.map((arg) => this.#valueOf(arg, i)),
          );
        return { numbers: this.#numbers(same, vector) };
      }
    }
  }

  /** Numbers that are computed here, once, where they are the same along the line. */
  #numbers(same: boolean, vector: (i: I32) => V128): Numbers {
    if (!same) return { kind: "lanes", vector };
    return { kind: "same", vector: this.#f.keep(vector(i32.const(0))) };
  }

  #positionOf(at: number): Position {
    const register = this.#registers[at];
    if (!("position" in register)) throw new Error(`hook: instruction ${at} gives a value, not a position`);
    return register.position;
  }

  /** The bits of a step scalar. */
  #scalar(name: string, dtype: StepScalar["dtype"]): I32 {
    const { scalars, table } = this.#scope;
    const step = this.#f.parameters[0] as I32;
    const row = i32.mul(step, i32.const(ROW_BYTES));
    return this.#f.keep(i32.load(row, table + 4 * slotOf(name, dtype, scalars)));
  }

  #map(from: number, terms: readonly IndexTerm[], offset: number): Position {
    if (this.#code[from].op === "index") {
      const line = this.#mapOfDigits(terms, offset);
      if (line) return line;
    }
    const source = this.#positionOf(from);
    if (source.kind === "line" && terms.every(({ div, mod }) => div === 1 && mod === 0)) {
      const factor = terms.reduce((sum, { mul }) => sum + mul, 0);
      return {
        ...source,
        terms: source.terms.map(([value, by]) => [value, by * factor]),
        lane: source.lane * factor,
        offset: source.offset * factor + offset,
      };
    }
    const vector = (i: I32) => {
      const f = this.#f;
      const positions = f.keep(this.#lanesOf(source, i));
      let sum = f.constant(i32x4.const(offset));
      for (const { div, mod, mul } of terms) {
        const quotient = eachLane(f, positions, (x) => {
          const divided = div === 1 ? x : i32.div_u(x, i32.const(div));
          return mod === 0 ? divided : i32.rem_u(divided, i32.const(mod));
        });
        sum = f.keep(i32x4.add(sum, i32x4.mul(quotient, f.constant(i32x4.const(mul)))));
      }
      return sum;
    };
    return { kind: "lanes", vector };
  }

  /** A map of the hook's own position, digit by digit; undefined where a term cuts the lane digit. */
  #mapOfDigits(terms: readonly IndexTerm[], offset: number): Line | undefined {
    const made: [I32, number][] = [];
    let lane = 0;
    for (const { div, mod, mul } of terms) {
      for (const digit of this.#index) {
        const part = this.#digitPart(digit, div, mod);
        if (part === undefined) return undefined;
        if (part) made.push([part.value, part.stride * mul]);
      }
      const along = lanePart(this.#lanes, div, mod);
      if (along === undefined) return undefined;
      lane += along * mul;
    }
    return { ...this.own, terms: made, lane, offset };
  }

  /** What of ⌊position / div⌋ % mod comes from a digit; false where nothing does, undefined where others carry into it. */
  #digitPart(
    { value, stride, size }: Digit,
    div: number,
    mod: number,
  ): Omit<Digit, "size"> | false | undefined {
    const f = this.#f;
    let part = { value, stride, size };
    if (stride * size <= div) return false;
    if (stride % div === 0) part = { value, stride: stride / div, size };
    else if (div % stride === 0) {
      const by = div / stride;
      part = { value: f.keep(i32.div_u(value, i32.const(by))), stride: 1, size: Math.ceil(size / by) };
    } else return undefined;
    if (mod === 0 || part.stride * part.size <= mod) return part;
    if (part.stride % mod === 0) return false;
    if (mod % part.stride !== 0) return undefined;
    return { value: f.keep(i32.rem_u(part.value, i32.const(mod / part.stride))), stride: part.stride };
  }

  #row({ from, size, column }: Extract<Instruction, { op: "row" }>): Position {
    const f = this.#f;
    const register = this.#registers[from];
    const at = this.#positionOf(column);
    if ("numbers" in register && register.numbers.kind === "same" && at.kind === "line") {
      const row = f.keep(i32.trunc_sat_f32_u(f32x4.extract_lane(register.numbers.vector, 0)));
      return { ...at, terms: [...at.terms, [row, size]], safe: false };
    }
    const vector = (i: I32) =>
      i32x4.add(
        i32x4.mul(i32x4.trunc_sat_f32x4_u(this.#valueOf(from, i)), f.constant(i32x4.const(size))),
        this.#lanesOf(at, i),
      );
    return { kind: "lanes", vector };
  }

  #load(memory: Memory, position: Position): Numbers {
    const f = this.#f;
    const bytes = bytesPerElement(memory.dtype);
    if (position.kind === "lanes") {
      return {
        kind: "lanes",
        vector: (i) => {
          const last = f.constant(i32x4.const(memory.length - 1));
          const places = f.keep(i32x4.min_u(position.vector(i), last));
          return gather(f, memory, (lane) => i32.mul(i32x4.extract_lane(places, lane), i32.const(bytes)));
        },
      };
    }
    const address = this.addressOf(position, bytes, 0, memory.length);
    if (position.lane === 0) {
      const first = address(i32.const(0));
      return { kind: "same", vector: f.keep(inAllLanes(memory, first)) };
    }
    if (position.lane === 1) return { kind: "lanes", vector: (i) => neighbours(memory, address(i)) };
    // Lanes past the end of a line may lie past the end of memory.
    const last = i32.const(memory.length * bytes - bytes);
    return {
      kind: "lanes",
      vector: (i) => {
        const start = f.keep(address(i));
        return gather(f, memory, (lane) => {
          const at = f.keep(i32.add(start, i32.const(lane * position.lane * bytes)));
          return i32.select(at, last, i32.le_u(at, last));
        });
      },
    };
  }

  /**
   * Bytes from the beginning of memory to the lanes from `i` on.
   * @param length elements of the memory, for positions that may lie outside
   */
  addressOf(line: Line, bytes: number, stepBytes = 0, length?: number): (i: I32) => I32 {
    const f = this.#f;
    let sum = i32.const(line.offset * bytes);
    for (const [value, factor] of line.terms) {
      if (factor !== 0) sum = i32.add(sum, i32.mul(value, i32.const(factor * bytes)));
    }
    if (stepBytes > 0) sum = i32.add(sum, i32.mul(f.parameters[0] as I32, i32.const(stepBytes)));
    const start = f.keep(sum);
    return (i) => {
      const at = line.lane === 0 ? start : i32.add(start, i32.mul(i, i32.const(line.lane * bytes)));
      if (line.safe || length === undefined) return at;
      const kept = f.keep(at);
      const last = i32.const((length - 1) * bytes);
      return i32.select(kept, last, i32.le_u(kept, last));
    };
  }

  /** Positions of the lanes from `i` on, as a vector of integers. */
  #lanesOf(position: Position, i: I32): V128 {
    const f = this.#f;
    if (position.kind === "lanes") return position.vector(i);
    const first = i32x4.splat(this.addressOf({ ...position, safe: true }, 1)(i));
    const { lane } = position;
    return lane === 0 ? first : i32x4.add(first, f.constant(i32x4.const(0, lane, 2 * lane, 3 * lane)));
  }
}

function isSame(position: Position): boolean {
  return position.kind === "line" && position.lane === 0;
}

/** What of ⌊position / div⌋ % mod comes from the lane digit, as a factor; undefined where that is no line. */
function lanePart({ stride, size }: Lanes, div: number, mod: number): number | undefined {
  if (stride * size <= div || size === 1) return 0;
  if (stride % div !== 0) return undefined;
  const factor = stride / div;
  if (mod === 0 || factor * size <= mod) return factor;
  return factor % mod === 0 ? 0 : undefined;
}

/** Applies a scalar function to each lane of a vector of integers. */
function eachLane(f: FunctionBuilder, vector: V128, make: (x: I32) => I32): V128 {
  let result = i32x4.splat(make(i32x4.extract_lane(vector, 0)));
  for (const lane of [1, 2, 3])
    result = i32x4.replace_lane(result, lane, make(i32x4.extract_lane(vector, lane)));
  return f.keep(result);
}

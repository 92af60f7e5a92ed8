/** A hook along a line of positions: its instructions, one by one. */
import type { ScalarFunction } from "../../kernels/scalar.ts";
import { type Instruction, readAs, type StepScalar, slotOf } from "../../program.ts";
import type { FunctionBuilder } from "../assembler/function.ts";
import { constantOf, f32x4, type I32, i32, i32x4, partsOf, type V128 } from "../assembler/instructions.ts";
import type { Features, Index, Lanes, Memory } from "../kernels/kernel.ts";
import { type VectorFunction, vectorFunctions } from "../vectors/functions.ts";
import { quotients, remainders } from "../vectors/integers.ts";
import { stepUniforms } from "../vectors/random.ts";
import { gathered, loadedAlong } from "./access.ts";
import { type AtLanes, kept, type Line, laneOf, lineOf, mapped, sharedOf, times } from "./position.ts";

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

/** Positions of lanes: a line, or whatever where lanes have no common step. */
type Position = Line | AtLanes;

/** How long a value stays the same: for a step, along a line of positions, or not from lane to lane. */
type Span = "step" | "line" | "lanes";

interface Numbers {
  readonly span: Span;
  readonly at: AtLanes;
}

type Register = { readonly position: Position } | Numbers;

const FIRST = i32.const(0);

/** A hook along one line of positions. */
export class HookLine {
  /** The hook's own positions. */
  readonly own: Line;
  readonly #f: FunctionBuilder;
  readonly #scope: HookScope;
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
    this.#scope = scope;
    this.own = lineOf(index, lanes);
    for (const instruction of code) this.#registers.push(this.#prepare(instruction));
  }

  /** The results of instructions for the lanes from `i` on, given the kernel's values. */
  valuesAt(i: I32, whole: boolean, wanted: readonly number[], values?: V128): V128[] {
    const f = this.#f;
    this.#values = values && f.keep(values);
    this.#current = new Map();
    const start = kept(f, i);
    return wanted.map((at) => this.#valueOf(at, start, whole));
  }

  /** Value of an instruction, computed once for the lanes from `i` on. */
  #valueOf(at: number, i: I32, whole: boolean): V128 {
    const numbers = this.#numbersOf(at);
    if (numbers.span !== "lanes") return numbers.at(i, whole);
    let made = this.#current.get(at);
    if (!made) {
      made = this.#f.keep(numbers.at(i, whole));
      this.#current.set(at, made);
    }
    return made;
  }

  #numbersOf(at: number): Numbers {
    const register = this.#registers[at];
    if (!("span" in register)) throw new Error(`hook: instruction ${at} gives a position, not a value`);
    return register;
  }

  #positionOf(at: number): Position {
    const register = this.#registers[at];
    if (!("position" in register)) throw new Error(`hook: instruction ${at} gives a value, not a position`);
    return register.position;
  }

  #prepare(instruction: Instruction): Register {
    const f = this.#f;
    switch (instruction.op) {
      case "index":
        return { position: this.own };
      case "map": {
        const from = this.#positionOf(instruction.from);
        const { terms, offset } = instruction;
        const line = typeof from === "function" ? undefined : mapped(f, from, terms, offset);
        return { position: line ?? this.#mapOfLanes(from, instruction) };
      }
      case "shift": {
        const from = this.#positionOf(instruction.from);
        const by = this.#scalar(instruction.scalar, "u32");
        if (typeof from === "function")
          return { position: (i, whole) => i32x4.add(from(i, whole), i32x4.splat(by)) };
        const terms = [{ value: by, factor: 1, size: Number.POSITIVE_INFINITY }, ...from.terms];
        return { position: { terms, offset: from.offset } };
      }
      case "row":
        return { position: this.#row(instruction) };
      case "value":
        return { span: "lanes", at: () => this.#values as V128 };
      case "constant": {
        const number = f.constant(f32x4.const(instruction.value));
        return { span: "step", at: () => number };
      }
      case "scalar": {
        const dtype = readAs(instruction.scalar, this.#scope.scalars);
        const bits = i32x4.splat(this.#scalar(instruction.scalar, dtype));
        const number = f.constant(dtype === "f32" ? bits : f32x4.convert_i32x4_u(bits));
        return { span: "step", at: () => number };
      }
      case "position": {
        const from = this.#positionOf(instruction.at);
        const key = typeof from === "function" ? "" : `position ${from.offset}`;
        return this.#numbers(spanOf(from), key, (i, whole) =>
          f32x4.convert_i32x4_s(this.#lanesOf(from, i, whole)),
        );
      }
      case "load":
        return this.#load(instruction.binding, this.#positionOf(instruction.at));
      case "random": {
        const { stream, at } = instruction;
        const from = this.#positionOf(at);
        const seed = this.#scalar("seed", "u32");
        const counter = this.#scalar(instruction.counter, "u32");
        const span = spanOf(from) === "lanes" ? "lanes" : "line";
        return this.#numbers(span, "", (i, whole) =>
          stepUniforms(f, seed, stream, counter, f.keep(this.#lanesOf(from, i, whole))),
        );
      }
      case "call": {
        const { fn, args } = instruction;
        const make: VectorFunction | undefined = vectorFunctions[fn as ScalarFunction];
        if (!make) throw new Error(`no scalar function is called ${fn}`);
        const spans = args.map((arg) => this.#numbersOf(arg).span);
        const context = { f, features: this.#scope.features };
        const at: AtLanes = (i, whole) => make(context, ...args.map((arg) => this.#valueOf(arg, i, whole)));
        const span = spans.find((one) => one === "lanes") ?? spans.find((one) => one === "line") ?? "step";
        const key = span === "step" ? args.map((arg) => this.#valueOf(arg, FIRST, true).code.flat()) : [];
        return this.#numbers(span, `${fn} ${key}`, at);
      }
    }
  }

  /** Numbers that are computed no more often than they change. @param key tells those of a step from others */
  #numbers(span: Span, key: string, at: AtLanes): Numbers {
    if (span === "lanes") return { span, at };
    const f = this.#f;
    const make = () => at(FIRST, true);
    const number = span === "step" ? f.once(`hook ${key}`, make) : f.keep(make());
    return { span, at: () => number };
  }

  /** The bits of a step scalar. */
  #scalar(name: string, dtype: StepScalar["dtype"]): I32 {
    const { scalars, table } = this.#scope;
    const row = i32.mul(this.#f.parameters[0] as I32, i32.const(ROW_BYTES));
    return this.#f.constant(i32.load(row, table + 4 * slotOf(name, dtype, scalars)));
  }

  #mapOfLanes(from: Position, { terms, offset }: Extract<Instruction, { op: "map" }>): AtLanes {
    const f = this.#f;
    return (i, whole) => {
      const positions = f.keep(this.#lanesOf(from, i, whole));
      let sum = f.constant(i32x4.const(offset));
      for (const { div, mod, mul } of terms) {
        let digit = quotients(f, positions, div);
        if (mod !== 0) digit = remainders(f, f.keep(digit), mod);
        if (mul !== 1) digit = i32x4.mul(digit, f.constant(i32x4.const(mul)));
        sum = f.keep(i32x4.add(sum, digit));
      }
      return sum;
    };
  }

  #row({ from, size, column }: Extract<Instruction, { op: "row" }>): Position {
    const f = this.#f;
    const rows = this.#numbersOf(from);
    const at = this.#positionOf(column);
    if (rows.span !== "lanes" && typeof at !== "function") {
      const value = f.keep(i32.trunc_sat_f32_s(f32x4.extract_lane(rows.at(FIRST, true), 0)));
      const terms = [{ value, factor: size, size: Number.POSITIVE_INFINITY }, ...at.terms];
      return { terms, offset: at.offset };
    }
    return (i, whole) =>
      i32x4.add(
        i32x4.mul(i32x4.trunc_sat_f32x4_s(this.#valueOf(from, i, whole)), f.constant(i32x4.const(size))),
        this.#lanesOf(at, i, whole),
      );
  }

  #load(binding: string, position: Position): Numbers {
    const f = this.#f;
    const memory = this.#scope.memory[binding];
    if (typeof position === "function") {
      return { span: "lanes", at: (i, whole) => gathered(f, memory, position(i, whole)) };
    }
    const span = spanOf(position);
    if (span === "lanes") return { span, at: loadedAlong(f, memory, position) };
    const at: AtLanes = (i, whole) => loadedAlong(f, memory, position)(i, whole);
    // What the dispatch itself writes may change within a step.
    const isFixed = span === "step" && binding.startsWith("operand");
    return this.#numbers(
      isFixed ? "step" : "line",
      `${memory.dtype} ${memory.address} ${position.offset}`,
      at,
    );
  }

  /** Positions of the lanes from `i` on, as a vector of integers. */
  #lanesOf(position: Position, i: I32, whole: boolean): V128 {
    if (typeof position === "function") return position(i, whole);
    const f = this.#f;
    const lane = laneOf(position);
    const [base, more] = partsOf(i);
    const offset = position.offset + more * lane;
    const firsts = f.constant(i32x4.const(offset, offset + lane, offset + 2 * lane, offset + 3 * lane));
    const shared = sharedOf(position, 1) ?? i32.const(0);
    const start = lane === 0 ? shared : i32.add(shared, times(base, lane));
    return constantOf(start) === 0 ? firsts : i32x4.add(i32x4.splat(start), firsts);
  }
}

/** How long a position stays the same. */
function spanOf(position: Position): Span {
  if (typeof position === "function" || laneOf(position) !== 0) return "lanes";
  return position.terms.length > 0 ? "line" : "step";
}

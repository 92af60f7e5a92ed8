/**
 * `store(i, element(i))` for every element. Positions are counted in the digits at which the hooks' maps cut; lanes run
 * along the innermost one.
 */
import type { FunctionBuilder } from "../assembler/function.ts";
import { type I32, i32 } from "../assembler/instructions.ts";
import { stridesFor } from "../hooks/cuts.ts";
import type { Index, KernelCall, Phase, WasmKernel } from "./kernel.ts";
import { atMost, inPart, inVectors, LANES, overLanes } from "./loops.ts";

/** Elements of a part. */
const PART = 1 << 14;
/** Elements of a cache line: pieces of long lines are multiples of it. */
const GRAIN = 16;
/** Vectors under way together. */
const WAYS = 2;

export const elementwise: WasmKernel = (call) => {
  const lines = new Lines(call);
  return [lines.length > PART ? ofPieces(lines) : ofLines(lines)];
};

/** Lines along the innermost digit. */
class Lines {
  /** Strides of all digits, the outermost first. */
  readonly #strides: readonly number[];
  readonly length: number;
  readonly count: number;
  /** Whether the last line is shorter. */
  readonly isCutOff: boolean;

  constructor(readonly call: KernelCall) {
    const { SIZE } = call.constants;
    this.#strides = stridesFor(SIZE, [...call.load.element.cuts, ...call.store.store.cuts]);
    this.length = this.#strides.at(-2) ?? SIZE;
    this.count = Math.ceil(SIZE / this.length);
    this.isCutOff = this.count * this.length > SIZE;
  }

  /** Digits of a line that count on from `line`. */
  digitsFrom(f: FunctionBuilder, line: I32): { readonly index: Index; readonly next: () => void } {
    const { SIZE } = this.call.constants;
    const index = this.#strides.slice(0, -1).map((stride, at) => {
      const size = at === 0 ? Math.ceil(SIZE / stride) : this.#strides[at - 1] / stride;
      const quotient = i32.div_u(line, i32.const(stride / this.length));
      const first = at === 0 ? quotient : i32.rem_u(quotient, i32.const(size));
      return { value: f.variable("i32", first), stride, size };
    });
    const count = (at: number): void => {
      const { value, size } = index[at];
      f.set(value, i32.add(value, i32.const(1)));
      if (at === 0) return;
      f.if(i32.eq(value, i32.const(size)), () => {
        f.set(value, i32.const(0));
        count(at - 1);
      });
    };
    return { index, next: () => index.length > 0 && count(index.length - 1) };
  }

  /** Elements of a line. */
  lengthOf(f: FunctionBuilder, line: I32): I32 {
    if (!this.isCutOff) return i32.const(this.length);
    const before = i32.mul(line, i32.const(this.length));
    return atMost(f, i32.sub(i32.const(this.call.constants.SIZE), before), this.length);
  }

  /** What is done with the elements from `i` on: four, or the first `count`. */
  body(f: FunctionBuilder, index: Index): (i: I32, count?: I32 | number) => void {
    const { load, store } = this.call;
    const lanes = { stride: 1, size: this.length };
    const values = load.element.along(f, index, lanes);
    const keep = store.store.along(f, index, lanes);
    return (i, count) => keep(i, values(i, count === undefined || count === LANES), count);
  }
}

/** Parts of whole lines. */
function ofLines(lines: Lines): Phase {
  const { length, count } = lines;
  const parts = Math.ceil(count / Math.max(1, Math.floor(PART / length)));
  const each = Math.ceil(count / parts);
  return {
    parts: Math.ceil(count / each),
    build(f, part) {
      const { index, next } = lines.digitsFrom(f, f.keep(i32.mul(part, i32.const(each))));
      inPart(f, part, each, count, (line) => {
        const body = lines.body(f, index);
        if (lines.isCutOff) inVectors(f, i32.const(0), lines.lengthOf(f, line), body);
        else overLanes(f, i32.const(0), length, WAYS, body);
        next();
      });
    },
  };
}

/** Parts of pieces of a line each. */
function ofPieces(lines: Lines): Phase {
  const { length, count } = lines;
  const pieces = Math.ceil(length / PART);
  const each = Math.ceil(length / pieces / GRAIN) * GRAIN;
  return {
    parts: count * pieces,
    build(f, part) {
      const line = f.keep(i32.div_u(part, i32.const(pieces)));
      const body = lines.body(f, lines.digitsFrom(f, line).index);
      const from = f.keep(i32.mul(i32.rem_u(part, i32.const(pieces)), i32.const(each)));
      const end = f.keep(i32.add(from, i32.const(each)));
      const most = lines.lengthOf(f, line);
      const to = f.keep(i32.select(end, most, i32.lt_s(end, most)));
      inVectors(f, from, to, body);
    },
  };
}

/** Positions as sums of digits, and what maps make of them: nothing is divided where cuts fall between digits. */
import type { IndexTerm } from "../../program.ts";
import type { FunctionBuilder } from "../assembler/function.ts";
import { constantOf, type I32, i32, partsOf, type V128 } from "../assembler/instructions.ts";
import type { Index, Lanes } from "../kernels/kernel.ts";

/** In a term, the value of the digit that runs along the lanes. */
export const LANE = "lane";

/** A value, from 0 up to below `size`, times `factor`. */
export interface Term {
  readonly value: I32 | typeof LANE;
  readonly factor: number;
  /** Infinity where the value is of data. */
  readonly size: number;
}

/** Positions of four lanes, as the sum of the terms plus `offset`. At most one term is of the lanes. */
export interface Line {
  readonly terms: readonly Term[];
  readonly offset: number;
}

/** Integers or numbers of the lanes from `i` on; `whole` where all four lie on the line. */
export type AtLanes = (i: I32, whole: boolean) => V128;

export function lineOf(index: Index, lanes: Lanes): Line {
  const digits = [...index, { value: LANE, ...lanes } as const];
  const terms: Term[] = [];
  let offset = 0;
  for (const { value, stride, size, ...digit } of digits) {
    const known = value === LANE ? undefined : constantOf(value);
    const isLoaded = "isLoaded" in digit && digit.isLoaded === true;
    if (known !== undefined) offset += known * stride;
    else if (isLoaded) terms.push({ value, factor: stride, size: Number.POSITIVE_INFINITY });
    else if (size > 1) terms.push({ value, factor: stride, size });
  }
  return { terms, offset };
}

/** The lanes' term; with factor 0 where all are the same. */
export function lanesOf({ terms }: Line): Term {
  return terms.find(({ value }) => value === LANE) ?? { value: LANE, factor: 0, size: 1 };
}

/** The step between two lanes. */
export function laneOf(line: Line): number {
  return lanesOf(line).factor;
}

/** The smallest and the largest position, if each value is as its term says. */
export function boundsOf({ terms, offset }: Line): readonly [least: number, most: number] {
  let [least, most] = [offset, offset];
  for (const { factor, size } of terms) {
    if (factor < 0) least += factor * (size - 1);
    else most += factor * (size - 1);
  }
  return [least, most];
}

/** Whether the line lies within one row of a matrix, which data has picked: inside of so many elements as a whole, or not. */
export function isPickedRow({ terms, offset }: Line, length: number): boolean {
  const picked = terms.filter(({ size }) => size === Number.POSITIVE_INFINITY);
  const [least, most] = boundsOf({ terms: terms.filter((term) => !picked.includes(term)), offset });
  if (picked.length !== 1 || least < 0 || most >= picked[0].factor) return false;
  // Elements may end within a row.
  const left = length % picked[0].factor;
  return left <= least || left > most;
}

/** All that lanes share: the sum of the other terms, times `scale`; undefined where there are none. */
export function sharedOf({ terms }: Line, scale: number): I32 | undefined {
  let sum: I32 | undefined;
  for (const { value, factor } of terms) {
    if (value === LANE) continue;
    const product = times(value, factor * scale);
    sum = sum ? i32.add(sum, product) : product;
  }
  return sum;
}

export function times(value: I32, factor: number): I32 {
  const known = constantOf(value);
  if (known !== undefined) return i32.const(known * factor);
  return factor === 1 ? value : i32.mul(value, i32.const(factor));
}

/** A value that can be read many times; a constant that it adds to another one stays apart. */
export function kept(f: FunctionBuilder, value: I32): I32 {
  const [other, constant] = partsOf(value);
  return constantOf(other) === undefined ? i32.add(f.keep(other), i32.const(constant)) : value;
}

/** A map of a line; undefined where a term cuts through the lanes, so that they have no common step. */
export function mapped(
  f: FunctionBuilder,
  line: Line,
  terms: readonly IndexTerm[],
  offset: number,
): Line | undefined {
  const parts: Term[] = [];
  let sum = offset;
  for (const { div, mod, mul } of terms) {
    const quotient = divided(f, line, div);
    const digit = quotient && (mod === 0 ? quotient : remainder(f, quotient, mod));
    if (!digit) return undefined;
    sum += digit.offset * mul;
    for (const term of digit.terms) parts.push({ ...term, factor: term.factor * mul });
  }
  return { terms: joined(parts), offset: sum };
}

/** Terms of one value as one: the lanes', above all. */
function joined(parts: readonly Term[]): Term[] {
  const terms: Term[] = [];
  for (const part of parts) {
    const at = terms.findIndex(({ value, size }) => value === part.value && size === part.size);
    if (at < 0) terms.push(part);
    else terms[at] = { ...part, factor: terms[at].factor + part.factor };
  }
  return terms.filter(({ factor }) => factor !== 0);
}

/** ⌊line / div⌋. */
function divided(f: FunctionBuilder, line: Line, div: number): Line | undefined {
  if (div === 1) return line;
  const whole = (term: Term) => term.factor % div === 0;
  const divide = (terms: readonly Term[], by: number): Line => ({
    terms: terms.filter(whole).map((term) => ({ ...term, factor: term.factor / div })),
    offset: by,
  });
  for (const terms of attempts(f, line.terms, div)) {
    const [least, most] = boundsOf({ terms: terms.filter((term) => !whole(term)), offset: line.offset });
    const by = Math.floor(least / div);
    if (by === Math.floor(most / div)) return divide(terms, by);
  }
  const cut = nonNegative({ ...line, terms: line.terms.filter((term) => !whole(term)) }, div);
  if (laneOf(cut) !== 0) return undefined;
  const value = f.keep(i32.div_u(asValue(cut), i32.const(div)));
  const size = Math.floor(boundsOf(cut)[1] / div) + 1;
  const others = divide(line.terms, (line.offset - cut.offset) / div);
  return { ...others, terms: [...others.terms, { value, factor: 1, size }] };
}

/** line % mod. */
function remainder(f: FunctionBuilder, line: Line, mod: number): Line | undefined {
  let cut = line;
  for (const terms of attempts(f, line.terms, mod)) {
    cut = nonNegative({ ...line, terms: terms.filter(({ factor }) => factor % mod !== 0) }, mod);
    if (boundsOf(cut)[1] < mod) return cut;
  }
  if (laneOf(cut) !== 0) return undefined;
  const value = f.keep(i32.rem_u(asValue(cut), i32.const(mod)));
  return { terms: [{ value, factor: 1, size: mod }], offset: 0 };
}

/** The same line but for a multiple of `unit`: its least position is from 0 to below that. */
function nonNegative(line: Line, unit: number): Line {
  return { ...line, offset: line.offset - Math.floor(boundsOf(line)[0] / unit) * unit };
}

/** The terms as they are, and then with digits that reach across a cut as two: one above it and one below. */
function* attempts(f: FunctionBuilder, terms: readonly Term[], cut: number): Iterable<readonly Term[]> {
  yield terms;
  yield terms.flatMap((term): Term[] => {
    const { value, factor, size } = term;
    const by = cut / factor;
    if (value === LANE || by <= 1 || by >= size || !Number.isInteger(by)) return [term];
    return [
      { value: f.keep(i32.div_u(value, i32.const(by))), factor: cut, size: Math.ceil(size / by) },
      { value: f.keep(i32.rem_u(value, i32.const(by))), factor, size: by },
    ];
  });
}

function asValue(line: Line): I32 {
  const shared = sharedOf(line, 1) ?? i32.const(0);
  return line.offset === 0 ? shared : i32.add(shared, i32.const(line.offset));
}

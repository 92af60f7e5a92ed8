/** Values: code that computes them, and the shapes that instructions have in common. */
import { type Code, unsigned } from "./encode.ts";

export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

/** A value on WebAssembly's stack: code that leaves it there. */
export interface Value<T extends ValueType = ValueType> {
  readonly type: T;
  readonly code: Code;
}

export type I32 = Value<"i32">;
export type I64 = Value<"i64">;
export type F32 = Value<"f32">;
export type F64 = Value<"f64">;
/** 128 bits; instructions say how they take them, as four f32 (`f32x4`) say. */
export type V128 = Value<"v128">;

const SIMD = 0xfd;

export function value<T extends ValueType>(type: T, ...code: Code): Value<T> {
  return { type, code };
}

/** Instruction with one argument. */
export function unary<A extends ValueType, R extends ValueType>(type: R, ...opcode: number[]) {
  return (a: Value<A>): Value<R> => value(type, a.code, opcode);
}

/** Instruction with two arguments of a type. */
export function binary<A extends ValueType, R extends ValueType>(type: R, ...opcode: number[]) {
  return (a: Value<A>, b: Value<A>): Value<R> => value(type, a.code, b.code, opcode);
}

/** A SIMD instruction's bytes. */
export const simd = (opcode: number) => [SIMD, ...unsigned(opcode)];

export const vector1 = (opcode: number) => unary<"v128", "v128">("v128", ...simd(opcode));
export const vector2 = (opcode: number) => binary<"v128", "v128">("v128", ...simd(opcode));

/** A shift of all lanes by the same number of bits. */
export const shift = (opcode: number) => (a: V128, by: I32) => value("v128", a.code, by.code, simd(opcode));

/** A load from `address` + `offset`, aligned to 2^`align` bytes at best. */
export function loadOf<T extends ValueType>(type: T, align: number, ...opcode: number[]) {
  return (address: I32, offset = 0): Value<T> => value(type, address.code, opcode, align, unsigned(offset));
}

/** The number of an `i32.const`; undefined where the value is none. */
export function constantOf({ code }: I32): number | undefined {
  if (code[0] !== 0x41) return undefined;
  const bytes = code[1] as readonly number[];
  const number = bytes.reduce((sum, byte, i) => sum | ((byte & 0x7f) << (7 * i)), 0);
  const unused = Math.max(0, 32 - 7 * bytes.length);
  return (number << unused) >> unused;
}

/** The opcode of `i32.add`. */
export const I32_ADD = [0x6a];

/**
 * Instructions as functions of typed values, under their names in WebAssembly's text format: `i32.add(a, b)`.
 *
 * A {@link Value} is the code that computes it: whoever uses a value twice computes it twice, unless it was kept in a
 * local (`keep` of `FunctionBuilder`). Values have no effects; what has one is a statement of `FunctionBuilder`.
 */
import { type Code, float32, float64, signed, unsigned } from "./encode.ts";

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

function value<T extends ValueType>(type: T, ...code: Code): Value<T> {
  return { type, code };
}

/** Instruction with one argument. */
function unary<A extends ValueType, R extends ValueType>(type: R, ...opcode: number[]) {
  return (a: Value<A>): Value<R> => value(type, a.code, opcode);
}

/** Instruction with two arguments of a type. */
function binary<A extends ValueType, R extends ValueType>(type: R, ...opcode: number[]) {
  return (a: Value<A>, b: Value<A>): Value<R> => value(type, a.code, b.code, opcode);
}

/** A SIMD instruction's bytes. */
const simd = (opcode: number) => [SIMD, ...unsigned(opcode)];

const vector1 = (opcode: number) => unary<"v128", "v128">("v128", ...simd(opcode));
const vector2 = (opcode: number) => binary<"v128", "v128">("v128", ...simd(opcode));

/** A shift of all lanes by the same number of bits. */
const shift = (opcode: number) => (a: V128, by: I32) => value("v128", a.code, by.code, simd(opcode));

/** A load from `address` + `offset`, aligned to 2^`align` bytes at best. */
function load<T extends ValueType>(type: T, align: number, ...opcode: number[]) {
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

const I32_ADD = [0x6a];

/** A value as the sum of another one and a constant, which is 0 where the value is no such sum. */
export function partsOf(sum: I32): readonly [value: I32, constant: number] {
  const known = constantOf(sum);
  if (known !== undefined) return [i32.const(0), known];
  const [a, b, opcode] = sum.code as readonly Code[];
  const constant = opcode === I32_ADD ? constantOf(value("i32", ...b)) : undefined;
  return constant === undefined ? [sum, 0] : [value("i32", ...a), constant];
}

/** A constant's low bits, with the two's complement of negative ones: WebAssembly's integers have no sign. */
const wrapped = (x: number) => (x > 0x7fffffff ? x - 0x1_0000_0000 : x);

export const i32 = {
  /** An integer from -2^31 up to, not including, 2^32. */
  const: (x: number): I32 => value("i32", 0x41, signed(wrapped(x))),
  eqz: unary<"i32", "i32">("i32", 0x45),
  eq: binary<"i32", "i32">("i32", 0x46),
  ne: binary<"i32", "i32">("i32", 0x47),
  lt_s: binary<"i32", "i32">("i32", 0x48),
  lt_u: binary<"i32", "i32">("i32", 0x49),
  gt_s: binary<"i32", "i32">("i32", 0x4a),
  gt_u: binary<"i32", "i32">("i32", 0x4b),
  le_s: binary<"i32", "i32">("i32", 0x4c),
  le_u: binary<"i32", "i32">("i32", 0x4d),
  ge_s: binary<"i32", "i32">("i32", 0x4e),
  ge_u: binary<"i32", "i32">("i32", 0x4f),
  clz: unary<"i32", "i32">("i32", 0x67),
  /** Adding 0 is left out. */
  add: (a: I32, b: I32): I32 =>
    constantOf(a) === 0 ? b : constantOf(b) === 0 ? a : value("i32", a.code, b.code, I32_ADD),
  sub: binary<"i32", "i32">("i32", 0x6b),
  mul: binary<"i32", "i32">("i32", 0x6c),
  div_s: binary<"i32", "i32">("i32", 0x6d),
  div_u: binary<"i32", "i32">("i32", 0x6e),
  rem_s: binary<"i32", "i32">("i32", 0x6f),
  rem_u: binary<"i32", "i32">("i32", 0x70),
  and: binary<"i32", "i32">("i32", 0x71),
  or: binary<"i32", "i32">("i32", 0x72),
  xor: binary<"i32", "i32">("i32", 0x73),
  shl: binary<"i32", "i32">("i32", 0x74),
  shr_s: binary<"i32", "i32">("i32", 0x75),
  shr_u: binary<"i32", "i32">("i32", 0x76),
  load: load("i32", 2, 0x28),
  load8_u: load("i32", 0, 0x2d),
  /** NaN becomes 0, and what is too large the largest. */
  trunc_sat_f32_s: unary<"f32", "i32">("i32", 0xfc, 0),
  trunc_sat_f32_u: unary<"f32", "i32">("i32", 0xfc, 1),
  reinterpret_f32: unary<"f32", "i32">("i32", 0xbc),
  wrap_i64: unary<"i64", "i32">("i32", 0xa7),
  /** Sees the atomic stores of other threads. */
  atomic_load: load("i32", 2, 0xfe, 0x10),
  /** `a` where `condition` is not 0, else `b`. Both are computed. */
  select: (a: I32, b: I32, condition: I32): I32 => value("i32", a.code, b.code, condition.code, 0x1b),
};

export const i64 = {
  const: (x: number): I64 => value("i64", 0x42, signed(x)),
  add: binary<"i64", "i64">("i64", 0x7c),
  sub: binary<"i64", "i64">("i64", 0x7d),
  mul: binary<"i64", "i64">("i64", 0x7e),
  eq: binary<"i64", "i32">("i32", 0x51),
  or: binary<"i64", "i64">("i64", 0x84),
  shl: binary<"i64", "i64">("i64", 0x86),
  shr_u: binary<"i64", "i64">("i64", 0x88),
  extend_i32_u: unary<"i32", "i64">("i64", 0xad),
  /** Sees the atomic stores of other threads. */
  atomic_load: load("i64", 3, 0xfe, 0x11),
  select: (a: I64, b: I64, condition: I32): I64 => value("i64", a.code, b.code, condition.code, 0x1b),
};

export const f32 = {
  const: (x: number): F32 => value("f32", 0x43, float32(x)),
  eq: binary<"f32", "i32">("i32", 0x5b),
  ne: binary<"f32", "i32">("i32", 0x5c),
  lt: binary<"f32", "i32">("i32", 0x5d),
  gt: binary<"f32", "i32">("i32", 0x5e),
  le: binary<"f32", "i32">("i32", 0x5f),
  ge: binary<"f32", "i32">("i32", 0x60),
  abs: unary<"f32", "f32">("f32", 0x8b),
  neg: unary<"f32", "f32">("f32", 0x8c),
  ceil: unary<"f32", "f32">("f32", 0x8d),
  floor: unary<"f32", "f32">("f32", 0x8e),
  trunc: unary<"f32", "f32">("f32", 0x8f),
  nearest: unary<"f32", "f32">("f32", 0x90),
  sqrt: unary<"f32", "f32">("f32", 0x91),
  add: binary<"f32", "f32">("f32", 0x92),
  sub: binary<"f32", "f32">("f32", 0x93),
  mul: binary<"f32", "f32">("f32", 0x94),
  div: binary<"f32", "f32">("f32", 0x95),
  min: binary<"f32", "f32">("f32", 0x96),
  max: binary<"f32", "f32">("f32", 0x97),
  load: load("f32", 2, 0x2a),
  convert_i32_s: unary<"i32", "f32">("f32", 0xb2),
  convert_i32_u: unary<"i32", "f32">("f32", 0xb3),
  demote_f64: unary<"f64", "f32">("f32", 0xb6),
  reinterpret_i32: unary<"i32", "f32">("f32", 0xbe),
  select: (a: F32, b: F32, condition: I32): F32 => value("f32", a.code, b.code, condition.code, 0x1b),
};

export const f64 = {
  load: load("f64", 3, 0x2b),
  const: (x: number): F64 => value("f64", 0x44, float64(x)),
  add: binary<"f64", "f64">("f64", 0xa0),
  sub: binary<"f64", "f64">("f64", 0xa1),
  mul: binary<"f64", "f64">("f64", 0xa2),
  div: binary<"f64", "f64">("f64", 0xa3),
  sqrt: unary<"f64", "f64">("f64", 0x9f),
  promote_f32: unary<"f32", "f64">("f64", 0xbb),
  convert_i32_u: unary<"i32", "f64">("f64", 0xb8),
  convert_i64_s: unary<"i64", "f64">("f64", 0xb9),
};

export const v128 = {
  /** Sixteen bytes, the lowest address first. */
  const: (bytes: readonly number[]): V128 => value("v128", simd(12), bytes),
  load: load("v128", 4, ...simd(0)),
  /** One number in all four lanes. */
  load32_splat: load("v128", 2, ...simd(9)),
  /** Four bytes in the first lane, zeros in the others. */
  load32_zero: load("v128", 2, ...simd(92)),
  load64_zero: load("v128", 3, ...simd(93)),
  /** Four bytes in one lane of `vector`. */
  load32_lane: (address: I32, vector: V128, lane: number, offset = 0): V128 =>
    value("v128", address.code, vector.code, simd(86), 2, unsigned(offset), lane),
  not: vector1(77),
  and: vector2(78),
  /** a and not b. */
  andnot: vector2(79),
  or: vector2(80),
  xor: vector2(81),
  /** The bits of `a` where those of `mask` are set, else those of `b`. */
  bitselect: (a: V128, b: V128, mask: V128): V128 => value("v128", a.code, b.code, mask.code, simd(82)),
  any_true: unary<"v128", "i32">("i32", ...simd(83)),
};

export const i8x16 = {
  /** Bytes of a and b (16 on) by their numbers. */
  shuffle: (a: V128, b: V128, bytes: readonly number[]): V128 =>
    value("v128", a.code, b.code, simd(13), bytes),
  swizzle: vector2(14),
};

export const i16x8 = {
  extend_low_i8x16_u: vector1(137),
};

export const i32x4 = {
  splat: unary<"i32", "v128">("v128", ...simd(17)),
  const: (a: number, b = a, c = a, d = a): V128 => {
    const bytes = [a, b, c, d].flatMap((x) => [x, x >>> 8, x >>> 16, x >>> 24].map((byte) => byte & 0xff));
    return v128.const(bytes);
  },
  extract_lane: (a: V128, lane: number): I32 => value("i32", a.code, simd(27), lane),
  replace_lane: (a: V128, lane: number, x: I32): V128 => value("v128", a.code, x.code, simd(28), lane),
  eq: vector2(55),
  ne: vector2(56),
  lt_s: vector2(57),
  lt_u: vector2(58),
  gt_s: vector2(59),
  gt_u: vector2(60),
  le_s: vector2(61),
  le_u: vector2(62),
  ge_s: vector2(63),
  ge_u: vector2(64),
  abs: vector1(160),
  neg: vector1(161),
  all_true: unary<"v128", "i32">("i32", ...simd(163)),
  bitmask: unary<"v128", "i32">("i32", ...simd(164)),
  extend_low_i16x8_u: vector1(169),
  shl: shift(171),
  shr_s: shift(172),
  shr_u: shift(173),
  add: vector2(174),
  sub: vector2(177),
  mul: vector2(181),
  min_s: vector2(182),
  min_u: vector2(183),
  max_s: vector2(184),
  max_u: vector2(185),
  trunc_sat_f32x4_s: vector1(248),
  trunc_sat_f32x4_u: vector1(249),
  /** Like `trunc_sat_f32x4_s` for what fits; what a NaN or a larger number becomes differs. Relaxed SIMD. */
  relaxed_trunc_f32x4_s: vector1(0x101),
};

export const i64x2 = {
  /** Products of the low two (high two) u32, whole. */
  extmul_low_i32x4_u: vector2(222),
  extmul_high_i32x4_u: vector2(223),
  add: vector2(206),
  shr_u: shift(205),
};

export const f32x4 = {
  splat: unary<"f32", "v128">("v128", ...simd(19)),
  const: (a: number, b = a, c = a, d = a): V128 => v128.const([a, b, c, d].flatMap(float32)),
  extract_lane: (a: V128, lane: number): F32 => value("f32", a.code, simd(31), lane),
  replace_lane: (a: V128, lane: number, x: F32): V128 => value("v128", a.code, x.code, simd(32), lane),
  eq: vector2(65),
  ne: vector2(66),
  lt: vector2(67),
  gt: vector2(68),
  le: vector2(69),
  ge: vector2(70),
  ceil: vector1(103),
  floor: vector1(104),
  trunc: vector1(105),
  nearest: vector1(106),
  abs: vector1(224),
  neg: vector1(225),
  sqrt: vector1(227),
  add: vector2(228),
  sub: vector2(229),
  mul: vector2(230),
  div: vector2(231),
  /** With NaN in either, NaN; several times slower than pmin and pmax. */
  min: vector2(232),
  max: vector2(233),
  /** b where b < a, else a: keeps a NaN of a. */
  pmin: vector2(234),
  /** b where a < b, else a: keeps a NaN of a. */
  pmax: vector2(235),
  convert_i32x4_s: vector1(250),
  convert_i32x4_u: vector1(251),
  demote_f64x2_zero: vector1(94),
  /** a · b + c, rounded once or twice: once where the processor has such an instruction. Relaxed SIMD. */
  relaxed_madd: (a: V128, b: V128, c: V128): V128 => value("v128", a.code, b.code, c.code, simd(0x105)),
  /** c − a · b, likewise. */
  relaxed_nmadd: (a: V128, b: V128, c: V128): V128 => value("v128", a.code, b.code, c.code, simd(0x106)),
};

export const f64x2 = {
  splat: unary<"f64", "v128">("v128", ...simd(20)),
  const: (a: number, b = a): V128 => v128.const([a, b].flatMap(float64)),
  extract_lane: (a: V128, lane: number): F64 => value("f64", a.code, simd(33), lane),
  add: vector2(240),
  sub: vector2(241),
  mul: vector2(242),
  div: vector2(243),
  promote_low_f32x4: vector1(95),
};

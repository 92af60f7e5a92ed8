/**
 * Instructions as functions of typed values, under their names in WebAssembly's text format: `i32.add(a, b)`.
 *
 * A {@link Value} is the code that computes it: whoever uses a value twice computes it twice, unless it was kept in a
 * local (`keep` of `FunctionBuilder`). Values have no effects; what has one is a statement of `FunctionBuilder`.
 */
export * as f32 from "./instructions/f32.ts";
export * as f32x4 from "./instructions/f32x4.ts";
export * as f64 from "./instructions/f64.ts";
export * as f64x2 from "./instructions/f64x2.ts";
export * as i8x16 from "./instructions/i8x16.ts";
export * as i16x8 from "./instructions/i16x8.ts";
export * as i32 from "./instructions/i32.ts";
export * as i32x4 from "./instructions/i32x4.ts";
export * as i64 from "./instructions/i64.ts";
export * as i64x2 from "./instructions/i64x2.ts";
export * as v128 from "./instructions/v128.ts";
export { partsOf } from "./sums.ts";
export type { F32, F64, I32, I64, V128, Value, ValueType } from "./values.ts";
export { constantOf } from "./values.ts";

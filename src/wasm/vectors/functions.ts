/** The scalar functions of hooks, four lanes at once: each has its twin of the same name in `src/kernels/scalar.ts`. */
import { f32x4, type V128, v128 } from "../assembler/instructions.ts";
import { number, type VectorContext } from "./arithmetic.ts";
import { exponential } from "./exponential.ts";

/** Writes a function of vectors. The arguments are locals or constants: they can be read many times. */
export type VectorFunction = (context: VectorContext, ...args: V128[]) => V128;

/** 1 in the lanes of a mask, 0 in the others. */
function asNumber(context: VectorContext, mask: V128): V128 {
  return v128.and(mask, number(context, 1));
}

export const vectorFunctions: Readonly<Record<string, VectorFunction>> = {
  add: (_, a, b) => f32x4.add(a, b),
  sub: (_, a, b) => f32x4.sub(a, b),
  mul: (_, a, b) => f32x4.mul(a, b),
  div: (_, a, b) => f32x4.div(a, b),
  greater: (context, a, b) => asNumber(context, f32x4.gt(a, b)),
  equal: (context, a, b) => asNumber(context, f32x4.eq(a, b)),
  choose: ({ f }, condition, a, b) => v128.bitselect(a, b, f32x4.ne(condition, f.constant(f32x4.const(0)))),
  neg: (_, x) => f32x4.neg(x),
  square: (_, x) => f32x4.mul(x, x),
  squareRoot: (_, x) => f32x4.sqrt(x),
  absolute: (_, x) => f32x4.abs(x),
  floorOf: (_, x) => f32x4.floor(x),
  // Keeps a NaN of x.
  relu: ({ f }, x) => f32x4.pmax(x, f.constant(f32x4.const(0))),
  maximum: (_, a, b) => f32x4.max(a, b),
  minimum: (_, a, b) => f32x4.min(a, b),
  exponential,
};

/** What functions of vectors are made of. Their arguments are locals: they are read many times. */
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32x4, i32x4, type V128, v128 } from "../assembler/instructions.ts";
import type { Features } from "../kernels/kernel.ts";

/** Where a function's code goes. */
export interface VectorContext {
  readonly f: FunctionBuilder;
  readonly features: Features;
}

/** a · b + c: rounded once where the processor has such an instruction, else twice. */
export function madd({ features }: VectorContext, a: V128, b: V128, c: V128): V128 {
  return features.relaxed ? f32x4.relaxed_madd(a, b, c) : f32x4.add(f32x4.mul(a, b), c);
}

/** c − a · b, likewise. */
export function nmadd({ features }: VectorContext, a: V128, b: V128, c: V128): V128 {
  return features.relaxed ? f32x4.relaxed_nmadd(a, b, c) : f32x4.sub(c, f32x4.mul(a, b));
}

/** A number in all lanes. */
export function number({ f }: VectorContext, x: number): V128 {
  return f.constant(f32x4.const(x));
}

/** Bits in all lanes. */
export function bits({ f }: VectorContext, word: number): V128 {
  return f.constant(i32x4.const(word));
}

/**
 * A polynomial of x, the highest power's coefficient first: its even and its odd powers are summed side by side, as each
 * sum waits for the one before.
 */
export function polynomial(
  context: VectorContext,
  x: V128,
  coefficients: readonly number[],
  square = context.f.keep(f32x4.mul(x, x)),
): V128 {
  const sums = [0, 1].map((odd) => {
    const own = coefficients.filter((_, i) => (coefficients.length - 1 - i) % 2 === odd);
    const [first, ...others] = own.map((coefficient) => number(context, coefficient));
    return others.reduce((sum, coefficient) => madd(context, sum, square, coefficient), first);
  });
  return madd(context, sums[1], x, sums[0]);
}

/** |`size`| with the sign of x. */
export function withSignOf(context: VectorContext, x: V128, size: V128): V128 {
  return v128.bitselect(x, size, bits(context, 0x80000000));
}

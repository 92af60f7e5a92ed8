/** The normal distribution, for vectors. */
import { f32x4, type V128, v128 } from "../assembler/instructions.ts";
import { madd, number, polynomial, type VectorContext } from "./arithmetic.ts";
import { gaussian } from "./exponential.ts";

/** Φ(x) = 1/2 + x p(x²), and Φ(-x) = exp(-x² / 2) p((x - 3.125) / (x + 3.125)) / (x + 3.125): by `scripts/polynomials.mjs`. */
const ODD = [0.000097381155, -0.0011746034, 0.009969644, -0.06648988, 0.39894226];
const TAIL = [
  0.000039386003, 0.00016480686, -0.0000517494, -0.0011495787, -0.00004371435, 0.008003073, -0.0053307624,
  -0.06382678, 0.2526617, -0.524963, 0.73345363,
];

/** The cumulative function: near 0 by its odd part, further out by exp(-x² / 2) times what is left in the lower tail. */
export function normalCdf(context: VectorContext, x: V128): V128 {
  const { f } = context;
  const square = f.keep(f32x4.mul(x, x));
  const near = madd(context, x, polynomial(context, square, ODD), number(context, 0.5));
  const size = f.keep(f32x4.abs(x));
  const middle = number(context, 3.125);
  const bounded = f.keep(f32x4.pmin(size, number(context, 15)));
  const sum = f.keep(f32x4.add(bounded, middle));
  const t = f.keep(f32x4.div(f32x4.sub(bounded, middle), sum));
  const ratio = f.keep(f32x4.div(polynomial(context, t, TAIL), sum));
  const tail = f.keep(gaussian(context, size, ratio));
  const upper = f32x4.sub(number(context, 1), tail);
  const far = v128.bitselect(upper, tail, f32x4.gt(x, number(context, 0)));
  return v128.bitselect(near, far, f32x4.lt(size, number(context, 0.7)));
}

/** The density. */
export function normalPdf(context: VectorContext, x: V128): V128 {
  return gaussian(context, x, number(context, 1 / Math.sqrt(2 * Math.PI)));
}

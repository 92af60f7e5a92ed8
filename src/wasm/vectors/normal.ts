/** The normal distribution, for vectors. */
import { f32x4, type V128, v128 } from "../assembler/instructions.ts";
import { madd, number, polynomial, type VectorContext } from "./arithmetic.ts";
import { gaussian } from "./exponential.ts";

/** Φ(x) = 1/2 + x p(x²), by `scripts/polynomials.mjs`: the powers from 1 on, and 0. */
const ODD = [0.00009528884, -0.0011704215, 0.00996714, -0.066489354];
const ODD_0 = 0.39894223;
/** Φ(-x) = exp(-x² / 2) p(t) / (x + 3.125) with t = (x - 3.125) / (x + 3.125): the powers from 2 on, and those below. */
const TAIL = [
  0.000039386003, 0.00016480686, -0.0000517494, -0.0011495787, -0.00004371435, 0.008003073, -0.0053307624,
  -0.06382678, 0.2526617,
];
const [TAIL_1, TAIL_0] = [-0.524963, 0.73345363];

/** The cumulative function: near 0 by its odd part, further out by exp(-x² / 2) times what is left in the lower tail. */
export function normalCdf(context: VectorContext, x: V128): V128 {
  const { f } = context;
  const square = f.keep(f32x4.mul(x, x));
  const odd = madd(context, polynomial(context, square, ODD), square, number(context, ODD_0));
  const near = madd(context, x, odd, number(context, 0.5));
  const size = f.keep(f32x4.abs(x));
  const tail = f.keep(lowerTail(context, size));
  const upper = f32x4.sub(number(context, 1), tail);
  const far = v128.bitselect(upper, tail, f32x4.gt(x, number(context, 0)));
  return v128.bitselect(near, far, f32x4.lt(size, number(context, 0.9)));
}

/** Φ(-x), for an x from 0.9. */
function lowerTail(context: VectorContext, x: V128): V128 {
  const { f } = context;
  const middle = number(context, 3.125);
  // Beyond, the result is 0.
  const bounded = f.keep(f32x4.pmin(x, number(context, 15)));
  const sum = f.keep(f32x4.add(bounded, middle));
  const t = f.keep(f32x4.div(f32x4.sub(sum, number(context, 6.25)), sum));
  const inner = f.keep(madd(context, polynomial(context, t, TAIL), t, number(context, TAIL_1)));
  const p = f.keep(madd(context, inner, t, number(context, TAIL_0)));
  const ratio = f.keep(f32x4.div(p, sum));
  // What the sum lost: the ratio's logarithm changes by it times about -2.2 times the ratio.
  const ofSum = f32x4.sub(bounded, f32x4.sub(sum, middle));
  // What p lost, in proportion: 1 / p is about 1.4 + t.
  const ofP = madd(context, inner, t, f32x4.sub(number(context, TAIL_0), p));
  const change = madd(
    context,
    f32x4.mul(ratio, number(context, -2.2)),
    ofSum,
    f32x4.mul(ofP, f32x4.add(t, number(context, 1.4))),
  );
  return gaussian(context, x, ratio, change);
}

/** The density. */
export function normalPdf(context: VectorContext, x: V128): V128 {
  return gaussian(context, x, number(context, 1 / Math.sqrt(2 * Math.PI)));
}

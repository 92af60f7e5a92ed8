/** The normal distribution in 64 bits: origin and reference of the approximations in 32 bits. */

/** Below this, the series is accurate, above, the continued fraction. */
const MIDDLE = 3;

/**
 * Φ(-x) exp(x² / 2), for x from 0: by Marsaglia's series (Evaluating the normal distribution, Journal of Statistical
 * Software 2004), and by Laplace's continued fraction for Mills' ratio.
 * @param {number} x
 */
export function tailRatio(x) {
  const density = 1 / Math.sqrt(2 * Math.PI);
  if (x < MIDDLE) {
    let sum = 0;
    let term = x;
    for (let k = 1; term > 1e-18; k += 2) {
      sum += term;
      term *= (x * x) / (k + 2);
    }
    return Math.exp((x * x) / 2) / 2 - density * sum;
  }
  let denominator = x;
  for (let k = 120; k >= 1; k--) denominator = x + k / denominator;
  return density / denominator;
}

/**
 * Φ(x), the standard normal distribution's cumulative function.
 * @param {number} x
 */
export function normalCdf(x) {
  const tail = tailRatio(Math.abs(x)) * Math.exp((-x * x) / 2);
  return x > 0 ? 1 - tail : tail;
}

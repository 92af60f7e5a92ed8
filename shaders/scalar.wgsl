// Scalar functions for hooks. Each has its twin of the same name in src/kernels/scalar.ts.
// A specialised kernel takes from here the functions that its hooks call, and those that these call.
//
// WGSL leaves NaN and infinity undefined, so nothing here relies on them: exp is only taken of what cannot
// overflow, and comparisons decide with select.

fn add(a: f32, b: f32) -> f32 { return a + b; }
fn sub(a: f32, b: f32) -> f32 { return a - b; }
fn mul(a: f32, b: f32) -> f32 { return a * b; }
fn div(a: f32, b: f32) -> f32 { return a / b; }
fn maximum(a: f32, b: f32) -> f32 { return max(a, b); }
fn minimum(a: f32, b: f32) -> f32 { return min(a, b); }

// 1 where the comparison holds, else 0.
fn greater(a: f32, b: f32) -> f32 { return select(0.0, 1.0, a > b); }
fn equal(a: f32, b: f32) -> f32 { return select(0.0, 1.0, a == b); }
// `a` where `condition` is not 0, else `b`.
fn choose(condition: f32, a: f32, b: f32) -> f32 { return select(b, a, condition != 0.0); }

fn neg(x: f32) -> f32 { return -x; }
fn square(x: f32) -> f32 { return x * x; }
fn exponential(x: f32) -> f32 { return exp(x); }
fn logarithm(x: f32) -> f32 { return log(x); }
fn squareRoot(x: f32) -> f32 { return sqrt(x); }
fn absolute(x: f32) -> f32 { return abs(x); }
fn signum(x: f32) -> f32 { return sign(x); }
fn floorOf(x: f32) -> f32 { return floor(x); }
fn sine(x: f32) -> f32 { return sin(x); }
fn cosine(x: f32) -> f32 { return cos(x); }

fn relu(x: f32) -> f32 { return max(x, 0.0); }
fn leakyRelu(x: f32, slope: f32) -> f32 { return select(slope * x, x, x > 0.0); }

// exp(x) - 1, by its series near 0, where the difference would cancel.
fn expm1(x: f32) -> f32 {
  let series = x * (1.0 + x * (0.5 + x * (0.16666667 + x * (0.041666668 + x * 0.008333334))));
  return select(exp(x) - 1.0, series, abs(x) < 0.3);
}
fn elu(x: f32, alpha: f32) -> f32 { return select(alpha * expm1(min(x, 0.0)), x, x > 0.0); }
// Klambauer et al. 2017.
fn selu(x: f32) -> f32 { return 1.0507009873554805 * elu(x, 1.6732632423543772); }

fn sigmoid(x: f32) -> f32 {
  let e = exp(-abs(x));
  return select(e, 1.0, x >= 0.0) / (1.0 + e);
}
fn hyperbolicTangent(x: f32) -> f32 { return tanh(clamp(x, -15.0, 15.0)); }
// log(1 + e), for e in [0, 1], by its series near 0, where 1 + e would round e away.
fn log1p(e: f32) -> f32 {
  let series = e * (1.0 - e * (0.5 - e * (0.33333334 - e * 0.25)));
  return select(log(1.0 + e), series, e < 0.01);
}
fn softplus(x: f32) -> f32 { return max(x, 0.0) + log1p(exp(-abs(x))); }

// The normal distribution's cumulative function: erf by Abramowitz and Stegun 7.1.26 (error below 1.5e-7).
fn normalCdf(x: f32) -> f32 {
  let z = min(abs(x) * 0.70710677, 9.0);
  let t = 1.0 / (1.0 + 0.3275911 * z);
  let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let tail = 0.5 * poly * exp(-z * z);
  return select(tail, 1.0 - tail, x >= 0.0);
}
fn normalPdf(x: f32) -> f32 {
  let bounded = min(abs(x), 13.0);
  return 0.3989422804 * exp(-0.5 * bounded * bounded);
}

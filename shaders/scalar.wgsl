// Scalar functions for hooks, and for kernels. Each has a twin of the same name in src/kernels/scalar.ts.
// A specialised kernel contains the functions that the kernel and its hooks call, directly or through others.
//
// NaN stays NaN: a function that selects looks at the bits, as compilers assume that comparisons are of numbers,
// and WGSL's max, min and clamp may drop a NaN. Elementary functions are our own, as WGSL lets drivers be far off:
// docs/numerics.md says how accurate they are. Sums whose order matters are written with fma, which no compiler takes
// apart. The polynomials are from scripts/polynomials.mjs.

// Helpers, which hooks do not call.

fn isNaN(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
// `value`, but NaN where x is.
fn keepNaN(x: f32, value: f32) -> f32 { return select(value, x, isNaN(x)); }
// x · 0 and x - x: 0, but NaN where x is NaN or infinite.
fn zeroOf(x: f32) -> f32 {
  return bitcast<f32>(select(0u, 0x7fc00000u, (bitcast<u32>(x) & 0x7fffffffu) >= 0x7f800000u));
}
// Whether a comes after b, where NaN comes after all numbers.
fn exceeds(a: f32, b: f32) -> bool { return !isNaN(b) && (isNaN(a) || a > b); }
// Below all numbers. WGSL has no literal for it, and compilers refuse to make it of constants.
fn lowest() -> f32 {
  var bits = 0xff800000u;
  return bitcast<f32>(bits);
}

// x · 2^n, in two steps: 2^n alone may be no number.
fn scaled(x: f32, n: i32) -> f32 {
  let half = n >> 1u;
  return x * bitcast<f32>(u32(half + 127) << 23u) * bitcast<f32>(u32(n - half + 127) << 23u);
}
// exp(r) - 1 for |r| up to 0.41.
fn expm1Near0(r: f32) -> f32 {
  let p = fma(r, fma(r, fma(r, fma(r, fma(r, 0.00019817844, 0.001395097), 0.0083335005), 0.041666307), 0.16666666), 0.5);
  return fma(r * r, p, r);
}
// a + b - n log 2, for a result below 1 and a far smaller b: by log 2 in two parts (Cody & Waite 1980), 355 / 512 and the
// rest. n times the first is exact; it is computed in integers, or compilers would add up the parts before they multiply.
fn withoutLog2(a: f32, b: f32, n: i32) -> f32 {
  return (a - f32(n * 355) * 0.001953125) + fma(f32(n), 2.1219444e-4, b);
}
// factor · exp(a + b), for a b below 0.06: of which digits that a has no room for.
fn expOfSum(a: f32, b: f32, factor: f32) -> f32 {
  // Further out the result is 0 or infinite.
  let bounded = clamp(a, -150.0, 130.0);
  let n = i32(round(bounded * 1.442695));
  return scaled(fma(factor, expm1Near0(withoutLog2(bounded, b, n)), factor), n);
}
// factor · exp(-x² / 2). The rounding of the square would be a large error of the result: its first 12 digits' square is
// exact.
fn gaussian(x: f32, factor: f32) -> f32 {
  let size = min(abs(x), 15.0);
  let head = bitcast<f32>(bitcast<u32>(size) & 0xfffff000u);
  return keepNaN(x, expOfSum(-0.5 * head * head, -0.5 * (size - head) * (size + head), factor));
}
// k and m with x = 2^k m, and m between √½ and √2.
fn binaryParts(x: f32) -> vec2<f32> {
  let word = bitcast<u32>(x);
  // A subnormal number is its bits times 2^-149.
  let subnormal = word < 0x00800000u;
  let bits = select(word, bitcast<u32>(f32(word)), subnormal);
  let k = i32(bits - 0x3f3504f3u) >> 23u;
  return vec2<f32>(f32(k) - select(0.0, 149.0, subnormal), bitcast<f32>(bits - (u32(k) << 23u)));
}
// log(2^k (1 + f)), for 1 + f between √½ and √2.
fn logOfParts(k: f32, f: f32) -> f32 {
  var p = fma(f, fma(f, fma(f, 0.067495406, -0.116701834), 0.11883471), -0.12406208);
  p = fma(f, fma(f, fma(f, fma(f, fma(f, p, 0.14220363), -0.1666799), 0.20002072), -0.2500001), 0.33333313);
  let square = f * f;
  let tail = fma(-0.5, square, fma(f * square, p, k * -2.1219444e-4));
  return fma(k, 0.693359375, f + tail);
}
// `value` as log x, but what belongs where x is 0, negative, infinite or NaN.
fn asLogarithm(x: f32, value: f32) -> f32 {
  let word = bitcast<u32>(x);
  var bits = select(bitcast<u32>(value), word, word >= 0x7f800000u);
  bits = select(bits, 0x7fc00000u, word > 0x80000000u);
  return bitcast<f32>(select(bits, 0xff800000u, (word & 0x7fffffffu) == 0u));
}
// The upper 32 bits of a × b, for an a of 24 bits. Every partial sum stays below 2^32.
fn upperProduct(a: u32, b: u32) -> u32 {
  let high = a >> 12u;
  let low = a & 0xfffu;
  let middle = (((low * (b & 0xffffu)) >> 12u) + high * (b & 0xffffu)) >> 4u;
  return (((middle + low * (b >> 16u)) >> 12u) + high * (b >> 16u)) >> 4u;
}
// sin(x + quarters · π/2). An x beyond π/4 is reduced in integers (Payne & Hanek 1983): its 24 digits times those 96 of
// 2/π that matter to them leave the quarter turn and 62 digits of the rest, however large x is.
fn sineOf(x: f32, quarters: u32) -> f32 {
  // 2/π in binary, behind 32 zeros.
  var digits = array<u32, 8>(
    0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu,
  );
  let word = bitcast<u32>(x) & 0x7fffffffu;
  var turn = 0u;
  var r = abs(x);
  if (word >= 0x3f490fdbu) {
    let mantissa = (word & 0x007fffffu) | 0x00800000u;
    let place = (word >> 23u) - 120u;
    let first = min(place >> 5u, 4u);
    let shift = place & 31u;
    let high = (digits[first] << shift) | ((digits[first + 1u] >> 1u) >> (31u - shift));
    let middle = (digits[first + 1u] << shift) | ((digits[first + 2u] >> 1u) >> (31u - shift));
    let low = (digits[first + 2u] << shift) | ((digits[first + 3u] >> 1u) >> (31u - shift));
    let carried = upperProduct(mantissa, low);
    let rest = mantissa * middle + carried;
    let whole = mantissa * high + upperProduct(mantissa, middle) + select(0u, 1u, rest < carried);
    turn = (whole + 0x20000000u) >> 30u;
    let near = bitcast<i32>(whole - (turn << 30u));
    r = fma(f32(near), 9.313226e-10, f32(rest) * 2.1684043e-19) * 1.5707964;
  }
  if (bitcast<u32>(x) >= 0x80000000u) {
    r = -r;
    turn = 0u - turn;
  }
  turn += quarters;
  let square = r * r;
  let odd = fma(r * square, fma(square, fma(square, -0.0001950554, 0.008332095), -0.16666654), r);
  let even = fma(square * square, fma(square, fma(square, 0.000024412086, -0.001388713), 0.04166664), fma(square, -0.5, 1.0));
  let value = bitcast<u32>(select(odd, even, (turn & 1u) == 1u)) ^ ((turn & 2u) << 30u);
  return bitcast<f32>(select(value, 0x7fc00000u, word >= 0x7f800000u));
}

// Arithmetic and choices.

fn add(a: f32, b: f32) -> f32 { return a + b; }
fn sub(a: f32, b: f32) -> f32 { return a - b; }
fn mul(a: f32, b: f32) -> f32 { return a * b; }
fn div(a: f32, b: f32) -> f32 { return a / b; }
fn maximum(a: f32, b: f32) -> f32 { return keepNaN(a, keepNaN(b, max(a, b))); }
fn minimum(a: f32, b: f32) -> f32 { return keepNaN(a, keepNaN(b, min(a, b))); }

// 1 where the comparison holds, else 0; with NaN, none does.
fn greater(a: f32, b: f32) -> f32 { return select(0.0, 1.0, a > b); }
fn equal(a: f32, b: f32) -> f32 { return select(0.0, 1.0, a == b && !isNaN(a)); }
// `a` where `condition` is not 0, else `b`.
fn choose(condition: f32, a: f32, b: f32) -> f32 {
  return select(b, a, (bitcast<u32>(condition) & 0x7fffffffu) != 0u);
}

fn neg(x: f32) -> f32 { return -x; }
fn square(x: f32) -> f32 { return x * x; }
fn squareRoot(x: f32) -> f32 { return sqrt(x); }
fn absolute(x: f32) -> f32 { return abs(x); }
fn signum(x: f32) -> f32 { return keepNaN(x, sign(x)); }
fn floorOf(x: f32) -> f32 { return floor(x); }
// 1 where x is a number, 0 where it is NaN or infinite. By bits: compilers assume that there are no others.
fn finite(x: f32) -> f32 { return select(0.0, 1.0, (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u); }

// Elementary functions.

fn exponential(x: f32) -> f32 { return keepNaN(x, expOfSum(x, 0.0, 1.0)); }
fn expm1(x: f32) -> f32 {
  let bounded = clamp(x, -25.0, 89.0);
  let n = i32(round(bounded * 1.442695));
  let p = expm1Near0(withoutLog2(bounded, 0.0, n));
  // 2^n p + 2^n - 1, by halves: 2^128 is no number.
  let half = bitcast<f32>(u32(n + 126) << 23u);
  return keepNaN(x, 2.0 * fma(half, p, half - 0.5));
}
fn logarithm(x: f32) -> f32 {
  let parts = binaryParts(x);
  return asLogarithm(x, logOfParts(parts.x, parts.y - 1.0));
}
// log(1 + x). Near 0, x itself has the digits that 1 + x rounds away.
fn log1p(x: f32) -> f32 {
  let sum = 1.0 + x;
  let parts = binaryParts(sum);
  return asLogarithm(sum, logOfParts(parts.x, select(parts.y - 1.0, x, parts.x == 0.0)));
}
fn sine(x: f32) -> f32 { return sineOf(x, 0u); }
fn cosine(x: f32) -> f32 { return sineOf(x, 1u); }
fn hyperbolicTangent(x: f32) -> f32 {
  let square = x * x;
  let p = fma(square, fma(square, fma(square, fma(square, -0.005665714, 0.020604871), -0.05372953), 0.13331324), -0.33333278);
  let far = 1.0 - 2.0 / (expOfSum(2.0 * min(abs(x), 10.0), 0.0, 1.0) + 1.0);
  return keepNaN(x, select(select(-far, far, x > 0.0), fma(x * square, p, x), abs(x) < 0.625));
}

// Activations.

fn relu(x: f32) -> f32 { return keepNaN(x, max(x, 0.0)); }
fn leakyRelu(x: f32, slope: f32) -> f32 { return select(slope * x, x, x > 0.0); }
fn elu(x: f32, alpha: f32) -> f32 { return select(alpha * expm1(x), x, x > 0.0); }
// Klambauer et al. 2017.
fn selu(x: f32) -> f32 { return 1.0507009873554805 * elu(x, 1.6732632423543772); }
fn sigmoid(x: f32) -> f32 {
  let e = exponential(-abs(x));
  return select(e, 1.0, x >= 0.0) / (1.0 + e);
}
fn softplus(x: f32) -> f32 { return maximum(x, 0.0) + log1p(exponential(-abs(x))); }

// The normal distribution's cumulative function: near 0 by its odd part, further out by exp(-x² / 2) times what is left of
// it in the lower tail.
fn normalCdf(x: f32) -> f32 {
  let square = x * x;
  let odd = fma(square, fma(square, fma(square, fma(square, 0.000097381155, -0.0011746034), 0.009969644), -0.06648988), 0.39894226);
  let size = min(abs(x), 15.0);
  let t = (size - 3.125) / (size + 3.125);
  var p = fma(t, fma(t, fma(t, 0.000039386003, 0.00016480686), -0.0000517494), -0.0011495787);
  p = fma(t, fma(t, fma(t, fma(t, p, -0.00004371435), 0.008003073), -0.0053307624), -0.06382678);
  p = fma(t, fma(t, fma(t, p, 0.2526617), -0.524963), 0.73345363);
  let tail = gaussian(x, p / (size + 3.125));
  return select(select(tail, 1.0 - tail, x > 0.0), fma(x, odd, 0.5), abs(x) < 0.7);
}
fn normalPdf(x: f32) -> f32 { return gaussian(x, 0.3989422804014327); }

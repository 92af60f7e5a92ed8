// Counter-based random numbers for hooks: Philox 4x32-10 (Salmon et al., SC'11), as in src/random.ts.

// The upper 32 bits of a × b, from 16-bit halves. Every partial sum stays below 2^32.
fn multiplyHigh(a: u32, b: u32) -> u32 {
  let middle = (a >> 16u) * (b & 0xffffu) + (((a & 0xffffu) * (b & 0xffffu)) >> 16u);
  let cross = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (cross >> 16u);
}

// Uniform in [0, 1), with 24 bits: a function of (seed, stream, step, index), the twin of `stepUniform`.
fn stepUniform(seed: u32, stream: u32, count: u32, index: u32) -> f32 {
  var counter = vec4<u32>(index, count, 0u, 3u);
  var key = vec2<u32>(seed, stream);
  for (var round = 0u; round < 10u; round++) {
    counter = vec4<u32>(
      multiplyHigh(0xcd9e8d57u, counter.z) ^ counter.y ^ key.x,
      0xcd9e8d57u * counter.z,
      multiplyHigh(0xd2511f53u, counter.x) ^ counter.w ^ key.y,
      0xd2511f53u * counter.x,
    );
    key += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return f32(counter.x >> 8u) * 5.9604644775390625e-8;
}

/** Numbers, as the shaders get them. */
import { expect, it } from "vitest";
import { f32Literal } from "../../src/kernels/wgsl/passes/constants.ts";

it.each([
  [1, "1.0"],
  [-2, "-2.0"],
  [0, "0.0"],
  // With all digits: WGSL rounds 1 - 0.999 to 0.001f, but 1 - 0.999f would be 0.00099998713.
  [0.999, "0.999"],
  [1e-8, "1e-8"],
  // Too small for an f32, and a little above the largest, which is what it rounds to.
  [1e-50, "0.0"],
  [3.402823466385289e38, "3.4028234663852886e+38"],
])("%f is written %s", (value, text) => {
  expect(f32Literal(value)).toBe(text);
});

it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e39])("%f cannot be written", (value) => {
  expect(() => f32Literal(value)).toThrow(`${value} cannot be written in WGSL: it is no finite f32`);
});

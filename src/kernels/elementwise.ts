import shader from "../../shaders/elementwise.wgsl?raw";
import { type Kernel, spread } from "./kernel.ts";

const GROUP = 64;

/** Constants for a result of `size` elements. */
export function elementwiseConstants(size: number) {
  return { SIZE: size, ROW: spread(Math.ceil(size / GROUP))[0] * GROUP };
}

/** `store(i, element(i))` for every element: whatever no other kernel could take into its hooks. */
export const elementwise: Kernel = {
  name: "elementwise",
  shader,
  entryPoint: "elementwise",
  bindings: {},
  constants: { SIZE: "u32", ROW: "u32" },
  hooks: { element: "load", store: "store" },
  grid: ({ SIZE }) => spread(Math.ceil(SIZE / GROUP)),
  workgroup: () => [GROUP, 1],
  flops: () => 0,
  loads: ({ SIZE }) => ({ element: SIZE }),
};

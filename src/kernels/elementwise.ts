import shader from "../../shaders/elementwise.wgsl?raw";
import { defineKernel } from "./index.ts";
import { spread } from "./kernel.ts";
import { inParts, RUN } from "./twin.ts";

const GROUP = 64;

/** Constants for a result of `size` elements. */
export function elementwiseConstants(size: number) {
  return { SIZE: size, ROW: spread(Math.ceil(size / GROUP))[0] * GROUP };
}

/** `store(i, element(i))` for every element: whatever no other kernel could take into its hooks. */
export const elementwise = defineKernel({
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
  twin({ constants: { SIZE }, load, store }) {
    return inParts(SIZE, (start, end) => {
      for (let at = start; at < end; at += RUN) store.store(at, load.element(at, Math.min(RUN, end - at)));
    });
  },
});

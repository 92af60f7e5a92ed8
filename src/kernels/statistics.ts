import shader from "../../shaders/statistics.wgsl?raw";
import { defineKernel } from "./index.ts";
import { spread } from "./kernel.ts";

const GROUP = 64;

/** Elements that share one rate. */
export const STATISTICS_BLOCK = 64;

export function trackConstants(size: number) {
  return { SIZE: size, ROW: spread(Math.ceil(size / GROUP))[0] * GROUP };
}

/** Moves running statistics towards what the step observed. */
export const track = defineKernel({
  name: "track",
  shader,
  entryPoint: "track",
  bindings: {
    running: { binding: 0, access: "read_write" },
    observed: { binding: 1, access: "read" },
    rates: { binding: 2, access: "read" },
  },
  constants: { SIZE: "u32", ROW: "u32" },
  hooks: {},
  grid: ({ SIZE }) => spread(Math.ceil(SIZE / GROUP)),
  workgroup: () => [GROUP, 1],
  flops: ({ SIZE }) => 3 * SIZE,
  twin({ memory: { running, observed, rates } }) {
    for (let i = 0; i < running.length; i++) {
      const rate = rates[Math.floor(i / STATISTICS_BLOCK)];
      running[i] = (1 - rate) * running[i] + rate * observed[i];
    }
  },
});

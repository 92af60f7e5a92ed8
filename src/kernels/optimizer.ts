import shader from "../../shaders/optimizer.wgsl?raw";
import { type Kernel, type KernelBinding, spread } from "./kernel.ts";

/** Invocations of a workgroup, and elements of each. */
const GROUP = 256;
const ELEMENTS = 4;

/** Elements that share one entry of `blocks`. */
export const OPTIMIZER_BLOCK = 64;

/** Constants for an arena of `size` elements, a multiple of {@link OPTIMIZER_BLOCK}. */
export function optimizerConstants(size: number) {
  return { SIZE: size, ROW: groups(size)[0] * GROUP };
}

function groups(size: number) {
  return spread(Math.ceil(size / (ELEMENTS * GROUP)));
}

const memory: Record<string, KernelBinding> = {
  parameters: { binding: 0, access: "read_write" },
  gradients: { binding: 1, access: "read" },
  blocks: { binding: 2, access: "read" },
};
const first: Record<string, KernelBinding> = { first: { binding: 3, access: "read_write" } };
const second: Record<string, KernelBinding> = { second: { binding: 4, access: "read_write" } };

/** One update rule. */
function rule(
  name: string,
  bindings: Record<string, KernelBinding>,
  constants: Record<string, "u32" | "f32">,
  flopsPerElement: number,
): Kernel {
  return {
    name,
    shader,
    entryPoint: name,
    bindings: { ...memory, ...bindings },
    constants: { SIZE: "u32", ROW: "u32", LEARNING_RATE: "u32", ...constants },
    hooks: {},
    grid: ({ SIZE }) => groups(SIZE),
    workgroup: () => [GROUP, 1],
    flops: ({ SIZE }) => SIZE * flopsPerElement,
  };
}

export const sgd = rule("sgd", {}, {}, 4);

export const momentum = rule("momentum", first, { MOMENTUM: "f32", NESTEROV: "u32" }, 6);

export const adam = rule(
  "adam",
  { ...first, ...second },
  { CORRECTION1: "u32", CORRECTION2: "u32", BETA1: "f32", BETA2: "f32", EPSILON: "f32", DECOUPLED: "u32" },
  14,
);

export const rmsprop = rule(
  "rmsprop",
  { ...first, ...second },
  { DECAY: "f32", MOMENTUM: "f32", EPSILON: "f32" },
  9,
);

export const adagrad = rule("adagrad", second, { CORRECTION1: "u32", EPSILON: "f32" }, 8);

/** A change of all gradients in place. */
function clip(name: string, bindings: Record<string, KernelBinding>): Kernel {
  return {
    name,
    shader,
    entryPoint: name,
    bindings: { clipped: { binding: 5, access: "read_write" }, ...bindings },
    constants: { SIZE: "u32", ROW: "u32", LIMIT: "f32" },
    hooks: {},
    grid: ({ SIZE }) => groups(SIZE),
    workgroup: () => [GROUP, 1],
    flops: ({ SIZE }) => SIZE,
  };
}

export const clipNorm = clip("clipNorm", { squares: { binding: 6, access: "read" } });

export const clipValue = clip("clipValue", {});

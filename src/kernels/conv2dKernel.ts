/** What all kernels of convolutions have in common. */
import type { Constants } from "./kernel.ts";

/** The channel of a result, of its flat index in [batch, channels, pixels]. */
export function channelPart({ BATCH }: Constants, pixels: number, channels: number) {
  return { store: { channel: { div: pixels, mod: BATCH > 1 ? channels : 0 } } };
}

function flops({ BATCH, CHANNELS, FILTERS, GROUPS, OUT_H, OUT_W, KERNEL_H, KERNEL_W }: Constants): number {
  return (2 * BATCH * OUT_H * OUT_W * FILTERS * CHANNELS * KERNEL_H * KERNEL_W) / GROUPS;
}

export const convolutionSizes = {
  BATCH: "u32",
  CHANNELS: "u32",
  H: "u32",
  W: "u32",
  FILTERS: "u32",
  OUT_H: "u32",
  OUT_W: "u32",
  KERNEL_H: "u32",
  KERNEL_W: "u32",
  STRIDE_H: "u32",
  STRIDE_W: "u32",
  PAD_H: "u32",
  PAD_W: "u32",
  DILATION_H: "u32",
  DILATION_W: "u32",
  GROUPS: "u32",
} as const;

export const convolution = {
  bindings: { a: { binding: 0, access: "read" }, b: { binding: 1, access: "read" } },
  hooks: { store: "store" },
  joinable: true,
  flops,
} as const;

/** Hooks of a weight's gradient: for the weight, and for the bias. */
export const weightHooks = { store: "store", storeSum: "store" } as const;

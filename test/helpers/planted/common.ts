/** Data and options that planted networks share. */
import type { Layer } from "wgrad";
import { dataset } from "wgrad/data";
import { uniforms } from "../../../src/random.ts";

/** Numbers from low to high, the same each time. */
export const drawn = (count: number, stream: number, low = -1, high = 1) =>
  uniforms(count, 5, stream).map((u) => low + (high - low) * u);

export const COUNT = 12;
export const BATCH = 4;
/** Samples of the third batch, in which things are planted. */
export const [FIRST, LAST] = [8, 11];

export const labels = (classes: number) => Uint8Array.from({ length: COUNT }, (_, i) => i % classes);

export function table(features: number, low = -1, high = 1) {
  return dataset({
    name: "table",
    inputs: { data: drawn(COUNT * features, 1, low, high), shape: [features] },
    targets: { data: drawn(COUNT, 2, low, high) },
  });
}

export const common = { batchSize: BATCH, shuffle: false } as const;

export const layer = (name: string, apply: Layer["apply"]): Layer => ({ name, apply });

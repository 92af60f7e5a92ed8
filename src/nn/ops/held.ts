/** Indices that are computed are held to what they choose from; those that the host writes are checked there. */
import type { Tensor } from "../tensor.ts";
import { choose, floor, greater, minimum } from "./scalar.ts";
import { isSource } from "./source.ts";

/**
 * Indices from 0 up to, not including, `count`. What the host wrote passes as it is, as it was refused unless it is one.
 * What a step computes is rounded down and brought into the range: below it, and NaN, becomes 0, above it the last index.
 */
export function heldTo(indices: Tensor, count: number): Tensor {
  if (fromHost(indices)) return indices;
  return choose(greater(indices, 0), minimum(floor(indices), count - 1), 0);
}

/** Whether all of a tensor's values are values that the host wrote, moved but not changed. */
function fromHost(tensor: Tensor): boolean {
  const waiting = [tensor];
  const seen = new Set<Tensor>();
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (isSource(node)) {
      if (!["input", "data", "constant"].includes(node.attributes.role)) return false;
      continue;
    }
    const { selects, lowering } = node.op;
    if (!selects && lowering.kind !== "view") return false;
    for (const input of selects ?? [0]) waiting.push(node.inputs[input]);
  }
  return true;
}

/** Clamps computed indices to their range; indices from the host are checked instead. */
import type { Tensor } from "../tensor.ts";
import { add, choose, floor, greater, minimum, mul } from "./scalar.ts";
import { isSource } from "./source.ts";
import { reshape } from "./view.ts";

/**
 * Indices from 0 up to, not including, `count`. Indices from the host pass unchanged, because invalid ones were
 * refused. Computed indices are rounded down and clamped. NaN becomes 0 here; {@link chosenBy} restores it.
 */
export function heldTo(indices: Tensor, count: number): Tensor {
  if (fromHost(indices)) return indices;
  return choose(greater(indices, 0), minimum(floor(indices), count - 1), 0);
}

/** The result [..., ...row] of choosing by indices [...]: NaN where a computed index is not finite. */
export function chosenBy(indices: Tensor, chosen: Tensor): Tensor {
  if (fromHost(indices)) return chosen;
  const row = chosen.shape.slice(indices.rank);
  // x · 0 is NaN for a NaN x; and floor passes no gradient.
  return add(chosen, reshape(mul(floor(indices), 0), [...indices.shape, ...row.map(() => 1)]));
}

/** Whether all values of a tensor come from the host, moved but not changed. */
export function fromHost(tensor: Tensor): boolean {
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

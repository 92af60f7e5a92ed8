/** Indices that are computed are held to what they choose from; those that the host writes are checked there. */
import type { Tensor } from "../tensor.ts";
import { add, choose, floor, greater, minimum, mul } from "./scalar.ts";
import { isSource } from "./source.ts";
import { reshape } from "./view.ts";

/**
 * Indices from 0 up to, not including, `count`. What the host wrote passes as it is, as it was refused unless it is one.
 * What a step computes is rounded down and brought into the range. NaN is 0 here: {@link chosenBy} makes up for it.
 */
export function heldTo(indices: Tensor, count: number): Tensor {
  if (fromHost(indices)) return indices;
  return choose(greater(indices, 0), minimum(floor(indices), count - 1), 0);
}

/** What was chosen by indices [...], [..., ...row]: NaN where an index was computed and is no finite number. */
export function chosenBy(indices: Tensor, chosen: Tensor): Tensor {
  if (fromHost(indices)) return chosen;
  const row = chosen.shape.slice(indices.rank);
  // x · 0 is NaN where x is; and no gradient passes floor.
  return add(chosen, reshape(mul(floor(indices), 0), [...indices.shape, ...row.map(() => 1)]));
}

/** Whether all of a tensor's values are values that the host wrote, moved but not changed. */
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

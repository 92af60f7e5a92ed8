/** The roots of a graph, and their memory. */
import type { View } from "../../../program.ts";
import { isSource } from "../ops/source.ts";
import { define, type Op, type Tensor, topological } from "../tensor.ts";

const copyOp: Op<{ place: string }> = {
  name: "copy",
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  gradient: (_node, arriving) => [arriving],
  lowering: { kind: "elementwise", emit: (node, emitter, at) => emitter.load(node.inputs[0], at) },
};
const makeCopy = define(copyOp);

/** The memory that each root, or a copy of it, is computed into. @param first where roots begin that are assigned */
export function targetsOf(
  roots: readonly Tensor[],
  first: number,
  viewOf: (tensor: Tensor, i: number) => View,
): Map<Tensor, View> {
  const targets = new Map<Tensor, View>();
  const shared = sharedAmong(roots, first);
  roots.forEach((root, i) => {
    // Copied: a source, a value wanted in two places, and a reshaped view, whose memory is fixed.
    const own =
      !isSource(root) &&
      !targets.has(root) &&
      root.op.lowering.kind !== "view" &&
      !(i >= first && shared.has(root));
    const tensor = own ? root : makeCopy([root], { place: `${i}` });
    targets.set(tensor, viewOf(tensor, i));
  });
  return targets;
}

/**
 * Assigned roots (from `first` on) that others are computed from. They are copied: their place is part of a larger
 * buffer, and one dispatch may not write one part of a buffer and read another.
 */
function sharedAmong(roots: readonly Tensor[], first: number): Set<Tensor> {
  const shared = new Set(topological(roots).flatMap(({ inputs }) => inputs));
  const seen = new Set<Tensor>();
  for (const root of roots.slice(first)) {
    if (seen.has(root)) shared.add(root);
    seen.add(root);
  }
  return shared;
}

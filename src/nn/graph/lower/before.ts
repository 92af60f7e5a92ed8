/** Computations between a step and its updates, on whole states: they decide what the updates do. */
import { elementCount, type View } from "../../../program.ts";
import { isSource } from "../ops/source.ts";
import type { Tensor } from "../tensor.ts";
import { addOutput, type LowerRequest } from "./lower.ts";
import { Lowering } from "./lowering.ts";
import { rewrite } from "./rewrite.ts";
import { targetsOf } from "./roots.ts";

export interface BeforeUpdates {
  /** Further outputs. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Tensors, with the sources by which updates read them. */
  readonly results: ReadonlyMap<Tensor, Tensor>;
}

/** @returns what lowers them, and returns the memory of the results by their sources */
export function lowerBefore({ outputs, results }: BeforeUpdates): LowerRequest["beforeUpdates"] {
  const names = Object.keys(outputs);
  const sources = [...results.keys()].filter(isSource);
  return (builder) => {
    const known = new Map<Tensor, View>();
    const roots = rewrite([...Object.values(outputs), ...results.values()]);
    const targets = targetsOf(roots, roots.length, (tensor, i) => {
      if (i < names.length) return addOutput(builder, names[i], tensor);
      const source = sources[i - names.length];
      const { name, shape, dtype } = source.attributes;
      const view = builder.view({ name, kind: "temporary", dtype, length: elementCount(shape) }, shape);
      known.set(source, view);
      return view;
    });
    new Lowering(builder, targets, ({ name }) => {
      throw new Error(`${name} is a part of a state; before updates, whole states are read`);
    }).finish();
    return known;
  };
}

/** Layers as functions of their input, their parameters and their statistics, all of them given by the test. */
import type { Layer, Shape, Tensor } from "../../src/index.ts";
import { declaredLayout } from "../../src/nn/model/layout.ts";
import { ModelTrace, Scope } from "../../src/nn/model/parameters.ts";
import type { DifferentiableFunction } from "./finite-differences.ts";
import { type Sample, uniform } from "./samples.ts";

export type Samples = Readonly<Record<string, Sample>>;

/** Random values for what a layer declares, by name; variances are positive. */
export function declaredSamples(layer: Layer, sampleShape: Shape): Samples {
  const { parameters, statistics } = declaredLayout(layer, sampleShape);
  const named = [...parameters.specs, ...statistics.specs].map(({ name, shape }) => [
    name,
    name.endsWith("running_var") ? uniform(shape, 0.5, 1.5) : uniform(shape),
  ]);
  return Object.fromEntries(named);
}

/** The layer as a function of `x` and of what it declares. */
export function asFunction(
  layer: Layer,
  x: Sample,
  training: boolean,
  declared: Samples = declaredSamples(layer, x.shape.slice(1)),
): DifferentiableFunction {
  const body = (tensors: Readonly<Record<string, Tensor>>) => {
    const trace = new ModelTrace();
    for (const name of Object.keys(declared)) {
      // A layer that asks for a tensor of this name gets the test's.
      trace.parameters.tensors.set(name, tensors[name]);
      trace.statistics.tensors.set(name, tensors[name]);
    }
    return layer.apply(tensors.x, new Scope(trace, training));
  };
  return { inputs: { x, ...declared }, body };
}

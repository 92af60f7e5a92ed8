/** The interpreter's rules for layer and batch normalisation. */
import type { Tensor } from "../../src/nn/graph/tensor.ts";
import { elementCount, type Shape } from "../../src/program.ts";
import { attribute, coordinates, type Rule, type Values } from "./interpreter-values.ts";

/** x less its mean, by its deviation, for each element with others along `axes`; and these elements' deviation. */
function standardised(x: Values, shape: Shape, axes: readonly number[], epsilon: number) {
  const keyOf = (i: number) =>
    String(coordinates(i, shape).map((at, axis) => (axes.includes(axis) ? 0 : at)));
  /** Means of `values` over the elements that share them, for each element. */
  const meanOf = (values: Values): Values => {
    const sums = new Map<string, { sum: number; count: number }>();
    values.forEach((value, i) => {
      const { sum, count } = sums.get(keyOf(i)) ?? { sum: 0, count: 0 };
      sums.set(keyOf(i), { sum: sum + value, count: count + 1 });
    });
    return values.map((_, i) => {
      const { sum, count } = sums.get(keyOf(i)) as { sum: number; count: number };
      return sum / count;
    });
  };
  const mean = meanOf(x);
  const variance = meanOf(x.map((value, i) => (value - mean[i]) ** 2));
  const deviation = variance.map((value) => Math.sqrt(value + epsilon));
  return { h: x.map((value, i) => (value - mean[i]) / deviation[i]), mean, variance, deviation, meanOf };
}

/** The ops of layer normalisation (weights along the last axis) or of batch normalisation (along the second). */
function norms(name: string, weightAxis: (shape: Shape) => number, alongWeight: boolean) {
  const parts = (node: Tensor, x: Values, { shape }: Tensor) => {
    const axis = weightAxis(shape);
    const axes = shape.map((_, i) => i).filter((i) => (i === axis) === alongWeight);
    const place = (i: number) => coordinates(i, shape)[axis];
    return { place, ...standardised(x, shape, axes, attribute(node, "epsilon") as number) };
  };
  const sums = (node: Tensor, values: Values, place: (i: number) => number) => {
    const result = new Float64Array(elementCount(node.shape));
    values.forEach((value, i) => {
      result[place(i)] += value;
    });
    return result;
  };
  const own: Record<string, Rule> = {
    [name]: ({ node, inputs: [x, weight, bias] }) => {
      const { h, place } = parts(node, x, node.inputs[0]);
      return h.map((value, i) => value * weight[place(i)] + bias[place(i)]);
    },
    [`${name}Gradient`]: ({ node, inputs: [dy, x, weight] }) => {
      const { h, place, deviation, meanOf } = parts(node, x, node.inputs[1]);
      const g = dy.map((value, i) => value * weight[place(i)]);
      const mean = meanOf(g);
      const slope = meanOf(g.map((value, i) => value * h[i]));
      return g.map((value, i) => (value - mean[i] - h[i] * slope[i]) / deviation[i]);
    },
    [`${name}WeightGradient`]: ({ node, inputs: [dy, x] }) => {
      const { h, place } = parts(node, x, node.inputs[1]);
      return sums(
        node,
        dy.map((value, i) => value * h[i]),
        place,
      );
    },
    [`${name}BiasGradient`]: ({ node, inputs: [dy, x] }) =>
      sums(node, dy, parts(node, x, node.inputs[1]).place),
  };
  if (alongWeight) return own;
  const ofChannel =
    (which: "mean" | "variance"): Rule =>
    ({ node, inputs: [x] }) => {
      const { place, ...found } = parts(node, x, node.inputs[0]);
      const result = new Float64Array(elementCount(node.shape));
      // A channel with an infinite element has neither a variance nor, here, a mean.
      found[which].forEach((value, i) => {
        result[place(i)] = Number.isNaN(found.variance[i]) ? Number.NaN : value;
      });
      return result;
    };
  return { ...own, [`${name}Mean`]: ofChannel("mean"), [`${name}Variance`]: ofChannel("variance") };
}

export const normRules: Readonly<Record<string, Rule>> = {
  ...norms("layerNorm", (shape) => shape.length - 1, true),
  ...norms("batchNorm", () => 1, false),
};

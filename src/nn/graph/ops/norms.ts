/** Layer and batch normalisation, and their gradients: a kernel each. */
import { checkOptions, checkPositiveF32 } from "../../../checks.ts";
import { batchNormConstants } from "../../../kernels/batchNorm.ts";
import { fitsLayerNorm, layerNormConstants, layerNormParts } from "../../../kernels/layerNorm.ts";
import { elementCount, formatShape, type Shape } from "../../../program.ts";
import { sameShape } from "../shape.ts";
import {
  checkTensor,
  define,
  type KernelCall,
  type Op,
  ShapeError,
  type Tensor,
  withLabel,
} from "../tensor.ts";
import { moments, normalise } from "./normalise.ts";
import { mean, sum } from "./reduce.ts";
import { add, broadcastTo, div, mul, neg, sqrt, sub } from "./scalar.ts";
import { constant } from "./source.ts";
import { reshape } from "./view.ts";

interface NormAttributes {
  readonly epsilon: number;
}

/** What differs between normalisations: which elements share a mean and a variance, and which share a weight. */
interface Norm {
  readonly name: "layerNorm" | "batchNorm";
  /** The axis along which weight and bias lie. */
  weightAxis(shape: Shape): number;
  /** Whether mean and variance are taken along the weight's axis, or along all others. */
  readonly alongWeight: boolean;
  constants(shape: Shape, epsilon: number): KernelCall["constants"];
  /** Number of parts in which the gradient's kernel gives the gradients of weight and bias. */
  parts(constants: KernelCall["constants"]): number;
}

function axesBut(axis: number, shape: Shape): number[] {
  return shape.map((_, i) => i).filter((i) => i !== axis);
}

/** A vector of numbers along one axis, in the shape that broadcasts to `shape`. */
function alongAxis(axis: number, vector: Tensor, shape: Shape): Tensor {
  return reshape(
    vector,
    shape.map((size, i) => (i === axis ? size : 1)),
  );
}

/** The ops of a normalisation of x by its own mean and variance, times weight, plus bias. */
function normOps({ name, weightAxis, alongWeight, constants, parts }: Norm) {
  const others = (shape: Shape) => axesBut(weightAxis(shape), shape);
  const axes = (shape: Shape) => (alongWeight ? [weightAxis(shape)] : others(shape));
  const along = (vector: Tensor, shape: Shape) => alongAxis(weightAxis(shape), vector, shape);

  const call =
    (store: string) =>
    ({ inputs: [element, weight, bias], attributes: { epsilon } }: Tensor<NormAttributes>) => ({
      kernel: name,
      constants: constants(element.shape, epsilon),
      reads: {},
      loads: { element, weight, bias },
      store,
    });
  const forwardOp: Op<NormAttributes> = {
    name,
    infer: ([x]) => ({ shape: x.shape, dtype: "f32" }),
    gradient: ({ inputs: [x, weight], attributes }, arriving) => {
      const inputs = [arriving, x, weight];
      return [toInput(inputs, attributes), toWeight(inputs, attributes), toBias(inputs, attributes)];
    },
    lowering: { kind: "kernel", call: call("store") },
  };
  const forward = define(forwardOp);
  /** x normalised, without weight and bias. */
  const plain = (x: Tensor, attributes: NormAttributes) => {
    const size = [x.shape[weightAxis(x.shape)]];
    return forward([x, constant(1, size), constant(0, size)], attributes);
  };

  const gradientCall = (store: string) => (node: Tensor<NormAttributes>) => {
    const [arriving, element, weight] = node.inputs;
    return {
      kernel: `${name}Gradient`,
      constants: constants(element.shape, node.attributes.epsilon),
      reads: {},
      loads: { arriving, element, weight },
      store,
    };
  };

  // With h = (x − mean) / deviation, g = dy · weight and m the mean over an element's axes, dx is
  // P(g) / deviation for P(g) = g − m(g) − h · m(g · h). P is its own transpose, and the differential of h is that of x
  // through P, divided by the deviation: hence the gradients of gradients.
  const toInputOp: Op<NormAttributes> = {
    name: `${name}Gradient`,
    infer: ([, x]) => ({ shape: x.shape, dtype: "f32" }),
    gradient(node, arriving) {
      const { inputs, attributes, shape } = node;
      const [dy, x, weight] = inputs;
      const over = (a: Tensor, b: Tensor) => mean(mul(a, b), axes(shape), { keepDims: true });
      const weights = along(weight, shape);
      const h = plain(x, attributes);
      const back = toInput([arriving, x, constant(1, weight.shape)], attributes);
      const deviation = sqrt(add(moments(x, axes(shape)).variance, attributes.epsilon));
      const ofX = add(
        add(mul(node, over(arriving, h)), mul(back, over(mul(dy, weights), h))),
        mul(h, over(arriving, node)),
      );
      return [mul(back, weights), neg(div(ofX, deviation)), sum(mul(dy, back), others(shape))];
    },
    lowering: { kind: "kernel", call: gradientCall("store") },
  };
  const toInput = define(toInputOp);

  /** A sum over all axes but the weight's, which the kernel leaves in parts: [parts, size]. */
  function summedOp(
    role: "Weight" | "Bias",
    gradient: (
      inputs: readonly Tensor[],
      arriving: Tensor,
      attributes: NormAttributes,
    ) => (Tensor | undefined)[],
  ) {
    const call = gradientCall(`store${role}`);
    const makeParts = define<NormAttributes>({
      name: `${name}${role}Partials`,
      infer: ([, x, weight], { epsilon }) => ({
        shape: [parts(constants(x.shape, epsilon)), ...weight.shape],
        dtype: "f32",
      }),
      gradient: "internal",
      lowering: { kind: "kernel", call },
    });
    return define<NormAttributes>({
      name: `${name}${role}Gradient`,
      infer: ([, , weight]) => ({ shape: weight.shape, dtype: "f32" }),
      gradient: ({ inputs, attributes }, arriving) => gradient(inputs, arriving, attributes),
      expand: ({ inputs, attributes, label }) =>
        withLabel(label, () => sum(makeParts(inputs, attributes), 0)),
      // Unused: `expand` replaces the op.
      lowering: { kind: "kernel", call },
    });
  }
  const toWeight = summedOp("Weight", ([dy, x], arriving, attributes) => [
    mul(plain(x, attributes), along(arriving, x.shape)),
    toInput([dy, x, arriving], attributes),
    undefined,
  ]);
  const toBias = summedOp("Bias", ([, x], arriving) => [
    broadcastTo(along(arriving, x.shape), x.shape),
    undefined,
    undefined,
  ]);
  return { forward, call };
}

const { forward: makeLayerNorm } = normOps({
  name: "layerNorm",
  weightAxis: (shape) => shape.length - 1,
  alongWeight: true,
  constants(shape, epsilon) {
    const size = shape[shape.length - 1];
    return layerNormConstants(elementCount(shape) / size, size, epsilon);
  },
  parts: layerNormParts,
});

export interface NormOptions {
  /** Added to the variance (default 1e-5). */
  readonly epsilon?: number;
}

/**
 * Layer normalisation (Ba, Kiros & Hinton 2016): (x − mean) / √(variance + epsilon) · weight + bias over the last axis of
 * x [..., size], with weight and bias [size].
 * @throws RangeError where `epsilon` is no number above 0 that 32 bits hold
 * @throws ShapeError where x has no axis, or weight or bias is not [size]
 * @throws TypeError where an operand is no tensor, or an option is unknown
 */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, options: NormOptions = {}): Tensor {
  checkTensor("layerNorm", x, weight, bias);
  const { epsilon = 1e-5 } = checkOptions("layerNorm", options, { epsilon: "number" });
  checkPositiveF32("layerNorm: epsilon", epsilon);
  const size = x.shape.slice(-1);
  if (x.rank === 0 || ![weight, bias].every(({ shape }) => sameShape(shape, size))) {
    throw new ShapeError(
      "layerNorm",
      `x is ${formatShape(x.shape)}, the weight ${formatShape(weight.shape)}, the bias ${formatShape(bias.shape)}; expected [..., size], [size] and [size]`,
    );
  }
  // Longer rows do not fit into a workgroup's registers.
  if (!fitsLayerNorm(size[0])) return normalise(x, moments(x, [x.rank - 1]), { weight, bias, epsilon });
  return makeLayerNorm([x, weight, bias], { epsilon });
}

const BATCH_NORM = normOps({
  name: "batchNorm",
  weightAxis: () => 1,
  alongWeight: false,
  constants([images, channels, ...inner], epsilon) {
    return batchNormConstants(images, channels, elementCount(inner), epsilon);
  },
  parts: () => 1,
});

const makeBatchMean = define<NormAttributes>({
  name: "batchNormMean",
  infer: ([, weight]) => ({ shape: weight.shape, dtype: "f32" }),
  gradient: ({ inputs: [x, weight] }, arriving) => {
    const count = elementCount(x.shape) / weight.shape[0];
    return [broadcastTo(alongAxis(1, mul(arriving, 1 / count), x.shape), x.shape), undefined, undefined];
  },
  lowering: { kind: "kernel", call: BATCH_NORM.call("storeMean") },
});

const makeBatchVariance = define<NormAttributes>({
  name: "batchNormVariance",
  infer: ([, weight]) => ({ shape: weight.shape, dtype: "f32" }),
  gradient: ({ inputs: [x, weight] }, arriving) => {
    const count = elementCount(x.shape) / weight.shape[0];
    const centred = sub(x, mean(x, axesBut(1, x.shape), { keepDims: true }));
    return [mul(centred, alongAxis(1, mul(arriving, 2 / count), x.shape)), undefined, undefined];
  },
  lowering: { kind: "kernel", call: BATCH_NORM.call("storeVariance") },
});

/**
 * (x − mean) / √(variance + epsilon) · weight + bias for x [batch, channels, ...], by the mean and the biased variance of
 * each channel; weight, bias, mean and variance are [channels].
 */
export function batchNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number) {
  const inputs = [x, weight, bias];
  return {
    y: BATCH_NORM.forward(inputs, { epsilon }),
    mean: makeBatchMean(inputs, { epsilon }),
    variance: makeBatchVariance(inputs, { epsilon }),
  };
}

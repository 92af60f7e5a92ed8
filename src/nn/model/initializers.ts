/** Initial values of parameters: functions of the tensor's shape and a stream of random numbers. */
import { checkFinite, checkNothing, inWords, isList } from "../../checks.ts";
import { elementCount, formatShape, type Shape } from "../../program.ts";
import { normals, uniforms } from "../../random.ts";

/** Random numbers of an initializer: each parameter has its own stream. */
export interface RandomStream {
  readonly seed: number;
  readonly stream: number;
}

/** Returns a tensor's initial values. */
export type Initializer = (shape: Shape, draw: RandomStream) => Float32Array;

/**
 * Numbers of inputs and outputs of one unit of a weight [out, in, …window], which determine the variance of its sums. A
 * vector counts as one row.
 */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) return { fanIn: elementCount(shape), fanOut: elementCount(shape) };
  const window = elementCount(shape.slice(2));
  return { fanIn: shape[1] * window, fanOut: shape[0] * window };
}

export function zeros(...nothing: readonly never[]): Initializer {
  checkNothing("zeros", nothing);
  return constantValue(0);
}

/**
 * Sets every element to `value`.
 * @throws RangeError where `value` is not finite
 * @throws TypeError where `value` is no number
 */
export function constantValue(value: number): Initializer {
  checkFinite("constantValue: the value", value);
  return (shape) => new Float32Array(elementCount(shape)).fill(value);
}

/**
 * Normal distribution N(mean, deviation²).
 * @throws RangeError where `deviation` is negative, or a number is not finite
 * @throws TypeError where an argument is no number
 */
export function normal(deviation = 1, mean = 0): Initializer {
  checkFinite("normal: the deviation", deviation);
  if (deviation < 0) throw new RangeError(`normal: the deviation is ${deviation}; give a number from 0`);
  checkFinite("normal: the mean", mean);
  return (shape, { seed, stream }) =>
    normals(elementCount(shape), seed, stream).map((x) => mean + deviation * x);
}

/**
 * Uniform distribution in [low, high).
 * @throws RangeError where the bounds are not finite, or not in ascending order
 * @throws TypeError where a bound is no number
 */
export function uniform(low: number, high: number): Initializer {
  checkFinite("uniform: the lower bound", low);
  checkFinite("uniform: the upper bound", high);
  if (low > high)
    throw new RangeError(`uniform: the bounds are ${low} and ${high}; give the lower one first`);
  return (shape, { seed, stream }) =>
    uniforms(elementCount(shape), seed, stream).map((x) => low + (high - low) * x);
}

type Variance = (fanIn: number, fanOut: number) => number;

function scaledNormal(name: string, variance: Variance): () => Initializer {
  return (...given: readonly unknown[]) => {
    // Given a shape it was not called first, which the layer that it was given to says.
    if (!isList(given[0])) checkNothing(name, given);
    return (shape, draw) => {
      const { fanIn, fanOut } = fans(shape);
      return normal(Math.sqrt(variance(fanIn, fanOut)))(shape, draw);
    };
  };
}

function scaledUniform(name: string, variance: Variance): () => Initializer {
  return (...given: readonly unknown[]) => {
    // Given a shape it was not called first, which the layer that it was given to says.
    if (!isList(given[0])) checkNothing(name, given);
    return (shape, draw) => {
      const { fanIn, fanOut } = fans(shape);
      const bound = Math.sqrt(3 * variance(fanIn, fanOut));
      return uniform(-bound, bound)(shape, draw);
    };
  };
}

/**
 * He et al. 2015: normal with variance 2 / fanIn, for ReLU and its relatives.
 * @throws TypeError where an argument is given
 */
export const heNormal = scaledNormal("heNormal", (fanIn) => 2 / fanIn);
export const heUniform = scaledUniform("heUniform", (fanIn) => 2 / fanIn);
/**
 * Glorot & Bengio 2010: normal with variance 2 / (fanIn + fanOut), for sigmoid, tanh and linear outputs.
 * @throws TypeError where an argument is given
 */
export const xavierNormal = scaledNormal("xavierNormal", (fanIn, fanOut) => 2 / (fanIn + fanOut));
export const xavierUniform = scaledUniform("xavierUniform", (fanIn, fanOut) => 2 / (fanIn + fanOut));
/**
 * LeCun et al. 1998: normal with variance 1 / fanIn, for SELU; also the textbook's N(0, 1/n).
 * @throws TypeError where an argument is given
 */
export const lecunNormal = scaledNormal("lecunNormal", (fanIn) => 1 / fanIn);
export const lecunUniform = scaledUniform("lecunUniform", (fanIn) => 1 / fanIn);

/** Initializers by name, as users write them: `init.heNormal()`. */
export const init = {
  constantValue,
  /** Shape [rows, columns, …] → { fanIn, fanOut }, for custom initializers. */
  fans,
  heNormal,
  heUniform,
  lecunNormal,
  lecunUniform,
  normal,
  uniform,
  xavierNormal,
  xavierUniform,
  zeros,
};

/** The default weight initializer, by the activation that follows. */
export function initializerFor(activation: string | undefined): Initializer {
  switch (activation) {
    case "relu":
    case "leakyRelu":
    case "elu":
    case "gelu":
    case "silu":
    case "softplus":
      return heNormal();
    case "selu":
      return lecunNormal();
    default:
      return xavierUniform();
  }
}

/** Runs an initializer and checks its values. */
export function initialValues(
  name: string,
  init: Initializer,
  shape: Shape,
  draw: RandomStream,
): Float32Array {
  if (typeof init !== "function") {
    throw new TypeError(
      `${name}: its initializer is ${inWords(init)}; give a function such as init.heNormal()`,
    );
  }
  const values: unknown = init(shape, draw);
  if (typeof values === "function") {
    throw new TypeError(`${name}: its initializer gave a function; call it first, as in init.heNormal()`);
  }
  if (!(values instanceof Float32Array) || values.length !== elementCount(shape)) {
    const given = values instanceof Float32Array ? `${values.length} values` : inWords(values);
    throw new TypeError(
      `${name}: its initializer gave ${given} for shape ${formatShape(shape)}; return a Float32Array of ${elementCount(shape)}`,
    );
  }
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new RangeError(`${name}: its initializer gave ${values[bad]} at ${bad}; give finite numbers`);
  }
  return values;
}

/** Activations. Called without a tensor each gives a layer, called with one it gives the result. */
import { checkNumber, inWords } from "../../../checks.ts";
import {
  eluOp,
  geluOp,
  leakyReluOp,
  reluOp,
  seluOp,
  sigmoidOp,
  siluOp,
  softplusOp,
  tanhOp,
} from "../../graph/ops/scalar.ts";
import { softmaxOf } from "../../graph/ops/softmax.ts";
import { Tensor } from "../../graph/tensor.ts";
import { type Layer, UNCALLED } from "../model.ts";

interface Activation {
  /** As a layer. */
  (): Layer;
  /** As an op. */
  (x: Tensor): Tensor;
}

function layer(name: string, apply: (x: Tensor) => Tensor): Layer {
  // Only the tensor is passed on: ops take operands, not scopes.
  return { name, role: "activation", apply: (x) => apply(x) };
}

function activation(name: string, op: (x: Tensor) => Tensor): Activation {
  function either(): Layer;
  function either(x: Tensor): Tensor;
  function either(x?: Tensor): Layer | Tensor {
    return x === undefined ? layer(name, op) : op(traced(name, x));
  }
  return Object.assign(either, { [UNCALLED]: () => layer(name, op) });
}

/** @throws TypeError for what is no tensor: activations have no options */
function traced(name: string, x: unknown): Tensor {
  if (x instanceof Tensor) return x;
  throw new TypeError(`${name}: got ${inWords(x)}; write ${name}() for a layer, ${name}(x) for a tensor x`);
}

/** max(x, 0). */
export const relu = activation("relu", reluOp);
/** Klambauer et al. 2017: scaled so that activations keep mean 0 and variance 1. */
export const selu = activation("selu", seluOp);
/** x · Φ(x), exact (Hendrycks & Gimpel 2016). */
export const gelu = activation("gelu", geluOp);
/** x · sigmoid(x), also called swish. */
export const silu = activation("silu", siluOp);
/** 1 / (1 + e⁻ˣ). */
export const sigmoid = activation("sigmoid", sigmoidOp);
export const tanh = activation("tanh", tanhOp);
/** log(1 + eˣ). */
export const softplus = activation("softplus", softplusOp);

/** x for x > 0, else slope · x (default slope 0.01). */
export function leakyRelu(slope?: number): Layer;
export function leakyRelu(x: Tensor, slope?: number): Tensor;
export function leakyRelu(first?: Tensor | number, second?: number): Layer | Tensor {
  const withSlope = (slope = 0.01) => checked("leakyRelu", "slope", slope);
  if (first instanceof Tensor) return leakyReluOp(first, withSlope(second));
  const slope = withSlope(first);
  return layer("leakyRelu", (x) => leakyReluOp(x, slope));
}

/** x for x > 0, else alpha · (eˣ - 1) (default alpha 1; Clevert et al. 2016). */
export function elu(alpha?: number): Layer;
export function elu(x: Tensor, alpha?: number): Tensor;
export function elu(first?: Tensor | number, second?: number): Layer | Tensor {
  const withAlpha = (alpha = 1) => checked("elu", "alpha", alpha);
  if (first instanceof Tensor) return eluOp(first, withAlpha(second));
  const alpha = withAlpha(first);
  return layer("elu", (x) => eluOp(x, alpha));
}

/** Softmax along the last axis, or with a tensor along `axis`. */
export function softmax(): Layer;
export function softmax(x: Tensor, axis?: number): Tensor;
export function softmax(x?: Tensor, axis = -1): Layer | Tensor {
  return x === undefined
    ? layer("softmax", (input) => softmaxOf(input))
    : softmaxOf(traced("softmax", x), axis);
}
// Without a call they are layers, too, with their defaults.
for (const make of [leakyRelu, elu, softmax]) Object.assign(make, { [UNCALLED]: () => make() });

function checked(name: string, what: string, value: number): number {
  checkNumber(`${name}: ${what}`, value);
  if (!Number.isFinite(value)) throw new RangeError(`${name}: ${what} is ${value}; give a finite number`);
  return value;
}

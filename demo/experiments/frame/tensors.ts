/** Computations of experiments on traced tensors. */
import { type Layer, mean, sqrt, square, sub, type Tensor } from "wgrad";

/** The root of the mean of the squares of all elements, shape []. */
export function rootMeanSquare(x: Tensor): Tensor {
  return sqrt(mean(square(x)));
}

/** The standard deviation of all elements, shape []. */
export function deviation(x: Tensor): Tensor {
  return rootMeanSquare(sub(x, mean(x)));
}

/** A layer that changes nothing, and passes its input to `see` whenever the model is traced. */
export function tap(see: (x: Tensor) => void): Layer {
  return {
    name: "tap",
    apply(x) {
      see(x);
      return x;
    },
  };
}

/**
 * The programs' choices as plain data, shared by the command line, the benchmarks and the page. Nothing
 * here needs the library, so that a page can show the choices before the library is loaded.
 */

/** A convolution without padding, followed by max-pooling of 2×2: so many filters, of so many pixels along each side. */
export interface Filters {
  readonly filters: number;
  readonly kernel: number;
}

/** The convolutions of the ConvNet, before its dense layers. */
export const CONVOLUTIONS: readonly Filters[] = [
  { filters: 24, kernel: 5 },
  { filters: 32, kernel: 3 },
];

/** Inputs, filters and their sizes, hidden widths, classes: [784, "24@5×5", "32@3×3", 128, 10]. */
export function layerSizes(
  inputs: number,
  convolutions: readonly Filters[],
  hidden: readonly number[],
  classes: number,
): (number | string)[] {
  const filters = convolutions.map(({ filters, kernel }) => `${filters}@${kernel}×${kernel}`);
  return [inputs, ...filters, ...hidden, classes];
}

/** By the names of the library's layers. */
export const ACTIVATIONS = {
  relu: "ReLU",
  leakyRelu: "Leaky ReLU",
  elu: "ELU",
  selu: "SELU",
  gelu: "GELU",
  silu: "SiLU",
  sigmoid: "Sigmoid",
  tanh: "Tanh",
  softplus: "Softplus",
} as const;
export type ActivationName = keyof typeof ACTIVATIONS;

/** Options of some optimizers only. */
export interface OptimizerSettings {
  readonly momentum?: number;
  readonly beta1?: number;
  readonly beta2?: number;
}

export interface OptimizerEntry {
  readonly label: string;
  /** The optimizer's options and their defaults, which are the library's own. */
  readonly defaults: OptimizerSettings & { readonly learningRate: number; readonly weightDecay: number };
}

export const OPTIMIZERS = {
  sgd: { label: "SGD", defaults: { learningRate: 0.01, weightDecay: 0, momentum: 0 } },
  momentum: { label: "SGD, momentum 0.9", defaults: { learningRate: 0.01, weightDecay: 0, momentum: 0.9 } },
  nesterov: { label: "SGD, Nesterov 0.9", defaults: { learningRate: 0.01, weightDecay: 0, momentum: 0.9 } },
  adam: { label: "Adam", defaults: { learningRate: 0.001, weightDecay: 0, beta1: 0.9, beta2: 0.999 } },
  adamw: { label: "AdamW", defaults: { learningRate: 0.001, weightDecay: 0.01, beta1: 0.9, beta2: 0.999 } },
  nadam: { label: "NAdam", defaults: { learningRate: 0.002, weightDecay: 0, beta1: 0.9, beta2: 0.999 } },
  adamax: { label: "Adamax", defaults: { learningRate: 0.002, weightDecay: 0, beta1: 0.9, beta2: 0.999 } },
  rmsprop: { label: "RMSProp", defaults: { learningRate: 0.001, weightDecay: 0, momentum: 0 } },
  adagrad: { label: "Adagrad", defaults: { learningRate: 0.01, weightDecay: 0 } },
  lion: { label: "Lion", defaults: { learningRate: 1e-4, weightDecay: 0, beta1: 0.9, beta2: 0.99 } },
  muon: { label: "Muon", defaults: { learningRate: 0.02, weightDecay: 0, momentum: 0.95 } },
} as const satisfies Record<string, OptimizerEntry>;
export type OptimizerName = keyof typeof OPTIMIZERS;

/** From choices to arguments of `wgrad`. */
import {
  adagrad,
  adam,
  adamax,
  adamw,
  batchNorm,
  conv2d,
  dense,
  dropout,
  elu,
  gelu,
  type Layer,
  leakyRelu,
  lion,
  maxPool2d,
  muon,
  nadam,
  type Optimizer,
  relu,
  rmsprop,
  type Sequential,
  selu,
  sequential,
  sgd,
  sigmoid,
  silu,
  softplus,
  tanh,
} from "wgrad";
import {
  type ActivationName,
  type Filters,
  OPTIMIZERS,
  type OptimizerEntry,
  type OptimizerName,
} from "./choices.ts";

const LAYERS: Readonly<Record<ActivationName, () => Layer>> = {
  relu,
  leakyRelu,
  elu,
  selu,
  gelu,
  silu,
  sigmoid,
  tanh,
  softplus,
};

interface Network {
  readonly convolutions?: readonly Filters[];
  /** Widths of the hidden dense layers. */
  readonly hidden: readonly number[];
  readonly classes: number;
  /** Activation of the hidden layers (default relu). */
  readonly activation?: ActivationName;
  /** Normalises batches before each hidden layer's activation. */
  readonly batchNorm?: boolean;
  /** Rate of dropout behind each hidden dense layer (default 0: none). */
  readonly dropout?: number;
  /** Whether the last layer has the hidden layers' activation, too. */
  readonly activatesOutputs?: boolean;
}

/** A classifier of images: convolutions or none, then hidden dense layers, then one unit for each class. */
export function network(options: Network): Sequential {
  const { convolutions = [], hidden, classes, dropout: rate = 0 } = options;
  const activation = LAYERS[options.activation ?? "relu"];
  const norm = options.batchNorm ? [batchNorm()] : [];
  const drop = rate > 0 ? [dropout(rate)] : [];
  return sequential(
    ...convolutions.flatMap(({ filters, kernel }) => [
      conv2d(filters, kernel),
      ...norm,
      maxPool2d(2),
      activation(),
    ]),
    ...hidden.flatMap((width) => [dense(width), ...norm, activation(), ...drop]),
    dense(classes),
    ...(options.activatesOutputs ? [activation()] : []),
  );
}

type OptimizerOptions = Partial<OptimizerEntry["defaults"]>;

const MAKERS: Readonly<Record<OptimizerName, (options: OptimizerOptions) => Optimizer>> = {
  sgd,
  momentum: sgd,
  nesterov: (options) => sgd({ ...options, nesterov: true }),
  adam,
  adamw,
  nadam,
  adamax,
  rmsprop,
  adagrad,
  lion,
  muon,
};

/** With the table's defaults for all that is not given. */
export function optimizerOf(name: OptimizerName, options: OptimizerOptions = {}): Optimizer {
  return MAKERS[name]({ ...OPTIMIZERS[name].defaults, ...options });
}

/** Layers of every kind, drawn to fit a sample's shape. */
import * as w from "../../../src/index.ts";
import type { Draws } from "./draws.ts";

/** A drawn layer, as an object and as text that makes it. */
export interface Part {
  readonly text: string;
  /** What it is made of: names of exported functions. */
  readonly kinds: readonly string[];
  readonly layer: w.Layer;
}

type Shape = readonly number[];

/** Widths: 1, primes, and both sides of a tile of 4, 16 or 32. */
const WIDTHS = [1, 2, 3, 4, 5, 7, 8, 11, 13, 16, 17, 31, 33];
const CHANNELS = [1, 2, 3, 4, 5, 6, 8, 9];

const part = (text: string, layer: w.Layer, kinds: readonly string[]): Part => ({ text, layer, kinds });

const text = (value: unknown): string =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? `{ ${Object.entries(value)
        .map(([key, one]) => `${key}: ${text(one)}`)
        .join(", ")} }`
    : JSON.stringify(value);

/** A call of a layer's maker. */
function made<Given extends readonly unknown[]>(
  name: string,
  make: (...given: Given) => w.Layer,
  ...given: Given
): Part {
  const last = given[given.length - 1];
  const written = last !== undefined && text(last) === "{  }" ? given.slice(0, -1) : given;
  return part(`${name}(${written.map(text).join(", ")})`, make(...given), [name]);
}

const ACTIVATIONS = {
  relu: w.relu,
  tanh: w.tanh,
  gelu: w.gelu,
  silu: w.silu,
  selu: w.selu,
  sigmoid: w.sigmoid,
  softplus: w.softplus,
  softmax: w.softmax,
} as const;

/** Names of all layers that are drawn; `unscaling` comes with a loss. */
export const LAYER_KINDS = [
  ...Object.keys(ACTIVATIONS),
  "leakyRelu",
  "elu",
  "dense",
  "conv2d",
  "maxPool2d",
  "avgPool2d",
  "globalAvgPool2d",
  "batchNorm",
  "layerNorm",
  "multiHeadAttention",
  "embedding",
  "dropout",
  "residual",
  "frozen",
  "flatten",
  "reshape",
  "scaling",
  "sequential",
];

export function denseLayer(draws: Draws, units = draws.pick(WIDTHS)): Part {
  const options = {
    ...(draws.chance(0.2) && { bias: false }),
    ...(draws.chance(0.3) && { biasInit: w.init.normal(0.3) }),
  };
  const { layer } = made("dense", w.dense, units, options);
  const written = Object.keys(options).length > 0 ? `, { ${Object.keys(options).join(", ")} }` : "";
  return part(`dense(${units}${written})`, layer, ["dense"]);
}

export function activation(draws: Draws): Part {
  if (draws.chance(0.15)) return made("leakyRelu", w.leakyRelu, draws.pick([0.01, 0.2, 0.5, -0.1]));
  if (draws.chance(0.15)) return made("elu", w.elu, draws.pick([1, 0.7, 1.5]));
  const name = draws.pick(Object.keys(ACTIVATIONS)) as keyof typeof ACTIVATIONS;
  return part(name, ACTIVATIONS[name](), [name]);
}

/** x · scale + shift along the last axis: a layer of one's own, whose tensors decay or not. */
function ownLayer(draws: Draws): Part {
  const decay = draws.chance(0.5);
  const layer: w.Layer = {
    name: "own",
    apply(x, scope) {
      const size = [x.shape[x.rank - 1]];
      const scale = scope.parameter("scale", size, { init: w.init.normal(0.2, 1), decay });
      return w.add(w.mul(x, scale), scope.parameter("shift", size, { init: w.init.normal(0.2) }));
    },
  };
  return part(`own({ decay: ${decay} })`, layer, ["own"]);
}

const pair = (draws: Draws, from: readonly number[]): number | readonly [number, number] =>
  draws.chance(0.5) ? draws.pick(from) : [draws.pick(from), draws.pick(from)];

function convolution(draws: Draws, [channels]: Shape): Part {
  const divisors = [1, channels, ...[2, 3, 4].filter((size) => channels % size === 0)];
  const groups = draws.chance(0.6) ? 1 : draws.pick(divisors);
  const filters = groups * draws.pick(groups > 1 ? [1, 2, 3] : CHANNELS);
  const options = {
    ...(draws.chance(0.4) && { stride: pair(draws, [1, 2, 3]) }),
    ...(draws.chance(0.6) && { padding: draws.pick(["same", "valid", 1, 2, [0, 1]] as const) }),
    ...(draws.chance(0.2) && { dilation: pair(draws, [1, 2]) }),
    ...(groups > 1 && { groups }),
    ...(draws.chance(0.2) && { bias: false }),
  };
  return made("conv2d", w.conv2d, filters, pair(draws, [1, 2, 3, 4]), options as w.Conv2dLayerOptions);
}

function pool(draws: Draws): Part {
  const kernel = pair(draws, [1, 2, 3]);
  const most = Math.floor(Math.min(...[kernel].flat()) / 2);
  const options = {
    ...(draws.chance(0.4) && { stride: pair(draws, [1, 2, 3]) }),
    ...(draws.chance(0.4) && most > 0 && { padding: draws.below(most + 1) }),
  };
  return draws.chance(0.5)
    ? made("maxPool2d", w.maxPool2d, kernel, options)
    : made("avgPool2d", w.avgPool2d, kernel, options);
}

function attention(draws: Draws, [, width]: Shape): Part {
  const heads = draws.pick([1, 2, 3, 4, 5].filter((count) => width % count === 0));
  return made("multiHeadAttention", w.multiHeadAttention, heads, draws.chance(0.5) ? { causal: true } : {});
}

function norm(draws: Draws): Part {
  const epsilon = draws.pick([1e-5, 1e-3, 0.1]);
  return draws.chance(0.5)
    ? made("batchNorm", w.batchNorm, { epsilon, momentum: draws.pick([0.1, 0.5, 1]) })
    : made("layerNorm", w.layerNorm, { epsilon });
}

/** A fitted scaler's numbers, one for all elements. */
function scaler(draws: Draws, shape: Shape): Required<w.ScalingOptions> {
  const each = draws.chance(0.5) && shape.length === 1 ? shape : [];
  const count = each[0] ?? 1;
  return { shape: each, offset: draws.floats(count, -0.5, 0.5), factor: draws.floats(count, 0.5, 2) };
}

/** A sample's shape in another form. */
function reshaped(draws: Draws, shape: Shape): Part {
  const count = shape.reduce((product, size) => product * size, 1);
  const divisor = (of: number) => draws.pick([1, 2, 3, 4, 5, 7].filter((size) => of % size === 0));
  const first = divisor(count);
  const second = divisor(count / first);
  return draws.pick([
    () => made("reshape", w.reshape, first, -1),
    () => made("reshape", w.reshape, first, second, count / first / second),
    () => made("flatten", w.flatten),
  ])();
}

/** Layers around others. */
function nested(draws: Draws, shape: Shape, depth: number): Part {
  const inner = Array.from({ length: 1 + draws.below(2) }, () => drawnLayer(draws, shape, depth + 1));
  const texts = inner.map((one) => one.text).join(", ");
  const kinds = inner.flatMap((one) => one.kinds);
  const layers = inner.map(({ layer }) => layer);
  return draws.pick([
    () => part(`residual(${texts})`, w.residual(...layers), ["residual", ...kinds]),
    () => part(`sequential(${texts})`, w.sequential(...layers), ["sequential", ...kinds]),
    () => part(`frozen(${inner[0].text})`, w.frozen(layers[0]), ["frozen", ...inner[0].kinds]),
  ])();
}

/** A layer for samples of `shape`; it may refuse them still, where sizes do not fit. */
export function drawnLayer(draws: Draws, shape: Shape, depth = 0): Part {
  const any = [
    () => activation(draws),
    () => activation(draws),
    () => norm(draws),
    () => ownLayer(draws),
    () => made("dropout", w.dropout, draws.pick([0, 0.1, 0.3, 0.5])),
    () => {
      const given = scaler(draws, shape);
      return part(`scaling(${given.shape.length > 0 ? "features" : "all"})`, w.scaling(given), ["scaling"]);
    },
    () => reshaped(draws, shape),
    ...(depth < 2 ? [() => nested(draws, shape, depth), () => nested(draws, shape, depth)] : []),
  ];
  const dense = () => denseLayer(draws, draws.chance(0.4) ? shape[shape.length - 1] : undefined);
  const fitting = [
    [dense, dense],
    [dense, dense, () => attention(draws, shape), () => attention(draws, shape)],
    [
      () => convolution(draws, shape),
      () => convolution(draws, shape),
      () => convolution(draws, shape),
      () => pool(draws),
      () => pool(draws),
      () => made("globalAvgPool2d", w.globalAvgPool2d),
      dense,
    ],
  ][shape.length - 1];
  return draws.pick([...any, ...(fitting ?? [])])();
}

/** An embedding of `count` tokens. */
export function embeddingLayer(draws: Draws, count: number): Part {
  return made("embedding", w.embedding, count, draws.pick([2, 3, 4, 6, 8]));
}

/** The end of a model that learns scaled targets, and the scaler. */
export function unscalingLayer(draws: Draws, outputs: number): Part & { scaler: Required<w.ScalingOptions> } {
  const given = { ...scaler(draws, []), shape: [outputs] };
  const all = {
    ...given,
    offset: draws.floats(outputs, 5, 9),
    factor: draws.floats(outputs, 0.5, 2),
  };
  return { ...part("unscaling(features)", w.unscaling(all), ["unscaling"]), scaler: all };
}

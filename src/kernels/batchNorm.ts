import shader from "../../shaders/batchNorm.wgsl?raw";
import channelsShader from "../../shaders/batchNormChannels.wgsl?raw";
import gradientShader from "../../shaders/batchNormGradient.wgsl?raw";
import lanes from "../../shaders/lanes.wgsl?raw";
import { defineKernel } from "./index.ts";
import { type Constants, type DeviceTraits, isNarrow } from "./kernel.ts";
import { withSubgroup } from "./lanes.ts";
import { inParts, type Load } from "./twin.ts";

/** Largest workgroup, and channels side by side where an image is one pixel: their neighbours share lines of memory. */
const INVOCATIONS = 256;
const COLUMNS_OF_PIXELS = 16;
/** Elements that a lane loads before it computes. */
const ELEMENTS = 8;

/** Constants for normalising each channel of x [images, channels, inner]. */
export function batchNormConstants(images: number, channels: number, inner: number, epsilon: number) {
  const COUNT = images * inner;
  const sizes = { CHANNELS: channels, COUNT, INNER: inner, EPSILON: epsilon };
  return { ...sizes, ...distribution(sizes, COLUMNS_OF_PIXELS, INVOCATIONS, ELEMENTS) };
}

/** Channels and lanes of a workgroup of at most `invocations`, with up to `elements` in each lane at a time. */
function distribution(
  { CHANNELS, COUNT, INNER }: Constants,
  columns: number,
  invocations: number,
  elements: number,
) {
  let COLUMNS = 1;
  while (INNER === 1 && COLUMNS < Math.min(columns, CHANNELS)) COLUMNS *= 2;
  let LANES = invocations / COLUMNS;
  while (LANES * COLUMNS > 64 && LANES * elements >= 2 * COUNT) LANES /= 2;
  let TILE_Q = 1;
  while (TILE_Q < elements && LANES * TILE_Q * 2 <= COUNT) TILE_Q *= 2;
  return { WORKGROUP: COLUMNS * LANES, LANES, LANE_STRIDE: COLUMNS, TILE_Q, SUBGROUP: 1 };
}

/**
 * On narrow devices a workgroup has as few invocations as run at once there. Sums have another order there, so that there
 * is nothing to choose by measuring.
 */
function variantsOf(kernel: string) {
  return (constants: Constants, traits: DeviceTraits) => [
    {
      kernel,
      constants: isNarrow(traits)
        ? { ...constants, ...distribution(constants, 8, 8, 1) }
        : withSubgroup(constants, traits),
    },
  ];
}

const shared = {
  bindings: {},
  numbers: (_constants: Constants, traits: DeviceTraits) => (isNarrow(traits) ? [] : ["COUNT"]),
  constants: {
    CHANNELS: "u32",
    COUNT: "u32",
    INNER: "u32",
    EPSILON: "f32",
    WORKGROUP: "u32",
    LANES: "u32",
    LANE_STRIDE: "u32",
    TILE_Q: "u32",
    SUBGROUP: "u32",
  },
  grid: ({ CHANNELS, LANE_STRIDE }: Constants) => [Math.ceil(CHANNELS / LANE_STRIDE), 1, 1] as const,
  workgroup: ({ WORKGROUP }: Constants) => [WORKGROUP, 1] as const,
  joinable: true,
} as const;

/** The channels of the elements from `start` up to, not including, `end`. */
function channelsOf({ CHANNELS, INNER }: Constants, start: number, end: number): Uint32Array {
  const channels = new Uint32Array(end - start);
  let channel = Math.floor(start / INNER) % CHANNELS;
  let inner = start % INNER;
  for (let i = 0; i < channels.length; i++) {
    channels[i] = channel;
    if (++inner < INNER) continue;
    inner = 0;
    if (++channel === CHANNELS) channel = 0;
  }
  return channels;
}

/** Calls `visit` for all elements in parts: the first of a part, and the channel of each. */
function byChannel(constants: Constants, visit: (start: number, channels: Uint32Array) => void) {
  return inParts(constants.CHANNELS * constants.COUNT, (start, end) =>
    visit(start, channelsOf(constants, start, end)),
  );
}

function* meansOf(constants: Constants, element: Load): Generator<void, Float64Array> {
  const means = new Float64Array(constants.CHANNELS);
  yield* byChannel(constants, (start, channels) => {
    const x = element(start, channels.length);
    for (let i = 0; i < channels.length; i++) means[channels[i]] += x[i] / constants.COUNT;
  });
  return means;
}

/** Channels less their mean, by their standard deviation, times weight, plus bias; with means and variances. */
export const batchNorm = defineKernel({
  ...shared,
  name: "batchNorm",
  shader: shader + channelsShader + lanes,
  entryPoint: "batchNorm",
  hooks: {
    element: "load",
    weight: "load",
    bias: "load",
    store: "store",
    storeMean: "store",
    storeVariance: "store",
  },
  variants: variantsOf("batchNorm"),
  flops: ({ CHANNELS, COUNT }) => 9 * CHANNELS * COUNT,
  loads: ({ CHANNELS, COUNT }) => ({ element: CHANNELS * COUNT, weight: CHANNELS, bias: CHANNELS }),
  *twin({ constants, load, store }) {
    const { CHANNELS, COUNT, EPSILON } = constants;
    const means = yield* meansOf(constants, load.element);
    const variances = new Float64Array(CHANNELS);
    yield* byChannel(constants, (start, channels) => {
      const x = load.element(start, channels.length);
      for (let i = 0; i < channels.length; i++)
        variances[channels[i]] += (x[i] - means[channels[i]]) ** 2 / COUNT;
    });
    const weight = load.weight(0, CHANNELS);
    const bias = load.bias(0, CHANNELS);
    const scales = variances.map((variance, channel) => weight[channel] / Math.sqrt(variance + EPSILON));
    yield* byChannel(constants, (start, channels) => {
      const x = load.element(start, channels.length);
      const results = new Float64Array(channels.length);
      for (let i = 0; i < results.length; i++) {
        const channel = channels[i];
        results[i] = (x[i] - means[channel]) * scales[channel] + bias[channel];
      }
      store.store(start, results);
    });
    // With an infinite element both are NaN.
    store.storeMean(
      0,
      means.map((mean, channel) => (Number.isNaN(variances[channel]) ? Number.NaN : mean)),
    );
    store.storeVariance(0, variances);
  },
});

/** The gradients of {@link batchNorm} with respect to x, weight and bias. */
export const batchNormGradient = defineKernel({
  ...shared,
  name: "batchNormGradient",
  shader: gradientShader + channelsShader + lanes,
  entryPoint: "batchNormGradient",
  hooks: {
    element: "load",
    arriving: "load",
    weight: "load",
    store: "store",
    storeWeight: "store",
    storeBias: "store",
  },
  variants: variantsOf("batchNormGradient"),
  flops: ({ CHANNELS, COUNT }) => 18 * CHANNELS * COUNT,
  loads: ({ CHANNELS, COUNT }) => ({
    element: CHANNELS * COUNT,
    arriving: CHANNELS * COUNT,
    weight: CHANNELS,
  }),
  *twin({ constants, load, store }) {
    const { CHANNELS, COUNT, EPSILON } = constants;
    const means = yield* meansOf(constants, load.element);
    const variances = new Float64Array(CHANNELS);
    const biasSums = new Float64Array(CHANNELS);
    const products = new Float64Array(CHANNELS);
    yield* byChannel(constants, (start, channels) => {
      const x = load.element(start, channels.length);
      const dy = load.arriving(start, channels.length);
      for (let i = 0; i < channels.length; i++) {
        const channel = channels[i];
        const difference = x[i] - means[channel];
        variances[channel] += difference ** 2 / COUNT;
        biasSums[channel] += dy[i];
        products[channel] += dy[i] * difference;
      }
    });
    // All are NaN where dy is infinite somewhere.
    products.forEach((product, channel) => {
      products[channel] = product + biasSums[channel] * 0;
    });
    const weight = load.weight(0, CHANNELS);
    const rates = variances.map((variance) => 1 / Math.sqrt(variance + EPSILON));
    yield* byChannel(constants, (start, channels) => {
      const x = load.element(start, channels.length);
      const dy = load.arriving(start, channels.length);
      const results = new Float64Array(channels.length);
      for (let i = 0; i < results.length; i++) {
        const channel = channels[i];
        const rate = rates[channel];
        const slope = (products[channel] / COUNT) * rate ** 2;
        const below = dy[i] - biasSums[channel] / COUNT - (x[i] - means[channel]) * slope;
        results[i] = below * rate * weight[channel];
      }
      store.store(start, results);
    });
    store.storeWeight(
      0,
      products.map((product, channel) => product * rates[channel]),
    );
    store.storeBias(0, biasSums);
  },
});

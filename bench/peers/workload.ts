/**
 * Every candidate's data, as plain numbers: the model's initial weights and the batches of a training step, or
 * matrices to multiply.
 *
 * A function of its options alone, so that each candidate's process or page makes the same for itself. Pixels, classes
 * and their order are random: nothing is to be learnt, and no product is of zeros.
 */
import { CONVOLUTIONS } from "../../presets/choices.ts";

export interface WorkloadOptions {
  /** Two convolutions before the dense layers, or none. */
  readonly convolutions: boolean;
  /** Widths of the hidden dense layers. */
  readonly hidden: readonly number[];
  /** Samples a step. */
  readonly batch: number;
  /** Samples of the data set: at least two batches. */
  readonly samples: number;
  readonly seed: number;
}

/** A convolution without padding, then a bias, max-pooling of 2×2, and ReLU. */
interface Convolution {
  /** [filters, channels, kernel, kernel] */
  readonly shape: readonly [number, number, number, number];
  readonly weight: Float32Array;
  /** [filters] */
  readonly bias: Float32Array;
}

/** x · weightᵀ + bias; ReLU follows all but the last. */
interface Dense {
  /** [outputs, inputs] */
  readonly shape: readonly [number, number];
  readonly weight: Float32Array;
  /** [outputs] */
  readonly bias: Float32Array;
}

/** Softmax cross-entropy, the mean over a batch, is minimised by Adam. */
export interface Workload extends WorkloadOptions {
  readonly convolutionLayers: readonly Convolution[];
  /** Channels, height and width of the images that the first dense layer flattens, in this order. */
  readonly flattened: readonly [number, number, number];
  readonly denseLayers: readonly Dense[];
  /** [samples, 784]; a pixel's value is its byte over 255. */
  readonly images: Uint8Array<ArrayBuffer>;
  /** [samples] */
  readonly classes: Uint8Array<ArrayBuffer>;
  /** [samples]; batch b is of the samples that this names from b · batch on. */
  readonly order: Int32Array<ArrayBuffer>;
  /** Number of batches: step s takes batch s modulo this number. */
  readonly batches: number;
}

export const ADAM = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;
export const IMAGE_SIDE = 28;
export const FEATURES = IMAGE_SIDE ** 2;
export const CLASSES = 10;

/** @throws RangeError unless there are two batches, so that a step never meets the batch of the step before */
export function createWorkload(options: WorkloadOptions): Workload {
  const { convolutions, hidden, batch, samples, seed } = options;
  if (!(samples >= 2 * batch)) throw new RangeError(`${samples} samples are no two batches of ${batch}`);
  const random = randomNumbers(seed);
  const convolutionLayers: Convolution[] = [];
  let channels = 1;
  let side = IMAGE_SIDE;
  for (const { filters, kernel } of convolutions ? CONVOLUTIONS : []) {
    const shape = [filters, channels, kernel, kernel] as const;
    convolutionLayers.push({ shape, ...parameters(random, filters, channels * kernel ** 2) });
    channels = filters;
    side = (side - kernel + 1) / 2;
  }
  const widths = [channels * side ** 2, ...hidden, CLASSES];
  const denseLayers = widths.slice(1).map((outputs, i): Dense => {
    return { shape: [outputs, widths[i]], ...parameters(random, outputs, widths[i]) };
  });
  const integers = (length: number, below: number) =>
    Uint8Array.from({ length }, () => Math.floor(random() * below));
  return {
    ...options,
    convolutionLayers,
    flattened: [channels, side, side],
    denseLayers,
    images: integers(samples * FEATURES, 256),
    classes: integers(samples, CLASSES),
    order: shuffled(samples, random),
    batches: Math.floor(samples / batch),
  };
}

/** Uniform within ±1/√inputs, as PyTorch begins. */
function parameters(random: () => number, outputs: number, inputs: number) {
  const bound = 1 / Math.sqrt(inputs);
  return {
    weight: uniform(outputs * inputs, bound, random),
    bias: uniform(outputs, bound, random),
  };
}

function uniform(length: number, bound: number, random: () => number): Float32Array {
  return Float32Array.from({ length }, () => (2 * random() - 1) * bound);
}

function shuffled(length: number, random: () => number): Int32Array<ArrayBuffer> {
  const order = Int32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1));
    [order[i], order[other]] = [order[other], order[i]];
  }
  return order;
}

/** Numbers in [0, 1): a Weyl sequence, its terms mixed by multiplications and shifts, as in SplitMix. */
function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

interface Batch {
  /** [batch, 784], from 0 to 1 */
  readonly images: Float32Array;
  /** [batch, 10]: 1 at the sample's class */
  readonly oneHot: Float32Array;
}

/** All batches, for libraries that are fastest with each in memory of its own. */
export function batchesOf({ batch, batches, images, classes, order }: Workload): Batch[] {
  return Array.from({ length: batches }, (_, b) => {
    const pixels = new Float32Array(batch * FEATURES);
    const oneHot = new Float32Array(batch * CLASSES);
    for (let row = 0; row < batch; row++) {
      const sample = order[b * batch + row];
      const image = images.subarray(sample * FEATURES, (sample + 1) * FEATURES);
      image.forEach((byte, i) => {
        pixels[row * FEATURES + i] = byte / 255;
      });
      oneHot[row * CLASSES + classes[sample]] = 1;
    }
    return { images: pixels, oneHot };
  });
}

/** [rows, columns] → [columns, rows] */
export function transposed(matrix: Float32Array, [rows, columns]: readonly [number, number]): Float32Array {
  return Float32Array.from(matrix, (_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]);
}

export interface ProductOptions {
  /** Rows and columns of the matrices. */
  readonly size: number;
  readonly seed: number;
}

/** A chain of products: x ← a · x, this many times from `b` on; then the sum of each row of x. */
export interface Products extends ProductOptions {
  /** [size, size] */
  readonly a: Float32Array;
  /** [size, size] */
  readonly b: Float32Array;
  readonly count: number;
}

export const PRODUCTS_IN_CHAIN = 8;

export function createProducts({ size, seed }: ProductOptions): Products {
  const random = randomNumbers(seed);
  // Variance 1/size: a product neither grows nor fades.
  const matrix = () => uniform(size * size, Math.sqrt(3 / size), random);
  return { size, seed, a: matrix(), b: matrix(), count: PRODUCTS_IN_CHAIN };
}

/** The row sums that the chain ends with, in f64: products of a matrix and a vector, as the sum of columns comes first. */
export function expectedRowSums({ size, a, b, count }: Products): Float64Array {
  const times = (matrix: Float32Array, vector: Float64Array) =>
    vector.map((_, row) => {
      let sum = 0;
      for (let i = 0; i < size; i++) sum += matrix[row * size + i] * vector[i];
      return sum;
    });
  let vector = times(b, new Float64Array(size).fill(1));
  for (let i = 0; i < count; i++) vector = times(a, vector);
  return vector;
}

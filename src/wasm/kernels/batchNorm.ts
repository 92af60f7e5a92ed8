/**
 * Batch normalisation, forward and backward, as `src/kernels/batchNorm.ts` says: sums of pieces of the images, what follows
 * from them for each channel, and what follows from that for each element.
 */
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32x4, type I32, i32, type V128, v128 } from "../assembler/instructions.ts";
import { madd, nmadd, number as numberIn } from "../vectors/arithmetic.ts";
import type { Index, KernelCall, Phase, WasmKernel } from "./kernel.ts";
import { atMost, inPart, inVectors, overLanes } from "./loops.ts";
import {
  channelBytes,
  type Division,
  divisionOf,
  type MomentsMemory,
  momentsPhase,
  sumCount,
} from "./moments.ts";

/** Channels of a part. */
const CHANNELS_OF_PART = 512;

/** Sums over a channel's elements of differences from the pivot, their squares, gradients, and their products. */
type Sums = readonly V128[];

/** Four channels. */
interface Channels {
  readonly f: FunctionBuilder;
  /** The first. */
  readonly i: I32;
  readonly count: I32 | undefined;
  readonly pivot: V128;
  /** Mean, less the pivot, and variance. */
  readonly mean: V128;
  readonly variance: V128;
  /** 1 / standard deviation. */
  readonly rate: V128;
  readonly sums: Sums;
}

/** What differs between forward and backward. */
interface Norm {
  readonly isBackward: boolean;
  /** Hooks of elements. */
  readonly loads: readonly string[];
  /** Stores what is asked for of channels; the result are numbers that elements need, `count` of them. */
  readonly count: number;
  ofChannels(channels: Channels): readonly V128[];
  /** Result of an element: x is less pivot and mean. */
  ofElement(f: FunctionBuilder, x: V128, numbers: readonly V128[], gradient?: V128): V128;
}

export const batchNorm: WasmKernel = (call) => {
  const { load, store, features, constants } = call;
  const lanes = { stride: 1, size: constants.CHANNELS };
  return phasesOf(call, {
    isBackward: false,
    loads: ["element"],
    count: 2,
    ofChannels({ f, i, count, pivot, mean, variance, rate }) {
      // With an infinite element both are NaN.
      const strange = f32x4.ne(variance, variance);
      store.storeMean.along(f, [], lanes)(i, f.keep(v128.or(f32x4.add(pivot, mean), strange)), count);
      store.storeVariance.along(f, [], lanes)(i, variance, count);
      const [weight, bias] = [load.weight, load.bias].map((hook) => hook.along(f, [], lanes)(i));
      return [f32x4.mul(rate, weight), bias];
    },
    ofElement: (f, x, [scale, bias]) => madd({ f, features }, x, scale, bias),
  });
};

export const batchNormGradient: WasmKernel = (call) => {
  const { load, store, features, constants } = call;
  const lanes = { stride: 1, size: constants.CHANNELS };
  return phasesOf(call, {
    isBackward: true,
    loads: ["element", "arriving"],
    count: 3,
    ofChannels({ f, i, count, mean, rate, sums: [, , gradients, products] }) {
      const context = { f, features };
      const elements = numberIn(context, constants.COUNT);
      // All are NaN where the gradient is infinite somewhere.
      const zero = f32x4.mul(gradients, numberIn(context, 0));
      const product = f.keep(f32x4.add(nmadd(context, mean, gradients, products), zero));
      store.storeWeight.along(f, [], lanes)(i, f.keep(f32x4.mul(product, rate)), count);
      store.storeBias.along(f, [], lanes)(i, gradients, count);
      const slope = f32x4.mul(f32x4.div(product, elements), f32x4.mul(rate, rate));
      const weight = load.weight.along(f, [], lanes)(i);
      return [f32x4.mul(rate, weight), f32x4.div(gradients, elements), slope];
    },
    ofElement: (f, x, [scale, meanGradient, slope], gradient = x) => {
      const below = f32x4.sub(gradient, meanGradient);
      return f32x4.mul(nmadd({ f, features }, x, slope, below), scale);
    },
  });
};

function phasesOf(call: KernelCall, norm: Norm): readonly Phase[] {
  const division = divisionOf(call.constants);
  const { channels, pieces } = division;
  const perChannel = () => call.scratch(channelBytes(division));
  const memory: MomentsMemory = {
    sums: call.scratch(4 * pieces * sumCount(norm.isBackward) * channels),
    pivots: perChannel(),
  };
  /** Pivots, means, and numbers of the norm. */
  const numbers = [memory.pivots, ...Array.from({ length: 1 + norm.count }, perChannel)];
  const elements = call.store.store.isEmpty ? 0 : pieces;
  return [
    momentsPhase(call, division, norm.isBackward, memory),
    {
      parts: Math.ceil(channels / CHANNELS_OF_PART),
      build: (f, part) => settle(f, call, norm, division, memory, numbers.slice(1), part),
    },
    { parts: elements, build: (f, piece) => apply(f, call, norm, division, numbers, piece) },
  ];
}

/** Computes numbers of channels, for their elements. */
function settle(
  f: FunctionBuilder,
  { constants: { COUNT, EPSILON }, features }: KernelCall,
  norm: Norm,
  { channels, pieces }: Division,
  { sums: address, pivots }: MomentsMemory,
  numbers: readonly number[],
  part: I32,
): void {
  const context = { f, features };
  const number = (x: number) => numberIn(context, x);
  const sumsOf = sumCount(norm.isBackward);
  const first = f.keep(i32.mul(part, i32.const(CHANNELS_OF_PART)));
  const end = atMost(f, i32.add(first, i32.const(CHANNELS_OF_PART)), channels);
  inVectors(f, first, end, (i, count) => {
    const at = f.keep(i32.mul(i, i32.const(4)));
    const sums = Array.from({ length: sumsOf }, () => f.variable("v128", number(0)));
    f.loop(i32.const(0), i32.const(pieces), 1, (piece) => {
      const place = f.keep(i32.add(at, i32.mul(piece, i32.const(4 * sumsOf * channels))));
      for (const [k, sum] of sums.entries())
        f.set(sum, f32x4.add(sum, v128.load(place, address + 4 * k * channels)));
    });
    const [differences, squares] = sums;
    const mean = f.keep(f32x4.div(differences, number(COUNT)));
    const around = f32x4.pmax(nmadd(context, mean, differences, squares), number(0));
    const variance = f.keep(f32x4.div(around, number(COUNT)));
    const rate = f.keep(f32x4.div(number(1), f32x4.sqrt(f32x4.add(variance, number(EPSILON)))));
    const pivot = f.keep(v128.load(at, pivots));
    const results = norm.ofChannels({ f, i, count, pivot, mean, variance, rate, sums });
    [mean, ...results].forEach((result, n) => {
      f.store(at, result, numbers[n]);
    });
  });
}

/** Computes the results of a piece of the images. */
function apply(
  f: FunctionBuilder,
  call: KernelCall,
  norm: Norm,
  { channels, images, inner, each }: Division,
  numbers: readonly number[],
  piece: I32,
): void {
  const over = (index: Index, size: number, numbersAt: (i: I32) => readonly V128[]) => {
    const lanes = { stride: 1, size };
    const lines = norm.loads.map((name) => call.load[name].along(f, index, lanes));
    const keep = call.store.store.along(f, index, lanes);
    overLanes(f, i32.const(0), size, 1, (i, count) => {
      const [x, gradient] = lines.map((line) => f.keep(line(i)));
      const [pivot, mean, ...others] = numbersAt(i);
      const difference = f.keep(f32x4.sub(f32x4.sub(x, pivot), mean));
      keep(i, norm.ofElement(f, difference, others, gradient), count);
    });
  };
  inPart(f, piece, each, images, (n) => {
    const image = { value: n, stride: channels * inner, size: images };
    if (inner === 1) {
      over([image], channels, (i) => numbers.map((address) => v128.load(i32.mul(i, i32.const(4)), address)));
      return;
    }
    f.loop(i32.const(0), i32.const(channels), 1, (channel) => {
      const at = f.keep(i32.mul(channel, i32.const(4)));
      const ofChannel = numbers.map((address) => f.keep(v128.load32_splat(at, address)));
      over([image, { value: channel, stride: inner, size: channels }], inner, () => ofChannel);
    });
  });
}

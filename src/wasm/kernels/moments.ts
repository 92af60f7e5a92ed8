/**
 * Sums of powers and products of the elements of x [images, CHANNELS, INNER], by channel and by pieces of the images. All
 * differences are taken from a number close to a channel's mean, the pivot, so that one pass keeps the digits of the variance
 * (Chan, Golub & LeVeque 1983): squares are the sum of squares of differences from the pivot, less that of the mean's.
 */
import type { FunctionBuilder, Variable } from "../assembler/function.ts";
import { f32x4, type I32, i32, type V128, v128 } from "../assembler/instructions.ts";
import { storeLanes } from "../hooks/access.ts";
import { madd } from "../vectors/arithmetic.ts";
import { sumOfLanes } from "../vectors/lanes.ts";
import type { Index, KernelCall, Lanes, LoadHook } from "./kernel.ts";
import { atMost, inPart, LANES, overLanes, upTo } from "./loops.ts";
import { inside, WAYS } from "./row.ts";

/** Elements of a piece, and most pieces. */
const PIECE = 1 << 14;
const MOST_PIECES = 64;
/** Vectors of neighbouring channels at a time, where channels are single pixels. */
const MOST_COLUMNS = 4;
/** Most elements of a channel whose mean is its pivot. */
const MOST_OF_PIVOT = 32;

/** Most numbers that are added up one after the other: sums of many lose digits. */
const IN_ROW = 64;

export interface Division {
  readonly channels: number;
  readonly images: number;
  readonly inner: number;
  /** Images of a piece, and number of pieces. */
  readonly each: number;
  readonly pieces: number;
}

export function divisionOf({ CHANNELS, COUNT, INNER }: KernelCall["constants"]): Division {
  const images = COUNT / INNER;
  const each = Math.min(
    images,
    Math.max(Math.ceil(PIECE / (CHANNELS * INNER)), Math.ceil(images / MOST_PIECES)),
  );
  return { channels: CHANNELS, images, inner: INNER, each, pieces: Math.ceil(images / each) };
}

/** Number of sums: of differences and their squares; backward also of gradients, and of these times differences. */
export function sumCount(isBackward: boolean): number {
  return isBackward ? 4 : 2;
}

/** Where sums go: number k of a channel in a piece lies at `sums` + 4 · ((piece · count + k) · channels + channel). */
export interface MomentsMemory {
  readonly sums: number;
  /** A pivot for each channel. */
  readonly pivots: number;
}

/** Bytes of a number for each channel; whole vectors of them can be stored. */
export function channelBytes({ channels }: Division): number {
  return 4 * (channels + LANES);
}

/** A phase that takes the sums of each piece. */
export function momentsPhase(
  call: KernelCall,
  division: Division,
  isBackward: boolean,
  memory: MomentsMemory,
) {
  const moments = new Moments(call, division, isBackward, memory);
  const isPixel = division.inner === 1;
  const own = isPixel ? i32.const(0) : call.threadScratch(moments.ownBytes);
  return {
    parts: division.pieces,
    build: (f: FunctionBuilder, piece: I32) =>
      isPixel ? moments.ofPixels(f, piece) : moments.ofPlanes(f, piece, own),
  };
}

class Moments {
  readonly #count: number;

  constructor(
    readonly call: KernelCall,
    readonly division: Division,
    readonly isBackward: boolean,
    readonly memory: MomentsMemory,
  ) {
    this.#count = sumCount(isBackward);
  }

  get ownBytes(): number {
    return channelBytes(this.division) + 16 * this.#count * this.division.channels;
  }

  /** Adds what elements contribute to sums; all are locals. */
  #add(f: FunctionBuilder, sums: readonly Variable<"v128">[], difference: V128, gradient?: V128): void {
    const context = { f, features: this.call.features };
    const [first, squares, gradients, products] = sums;
    f.set(first, f32x4.add(first, difference));
    f.set(squares, madd(context, difference, difference, squares));
    if (!gradient) return;
    f.set(gradients, f32x4.add(gradients, gradient));
    f.set(products, madd(context, difference, gradient, products));
  }

  #hooks(): LoadHook[] {
    const { element, arriving } = this.call.load;
    return this.isBackward ? [element, arriving] : [element];
  }

  #zeros(f: FunctionBuilder): Variable<"v128">[] {
    return Array.from({ length: this.#count }, () => f.variable("v128", f.constant(f32x4.const(0))));
  }

  #placeOf(f: FunctionBuilder, piece: I32, k: number, channel: I32): I32 {
    const { channels } = this.division;
    const row = f.keep(i32.mul(piece, i32.const(4 * this.#count * channels)));
    return i32.add(i32.add(row, i32.const(4 * k * channels)), i32.mul(channel, i32.const(4)));
  }

  /** Channel by channel, image by image, in the order of memory: sums of four lanes are in the thread's memory meanwhile. */
  ofPlanes(f: FunctionBuilder, piece: I32, address: I32): void {
    const { channels, images, inner, each } = this.division;
    const zero = f.constant(f32x4.const(0));
    const own = f.keep(address);
    const lanes: Lanes = { stride: 1, size: inner };
    const indexOf = (n: I32, channel: I32): Index => [
      { value: n, stride: channels * inner, size: images },
      { value: channel, stride: inner, size: channels },
    ];
    const pivotOf = (channel: I32) => i32.add(own, i32.mul(channel, i32.const(4)));
    const sumsOf = (channel: I32) => i32.add(own, i32.mul(channel, i32.const(16 * this.#count)));
    const sums = channelBytes(this.division);
    const overChannels = (visit: (channel: I32) => void) =>
      f.loop(i32.const(0), i32.const(channels), 1, visit);

    overChannels((channel) => {
      const few = Math.min(inner, MOST_OF_PIVOT);
      const values = this.call.load.element.along(f, indexOf(i32.const(0), channel), lanes);
      const origin = f.keep(f32x4.splat(f32x4.extract_lane(values(i32.const(0)), 0)));
      const sum = f.variable("v128", zero);
      overLanes(f, i32.const(0), few, 1, (i, count) => {
        f.set(sum, f32x4.add(sum, inside(f, { count }, f32x4.sub(values(i), origin), zero)));
      });
      const mean = f32x4.div(f32x4.splat(sumOfLanes(f, sum)), f.constant(f32x4.const(few)));
      const pivot = f.keep(f32x4.add(origin, mean));
      f.storeLane(pivotOf(channel), pivot, 0);
      const inAll = i32.mul(channel, i32.const(4));
      f.if(i32.eqz(piece), () => f.storeLane(inAll, pivot, 0, this.memory.pivots));
      for (let k = 0; k < this.#count; k++) f.store(sumsOf(channel), zero, sums + 16 * k);
    });
    inPart(f, piece, each, images, (n) =>
      overChannels((channel) => {
        const lines = this.#hooks().map((hook) => hook.along(f, indexOf(n, channel), lanes));
        const pivot = f.keep(v128.load32_splat(pivotOf(channel)));
        const ways = Array.from({ length: WAYS }, () => this.#zeros(f));
        overLanes(f, i32.const(0), inner, WAYS, (i, count, way) => {
          const [x, gradient] = lines.map((line) => f.keep(line(i)));
          const difference = inside(f, { count }, f32x4.sub(x, pivot), zero);
          this.#add(f, ways[way], difference, gradient && inside(f, { count }, gradient, zero));
        });
        const at = f.keep(sumsOf(channel));
        for (let k = 0; k < this.#count; k++) {
          const all = ways.reduce((sum, way) => f32x4.add(sum, way[k]), v128.load(at, sums + 16 * k));
          f.store(at, all, sums + 16 * k);
        }
      }),
    );
    overChannels((channel) => {
      for (let k = 0; k < this.#count; k++) {
        const total = sumOfLanes(f, v128.load(sumsOf(channel), sums + 16 * k));
        f.store(this.#placeOf(f, piece, k, channel), total, this.memory.sums);
      }
    });
  }

  /** Several vectors of neighbouring channels at a time, image by image. */
  ofPixels(f: FunctionBuilder, piece: I32): void {
    const { channels, images, each } = this.division;
    const columns = Math.min(MOST_COLUMNS, Math.ceil(channels / LANES));
    const width = columns * LANES;
    const groups = Math.ceil(channels / width);
    f.loop(i32.const(0), i32.const(groups), 1, (group) => {
      const first = f.keep(i32.mul(group, i32.const(width)));
      const byColumn = <T>(make: (column: number) => T): T[] =>
        Array.from({ length: columns }, (_, n) => make(n));
      const places = byColumn((column) => {
        const lane = i32.const(column * LANES);
        return groups === 1 ? lane : f.keep(i32.add(first, lane));
      });
      const lineOf = (hook: LoadHook, n: I32) =>
        hook.along(f, [{ value: n, stride: channels, size: images }], { stride: 1, size: channels });
      const { element } = this.call.load;

      const few = Math.max(1, Math.min(MOST_OF_PIVOT / 2, each >> 2));
      const origin = lineOf(element, i32.const(0));
      const origins = byColumn((column) => f.keep(origin(places[column])));
      const means = byColumn(() => f.variable("v128", f.constant(f32x4.const(0))));
      if (few > 1) {
        f.loop(i32.const(1), i32.const(few), 1, (n) => {
          const line = lineOf(element, n);
          means.forEach((mean, column) => {
            f.set(mean, f32x4.add(mean, f32x4.sub(line(places[column]), origins[column])));
          });
        });
      }
      const pivots = means.map((mean, column) =>
        f.keep(f32x4.add(origins[column], f32x4.mul(mean, f.constant(f32x4.const(1 / few))))),
      );
      const sums = byColumn(() => this.#zeros(f));
      const start = f.keep(i32.mul(piece, i32.const(each)));
      const end = atMost(f, i32.add(start, i32.const(each)), images);
      f.loop(start, end, IN_ROW, (block) => {
        const next = f.keep(i32.add(block, i32.const(IN_ROW)));
        const ofBlock = byColumn(() => this.#zeros(f));
        f.loop(block, i32.select(next, end, i32.lt_s(next, end)), 1, (n) => {
          const lines = this.#hooks().map((hook) => lineOf(hook, n));
          ofBlock.forEach((ofColumn, column) => {
            const [x, gradient] = lines.map((line) => f.keep(line(places[column])));
            this.#add(f, ofColumn, f.keep(f32x4.sub(x, pivots[column])), gradient);
          });
        });
        sums.forEach((ofColumn, column) => {
          ofColumn.forEach((sum, k) => void f.set(sum, f32x4.add(sum, ofBlock[column][k])));
        });
      });
      sums.forEach((ofColumn, column) => {
        const channel = places[column];
        upTo(f, channel, channels, groups === 1 ? column * LANES : undefined, (count) => {
          ofColumn.forEach((sum, k) => {
            storeLanes(f, this.#placeOf(f, piece, k, channel), sum, { stride: 1 }, this.memory.sums, count);
          });
          const inAll = i32.mul(channel, i32.const(4));
          f.if(i32.eqz(piece), () => {
            storeLanes(f, inAll, pivots[column], { stride: 1 }, this.memory.pivots, count);
          });
        });
      });
    });
  }
}

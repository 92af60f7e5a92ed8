/**
 * Patches of images: for each product of a convolution's sums (channel, ky, kx), the pixels that it meets, side by side
 * in the order of the results. Products that differ in ky meet the same lines, shifted by whole lines: where lines of
 * results lie one line apart in what they read, these share memory.
 */
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32x4, type I32, i8x16, i32, v128 } from "../assembler/instructions.ts";
import { LANES } from "./loops.ts";
import { VECTOR } from "./product.ts";

/** An axis of images that are read, and of the images that result. */
export interface Axis {
  /** Pixels that are read, and pixels of the result. */
  readonly from: number;
  readonly to: number;
  /** Pixels from what one result reads to what the next one reads. */
  readonly stride: number;
  readonly taps: number;
  /** The pixel that result 0 reads through tap 0, and pixels from one tap to the next. */
  readonly first: number;
  readonly step: number;
}

export interface PatchShape {
  readonly y: Axis;
  readonly x: Axis;
  /** Channels of a block of patches. */
  readonly channels: number;
  /** Most lines of results of a block. */
  readonly lines: number;
  /**
   * `shared`: a block lies within one image, and taps that differ in ky share lines. `apart`: each tap has pixels of its
   * own, and a block goes through images. `inPlace`: the images are their own patches.
   */
  readonly layout: "shared" | "apart" | "inPlace";
}

/** Bytes that tiles may read past the end of patches. */
const SLACK = 128;
/** Bytes of a way of the caches: planes that lie so far apart would displace each other. */
const WAY = 1024;
/** Most vectors of a line that are written out rather than looped over. */
const WRITTEN_OUT = 8;

/** Lines that all taps of a line of results read, beyond the first. */
function span({ taps, step }: Axis): number {
  return (taps - 1) * Math.abs(step);
}

/** The first of the pixels that the taps of result 0 read. */
function earliest(axis: Axis): number {
  return axis.step < 0 ? axis.first - span(axis) : axis.first;
}

/** Where patches lie, in bytes: `channel`, `ky` and `kx` from one to the next. */
interface Strides {
  readonly channel: number;
  readonly ky: number;
  readonly kx: number;
}

function stridesOf({ y, x, lines, layout }: PatchShape): Strides {
  if (layout === "inPlace") return { channel: 4 * y.from * x.from, ky: 0, kx: 0 };
  const held = layout === "shared" ? lines + span(y) : lines;
  // Lines are copied in whole vectors.
  const bytes = Math.ceil((held * x.to + LANES) / LANES) * VECTOR;
  const plane = bytes % WAY === 0 ? bytes + 4 * VECTOR : bytes;
  if (layout === "shared") return { channel: x.taps * plane, ky: 4 * y.step * x.to, kx: plane };
  return { channel: y.taps * x.taps * plane, ky: x.taps * plane, kx: plane };
}

/** Bytes of a block of patches. */
export function patchBytes(shape: PatchShape): number {
  return shape.layout === "inPlace" ? 0 : shape.channels * stridesOf(shape).channel + SLACK;
}

/** Cycles, about, that packing one channel of an image takes. */
export function packingCost(y: Axis, x: Axis, layout: PatchShape["layout"]): number {
  if (layout === "inPlace") return 0;
  const lines = layout === "shared" ? y.to + span(y) : y.to * y.taps;
  return lines * x.taps * (3 + (1.5 * x.to) / LANES);
}

/** Writes i32 to memory: for each product of `channels`, in order, how far its patches lie behind the first channel's. */
export function writeOffsets(f: FunctionBuilder, shape: PatchShape, to: I32): void {
  const { y, x, channels } = shape;
  const strides = stridesOf(shape);
  const beginning = strides.ky < 0 ? -strides.ky * (y.taps - 1) : 0;
  const at = f.variable("i32", to);
  f.loop(i32.const(0), i32.const(channels), 1, (channel) => {
    const first = f.keep(i32.add(i32.mul(channel, i32.const(strides.channel)), i32.const(beginning)));
    f.loop(i32.const(0), i32.const(y.taps), 1, (ky) => {
      const line = f.keep(i32.add(first, i32.mul(ky, i32.const(strides.ky))));
      f.loop(i32.const(0), i32.const(x.taps), 1, (kx) => {
        f.store(at, i32.add(line, i32.mul(kx, i32.const(strides.kx))));
        f.set(at, i32.add(at, i32.const(4)));
      });
    });
  });
}

/**
 * Packs the patches of `lines` lines of results from line `first` on, counted over all images. `source` is the address of
 * the first channel in image 0, `imageBytes` the distance of images; lines of a `shared` block lie in one image.
 */
export function packPatches(
  f: FunctionBuilder,
  shape: PatchShape,
  source: I32,
  imageBytes: number,
  first: I32,
  lines: I32,
  to: I32,
): void {
  const { y, x, layout } = shape;
  const strides = stridesOf(shape);
  const resultOf = (line: I32) => {
    const image = f.keep(i32.div_u(line, i32.const(y.to)));
    const start = f.keep(i32.add(source, i32.mul(image, i32.const(imageBytes))));
    return { start, line: i32.sub(line, i32.mul(image, i32.const(y.to))) };
  };
  const packLine = (start: I32, line: I32, at: I32) => {
    f.if(
      i32.lt_u(line, i32.const(y.from)),
      () => copyLines(f, shape, strides, at, i32.add(start, i32.mul(line, i32.const(4 * x.from)))),
      () => copyLines(f, shape, strides, at),
    );
  };
  const lineBytes = i32.const(4 * x.to);
  if (layout === "shared") {
    const result = resultOf(first);
    const top = f.keep(i32.add(result.line, i32.const(earliest(y))));
    f.loop(i32.const(0), i32.add(lines, i32.const(span(y))), 1, (line) => {
      packLine(result.start, f.keep(i32.add(top, line)), i32.add(to, i32.mul(line, lineBytes)));
    });
  } else {
    f.loop(i32.const(0), lines, 1, (line) => {
      const result = resultOf(f.keep(i32.add(first, line)));
      const top = f.keep(i32.add(i32.mul(result.line, i32.const(y.stride)), i32.const(y.first)));
      const start = f.keep(i32.add(to, i32.mul(line, lineBytes)));
      f.loop(i32.const(0), i32.const(y.taps), 1, (ky) => {
        const at = i32.add(start, i32.mul(ky, i32.const(strides.ky)));
        packLine(result.start, f.keep(i32.add(top, i32.mul(ky, i32.const(y.step)))), at);
      });
    });
  }
}

/** Copies a line of all channels for all kx; without a source, zeros. */
function copyLines(
  f: FunctionBuilder,
  { y, x, channels }: PatchShape,
  strides: Strides,
  to: I32,
  source?: I32,
): void {
  const at = f.variable("i32", to);
  const from = f.variable("i32", source ?? i32.const(0));
  f.loop(i32.const(0), i32.const(channels), 1, () => {
    for (let kx = 0; kx < x.taps; kx++) {
      const pixel = x.first + kx * x.step;
      // Results that read a pixel of the image.
      const begin = source ? Math.min(x.to, Math.max(0, Math.ceil(-pixel / x.stride))) : x.to;
      const end = Math.max(begin, Math.min(x.to, Math.floor((x.from - 1 - pixel) / x.stride) + 1));
      fillZeros(f, at, kx * strides.kx, begin);
      copyPixels(
        f,
        x.stride,
        end - begin,
        from,
        4 * (begin * x.stride + pixel),
        at,
        kx * strides.kx + 4 * begin,
      );
      fillZeros(f, at, kx * strides.kx + 4 * end, x.to - end);
    }
    f.set(at, i32.add(at, i32.const(strides.channel)));
    f.set(from, i32.add(from, i32.const(4 * y.from * x.from)));
  });
}

/** Runs `body` with the byte offset of each vector of `count` pixels: a constant one, or behind the address `i`. */
function eachVector(
  f: FunctionBuilder,
  count: number,
  body: (i: I32 | undefined, offset: number) => void,
): void {
  const vectors = Math.ceil(count / LANES);
  if (vectors > WRITTEN_OUT) f.loop(i32.const(0), i32.const(vectors * VECTOR), VECTOR, (i) => body(i, 0));
  else for (let n = 0; n < vectors; n++) body(undefined, n * VECTOR);
}

const plus = (address: I32, i: I32 | undefined) => (i ? i32.add(address, i) : address);

/** Writes zeros, in whole vectors. */
function fillZeros(f: FunctionBuilder, to: I32, offset: number, count: number): void {
  const zero = f.constant(f32x4.const(0));
  eachVector(f, count, (i, n) => f.store(plus(to, i), zero, offset + n));
}

const EVEN_LANES = [0, 2, 4, 6].flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte));

/** Copies every `stride`-th pixel, in whole vectors of the result. */
export function copyPixels(
  f: FunctionBuilder,
  stride: number,
  count: number,
  from: I32,
  fromOffset: number,
  to: I32,
  toOffset: number,
): void {
  if (stride <= 2) {
    eachVector(f, count, (i, n) => {
      const at = plus(from, i && i32.mul(i, i32.const(stride)));
      const load = (vector: number) => v128.load(at, fromOffset + n * stride + vector * VECTOR);
      f.store(
        plus(to, i),
        stride === 1 ? load(0) : i8x16.shuffle(load(0), load(1), EVEN_LANES),
        toOffset + n,
      );
    });
    return;
  }
  f.loop(i32.const(0), i32.const(count), 1, (i) => {
    const pixel = i32.load(i32.add(from, i32.mul(i, i32.const(4 * stride))), fromOffset);
    f.store(i32.add(to, i32.shl(i, i32.const(2))), pixel, toOffset);
  });
}

/**
 * Patches of images: for each product of a convolution's sums (channel, ky, kx), the pixels that it meets, side by side
 * in the order of the results. Products that differ in ky meet the same lines, shifted by whole lines: where lines of
 * results lie one line apart in what they read, these share memory.
 */
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32x4, type I32, i8x16, i32, v128 } from "../assembler/instructions.ts";
import { LANES } from "./loops.ts";
import { VECTOR } from "./product.ts";

/** Multiplications and additions of a convolution's part, about. */
export const PART_FLOPS = 1_500_000;

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

/** Results from `begin` up to `end` read a pixel of the image through a tap; result 0 would read `pixel`. */
export function readersOf({ from, to, stride, first, step }: Axis, tap: number) {
  const pixel = first + tap * step;
  const begin = Math.min(to, Math.max(0, Math.ceil(-pixel / stride)));
  const end = Math.max(begin, Math.min(to, Math.floor((from - 1 - pixel) / stride) + 1));
  return { pixel, begin, end };
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

/**
 * The cheapest layout for products of patches and so many rows.
 * @param waste time that is lost where blocks end with images, relative to the time of the products
 */
export function layoutFor(y: Axis, x: Axis, rows: number, waste: number): PatchShape["layout"] {
  const isWhole = ({ from, to, stride, taps, first }: Axis) =>
    from === to && stride === 1 && taps === 1 && first === 0;
  // Packing takes the time of about four rows; sharing lines saves that of two rows for each ky but the first.
  if (isWhole(y) && isWhole(x) && rows > 1 && waste <= 4 / rows) return "inPlace";
  return y.stride === 1 && waste <= (2 * (y.taps - 1)) / rows ? "shared" : "apart";
}

/** Address of the `index`-th of what lies `bytes` apart. */
export function behind(start: I32, index: I32, bytes: number): I32 {
  return i32.add(start, i32.mul(index, i32.const(bytes)));
}

/** Writes i32 to memory: for each product of `channels`, in order, how far its patches lie behind the first channel's. */
export function writeOffsets(f: FunctionBuilder, shape: PatchShape, to: I32): void {
  const { y, x, channels } = shape;
  const strides = stridesOf(shape);
  const at = f.variable("i32", to);
  const zero = i32.const(0);
  f.loop(zero, i32.const(channels), 1, (channel) => {
    // With taps that go backwards, the last one's line is the first.
    const first = f.keep(
      behind(i32.const(Math.max(0, -strides.ky * (y.taps - 1))), channel, strides.channel),
    );
    f.loop(zero, i32.const(y.taps), 1, (ky) => {
      const line = f.keep(behind(first, ky, strides.ky));
      f.loop(zero, i32.const(x.taps), 1, (kx) => {
        f.store(at, behind(line, kx, strides.kx));
        f.set(at, i32.add(at, i32.const(4)));
      });
    });
  });
}

/**
 * Packs the patches of `lines` lines of results from line `first` on, counted over all images; except of `apart` ones, they
 * lie in one image. Returns where the patches lie: at `to`, unless they are in place.
 * @param source address of the first channel in image 0
 * @param imageBytes distance of images
 */
export function packPatches(
  f: FunctionBuilder,
  shape: PatchShape,
  source: I32,
  imageBytes: number,
  first: I32,
  lines: I32,
  to: I32,
): I32 {
  const { y, x, layout } = shape;
  const strides = stridesOf(shape);
  /** The image of a line of results, and the line in it. */
  const placeOf = (line: I32) => {
    const image = f.keep(i32.div_u(line, i32.const(y.to)));
    return [f.keep(behind(source, image, imageBytes)), behind(line, image, -y.to)] as const;
  };
  const packLine = (image: I32, line: I32, at: I32) =>
    f.if(
      i32.lt_u(line, i32.const(y.from)),
      () => copyLines(f, shape, strides, at, behind(image, line, 4 * x.from)),
      () => copyLines(f, shape, strides, at),
    );
  if (layout === "apart") {
    f.loop(i32.const(0), lines, 1, (n) => {
      const [image, line] = placeOf(f.keep(i32.add(first, n)));
      const top = f.keep(behind(i32.const(y.first), line, y.stride));
      const start = f.keep(behind(to, n, 4 * x.to));
      f.loop(i32.const(0), i32.const(y.taps), 1, (ky) =>
        packLine(image, f.keep(behind(top, ky, y.step)), behind(start, ky, strides.ky)),
      );
    });
    return to;
  }
  const [image, line] = placeOf(first);
  if (layout === "inPlace") return f.keep(behind(image, line, 4 * x.from));
  const top = f.keep(i32.add(line, i32.const(earliest(y))));
  f.loop(i32.const(0), i32.add(lines, i32.const(span(y))), 1, (n) =>
    packLine(image, f.keep(i32.add(top, n)), behind(to, n, 4 * x.to)),
  );
  return to;
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
      const { pixel, begin, end } = source ? readersOf(x, kx) : { pixel: 0, begin: x.to, end: x.to };
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
  if (count === 0) return;
  f.loop(i32.const(0), i32.const(count), 1, (i) => {
    f.store(behind(to, i, 4), i32.load(behind(from, i, 4 * stride), fromOffset), toOffset);
  });
}

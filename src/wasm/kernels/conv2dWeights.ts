/**
 * The gradient of a convolution's weights: in each group and each part of the lines, products of the arriving gradient
 * [filters, pixels] and patches [products of a sum, pixels], summed over pixels. Lanes run along pixels; they are added
 * up at the end.
 */
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32x4, type I32, i32, i32x4, type V128, v128 } from "../assembler/instructions.ts";
import { madd } from "../vectors/arithmetic.ts";
import { transpose4 } from "../vectors/transpose.ts";
import {
  type Axis,
  type PatchShape,
  packingCost,
  packPatches,
  patchBytes,
  writeOffsets,
} from "./conv2dPatches.ts";
import type { KernelCall, Phase, StoreHook } from "./kernel.ts";
import { atMost, inPart, inVectors, LANES } from "./loops.ts";
import { VECTOR } from "./product.ts";

/** Multiplications and additions of a part, about. */
const PART_FLOPS = 1_500_000;
/** Most bytes of the patches of a block, and of the sums of a part. */
const BLOCK_BYTES = 1 << 17;
/** Filters whose gradients are added up at once. */
const SUMMED_FILTERS = 8;
/** Cycles, about, that a tile takes beside its loop. */
const TILE_CYCLES = 20;

/** Filters and products of a sum that are computed at once: with more than nine sums, some hosts keep them in memory. */
interface DotTile {
  readonly filters: number;
  readonly products: number;
}

const TILES: readonly DotTile[] = [
  [3, 3],
  [4, 2],
  [2, 4],
  [1, 8],
].map(([filters, products]) => ({ filters, products }));

/** Cycles, about, of a step of a tile: loads and multiply-adds, two of each at once, or the wait for the last sums. */
function stepCycles(filters: number, products: number): number {
  return Math.max(4, (filters * products) / 2, (filters + products) / 2);
}

/** Cycles, about, of a step through all filters and products. */
function cyclesOf({ filters, products }: DotTile, allFilters: number, allProducts: number): number {
  const rest = allFilters % filters;
  const rows = Math.floor(allFilters / filters) * stepCycles(filters, products);
  return (rows + (rest > 0 ? stepCycles(rest, products) : 0)) * Math.ceil(allProducts / products);
}

/** What the parts of a weight's gradient share. */
interface Plan {
  readonly tile: DotTile;
  readonly patches: PatchShape;
  /** Channels and filters of a group. */
  readonly channels: number;
  readonly filters: number;
  /** Bytes from one filter's gradient to the next. */
  readonly gradientBytes: number;
  /** Products of a part, filled up to whole tiles. */
  readonly products: number;
}

function planOf(call: KernelCall, y: Axis, x: Axis, share: number): Plan {
  const { GROUPS, CHANNELS, FILTERS, BATCH } = call.constants;
  const channels = CHANNELS / GROUPS;
  const filters = FILTERS / GROUPS;
  const taps = y.taps * x.taps;
  const pixels = y.to * x.to;
  const bySums = BLOCK_BYTES / (VECTOR * filters * taps);
  const byWork = PART_FLOPS / (2 * share * x.to * filters * taps);
  const wanted = Math.max(1, Math.min(channels, Math.floor(bySums), Math.round(byWork)));
  const block = Math.ceil(channels / Math.ceil(channels / wanted));
  const cycles = (tile: DotTile) => cyclesOf(tile, filters, block * taps);
  const fitting = TILES.filter((tile) => tile.filters <= filters);
  const tile = fitting.reduce((best, next) => (cycles(next) < cycles(best) ? next : best));
  const products = Math.ceil((block * taps) / tile.products) * tile.products;

  // Cycles of an image: packing, and what tiles take where blocks end with an image.
  const tiles = Math.ceil(filters / tile.filters) * (products / tile.products);
  const steps = cycles(tile);
  const ofImage = tiles * TILE_CYCLES + Math.ceil(pixels / LANES) * steps;
  const costs = {
    inPlace: ofImage,
    shared: block * packingCost(y, x, "shared") + ofImage,
    apart: block * packingCost(y, x, "apart") + filters * (5 + pixels / 2) + (pixels / LANES) * steps,
  };
  const isWhole = ({ from, to, stride, taps, first }: Axis) =>
    from === to && stride === 1 && taps === 1 && first === 0;
  const possible: PatchShape["layout"][] = ["apart"];
  if (y.stride === 1) possible.push("shared");
  if (isWhole(y) && isWhole(x)) possible.push("inPlace");
  const layout = possible.reduce((best, next) => (costs[next] < costs[best] ? next : best));

  const shapeOf = (lines: number): PatchShape => ({ y, x, channels: block, lines, layout });
  let lines = Math.min(share, layout === "apart" ? BATCH * y.to : y.to);
  while (lines > 1 && patchBytes(shapeOf(lines)) > BLOCK_BYTES) lines--;
  const patches = shapeOf(lines);
  const gradientBytes = layout === "apart" ? Math.ceil((lines * x.to) / LANES + 1) * VECTOR : 4 * pixels;
  return { tile, patches, channels, filters, gradientBytes, products };
}

export function weightsPhase(call: KernelCall, y: Axis, x: Axis): Phase {
  const { BATCH, GROUPS, FILTERS, SPLITS, SUMS } = call.constants;
  const { store, storeSum } = call.store;
  const lines = BATCH * y.to;
  const share = Math.ceil(lines / SPLITS);
  const plan = planOf(call, y, x, share);
  const { patches, channels, filters, gradientBytes, products } = plan;
  const taps = y.taps * x.taps;
  const blocks = Math.ceil(channels / patches.channels);
  const units = SPLITS * GROUPS * blocks;
  const unitFlops = 2 * share * x.to * filters * taps * patches.channels;
  const each = Math.max(1, Math.floor(PART_FLOPS / unitFlops));
  const plane = 4 * y.from * x.from;
  const hasSums = SUMS > 0 && !storeSum.isEmpty;
  return {
    parts: Math.ceil(units / each),
    build(f, part) {
      const offsets = f.keep(call.threadScratch(4 * products));
      const packed = f.keep(call.threadScratch(patchBytes(patches)));
      const copied = f.keep(call.threadScratch(patches.layout === "apart" ? filters * gradientBytes : 0));
      const sums = f.keep(call.threadScratch((filters * products + LANES) * VECTOR));
      const biasSums = f.keep(call.threadScratch((filters + LANES) * VECTOR));
      writeOffsets(f, patches, offsets);
      // The last tile's products past the last one are that one again.
      const last = i32.load(offsets, 4 * (patches.channels * taps - 1));
      for (let n = patches.channels * taps; n < products; n++) f.store(offsets, last, 4 * n);
      inPart(f, part, each, units, (unit) => {
        const digit = (div: number, mod: number) =>
          f.keep(i32.rem_u(i32.div_u(unit, i32.const(div)), i32.const(mod)));
        const split = digit(GROUPS * blocks, SPLITS);
        const group = digit(blocks, GROUPS);
        const block = digit(1, blocks);
        // The last block begins earlier where channels are no multiple of a block's; it stores its own only.
        const wanted = f.keep(i32.mul(block, i32.const(patches.channels)));
        const channel = atMost(f, wanted, channels - patches.channels);
        const first = f.variable("i32", i32.mul(split, i32.const(share)));
        const end = atMost(f, i32.add(first, i32.const(share)), lines);
        const isFirst = i32.eqz(block);
        const address = (memory: number, planes: I32, bytes: number) =>
          f.keep(i32.add(i32.const(memory), i32.mul(planes, i32.const(bytes))));
        const planes = i32.add(i32.mul(group, i32.const(channels)), channel);
        const source = address(call.memory.a.address, planes, plane);
        const arriving = address(call.memory.b.address, group, 4 * filters * y.to * x.to);
        f.fillMemory(sums, i32.const(0), i32.const(filters * products * VECTOR));
        f.fillMemory(biasSums, i32.const(0), i32.const(filters * VECTOR));
        f.block((exit) =>
          f.repeat((repeat) => {
            exit(i32.ge_s(first, end));
            const image = f.keep(i32.div_u(first, i32.const(y.to)));
            const line = f.keep(i32.sub(first, i32.mul(image, i32.const(y.to))));
            const most = f.keep(i32.sub(end, first));
            const limit =
              patches.layout === "apart" ? most : f.keep(least(most, i32.sub(i32.const(y.to), line)));
            const count = atMost(f, limit, patches.lines);
            const imageBytes = GROUPS * channels * plane;
            let patchesAt = packed;
            if (patches.layout !== "inPlace")
              packPatches(f, patches, source, imageBytes, first, count, packed);
            else {
              const ofImage = i32.add(source, i32.mul(image, i32.const(imageBytes)));
              patchesAt = f.keep(i32.add(ofImage, i32.mul(line, i32.const(4 * x.from))));
            }
            const pixels = f.keep(i32.mul(count, i32.const(x.to)));
            let gradient = copied;
            if (patches.layout === "apart")
              copyGradient(f, plan, FILTERS, arriving, image, line, pixels, copied);
            else {
              const start = i32.add(arriving, i32.mul(image, i32.const(4 * FILTERS * y.to * x.to)));
              gradient = f.keep(i32.add(start, i32.mul(line, i32.const(4 * x.to))));
            }
            const run = new Run(f, call, plan, gradient, pixels);
            if (!store.isEmpty) run.addProducts(patchesAt, offsets, sums);
            if (hasSums) f.if(isFirst, () => run.addSums(biasSums));
            f.set(first, i32.add(first, count));
            repeat();
          }),
        );
        const columns = channels * taps;
        const lanesFrom = f.keep(i32.mul(wanted, i32.const(taps)));
        const lanesTo = f.keep(
          i32.mul(atMost(f, i32.add(wanted, i32.const(patches.channels)), channels), i32.const(taps)),
        );
        f.loop(i32.const(0), i32.const(filters), 1, (n) => {
          const filter = f.keep(i32.add(i32.mul(group, i32.const(filters)), n));
          const index = [
            { value: split, stride: FILTERS * columns, size: SPLITS },
            { value: filter, stride: columns, size: FILTERS },
          ];
          const row = i32.add(sums, i32.mul(n, i32.const(products * VECTOR)));
          const start = f.keep(i32.sub(row, i32.mul(channel, i32.const(taps * VECTOR))));
          storeSums(f, store, index, columns, lanesFrom, lanesTo, start);
        });
        if (!hasSums) return;
        f.if(isFirst, () => {
          const from = f.keep(i32.mul(group, i32.const(filters)));
          const start = f.keep(i32.sub(biasSums, i32.mul(from, i32.const(VECTOR))));
          const index = [{ value: split, stride: FILTERS, size: SPLITS }];
          storeSums(f, storeSum, index, FILTERS, from, f.keep(i32.add(from, i32.const(filters))), start);
        });
      });
    },
  };
}

const least = (a: I32, b: I32) => i32.select(a, b, i32.lt_s(a, b));

/** Stores the sums of vectors, which lie side by side from `start` on, as lanes from `from` up to `to` of a line. */
function storeSums(
  f: FunctionBuilder,
  hook: StoreHook,
  index: Parameters<StoreHook["along"]>[1],
  size: number,
  from: I32,
  to: I32,
  start: I32,
): void {
  if (hook.isEmpty) return;
  const keep = hook.along(f, index, { stride: 1, size });
  inVectors(f, from, to, (i, count) => {
    const at = f.keep(i32.add(start, i32.mul(i, i32.const(VECTOR))));
    const vectors = [0, 1, 2, 3].map((n) => v128.load(at, n * VECTOR));
    const [a, b, c, d] = transpose4(f, vectors);
    keep(i, f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), count);
  });
}

/** Copies the gradients of `pixels` pixels from a line of an image on: each filter's side by side, through images. */
function copyGradient(
  f: FunctionBuilder,
  { patches: { y, x }, filters, gradientBytes }: Plan,
  allFilters: number,
  arriving: I32,
  image: I32,
  line: I32,
  pixels: I32,
  to: I32,
): void {
  const plane = y.to * x.to;
  const begin = f.keep(i32.mul(line, i32.const(x.to)));
  const start = f.keep(i32.add(arriving, i32.mul(image, i32.const(4 * allFilters * plane))));
  f.loop(i32.const(0), i32.const(filters), 1, (filter) => {
    const from = f.variable("i32", i32.add(start, i32.mul(filter, i32.const(4 * plane))));
    const at = f.variable("i32", i32.add(to, i32.mul(filter, i32.const(gradientBytes))));
    const stop = f.keep(i32.add(at, i32.shl(pixels, i32.const(2))));
    const skipped = f.variable("i32", i32.shl(begin, i32.const(2)));
    f.repeat((repeat) => {
      const bytes = f.keep(least(i32.sub(i32.const(4 * plane), skipped), i32.sub(stop, at)));
      // In whole vectors: the next image's pixels come over what is too much.
      f.loop(i32.const(0), bytes, VECTOR, (n) => {
        f.store(i32.add(at, n), v128.load(i32.add(i32.add(from, skipped), n)));
      });
      f.set(at, i32.add(at, bytes));
      f.set(from, i32.add(from, i32.const(4 * allFilters * plane)));
      f.set(skipped, i32.const(0));
      repeat(i32.lt_u(at, stop));
    });
  });
}

/** Pixels that lie side by side, of gradients and of patches. */
class Run {
  readonly #f: FunctionBuilder;
  readonly #call: KernelCall;
  readonly #plan: Plan;
  readonly #gradient: I32;
  /** Bytes of pixels in whole vectors, and whether more are left; these are the lanes of the mask. */
  readonly #whole: I32;
  readonly #rest: I32;
  readonly #mask: V128;

  constructor(f: FunctionBuilder, call: KernelCall, plan: Plan, gradient: I32, pixels: I32) {
    this.#f = f;
    this.#call = call;
    this.#plan = plan;
    this.#gradient = gradient;
    this.#rest = f.keep(i32.and(pixels, i32.const(LANES - 1)));
    this.#whole = f.keep(i32.shl(i32.sub(pixels, this.#rest), i32.const(2)));
    this.#mask = f.keep(i32x4.gt_s(i32x4.splat(this.#rest), f.constant(i32x4.const(0, 1, 2, 3))));
  }

  /** Adds products to the vectors at `sums`, [filters, products]. */
  addProducts(patches: I32, offsets: I32, sums: I32): void {
    const f = this.#f;
    const { tile, products } = this.#plan;
    this.#inTiles(tile.filters, (filters, filter, gradient) => {
      const row = f.keep(i32.add(sums, i32.mul(filter, i32.const(products * VECTOR))));
      f.loop(i32.const(0), i32.const(4 * products), 4 * tile.products, (product) => {
        const at = f.keep(i32.add(row, i32.shl(product, i32.const(2))));
        const list = f.keep(i32.add(offsets, product));
        const starts = Array.from({ length: tile.products }, (_, n) =>
          f.keep(i32.add(patches, i32.load(list, 4 * n))),
        );
        const address = (r: number, n: number) => (r * products + n) * VECTOR;
        const totals = Array.from({ length: filters }, (_, r) =>
          starts.map((_, n) => f.variable("v128", v128.load(at, address(r, n)))),
        );
        this.#alongPixels(filters, gradient, (pixel, arriving, masked) => {
          const add = (n: number, x: V128) => {
            for (const [r, value] of arriving.entries())
              f.set(totals[r][n], madd({ f, features: this.#call.features }, value, x, totals[r][n]));
          };
          starts.forEach((start, n) => {
            add(n, f.keep(masked(v128.load(i32.add(start, pixel)))));
          });
        });
        totals.forEach((ofFilter, r) => {
          ofFilter.forEach((total, n) => {
            f.store(at, total, address(r, n));
          });
        });
      });
    });
  }

  /** Adds gradients to the vectors at `sums`, [filters]. */
  addSums(sums: I32): void {
    const f = this.#f;
    this.#inTiles(SUMMED_FILTERS, (filters, filter, gradient) => {
      const at = f.keep(i32.add(sums, i32.mul(filter, i32.const(VECTOR))));
      const totals = Array.from({ length: filters }, (_, r) => f.variable("v128", v128.load(at, r * VECTOR)));
      this.#alongPixels(filters, gradient, (_pixel, arriving) => {
        arriving.forEach((value, r) => {
          f.set(totals[r], f32x4.add(totals[r], value));
        });
      });
      totals.forEach((total, r) => {
        f.store(at, total, r * VECTOR);
      });
    });
  }

  /** Runs `body` for all filters, so many at once, with the first one and the address of its gradients. */
  #inTiles(most: number, body: (filters: number, filter: I32, gradient: I32) => void): void {
    const f = this.#f;
    const { filters, gradientBytes } = this.#plan;
    const rest = filters % most;
    const part = (count: number, filter: I32) =>
      body(count, filter, f.keep(i32.add(this.#gradient, i32.mul(filter, i32.const(gradientBytes)))));
    f.loop(i32.const(0), i32.const(filters - rest), most, (filter) => part(most, filter));
    if (rest > 0) part(rest, i32.const(filters - rest));
  }

  /** Runs `body` for four pixels after the other, by their byte offset, with the gradients of several filters. */
  #alongPixels(
    filters: number,
    gradient: I32,
    body: (pixel: I32, arriving: readonly V128[], masked: (x: V128) => V128) => void,
  ): void {
    const f = this.#f;
    const { gradientBytes } = this.#plan;
    const step = (pixel: I32, masked: (x: V128) => V128) => {
      const at = f.keep(i32.add(gradient, pixel));
      const load = (_: unknown, r: number) => f.keep(masked(v128.load(at, r * gradientBytes)));
      body(pixel, Array.from({ length: filters }, load), masked);
    };
    f.loop(i32.const(0), this.#whole, VECTOR, (pixel) => step(pixel, (x) => x));
    f.if(this.#rest, () => step(this.#whole, (x) => v128.and(x, this.#mask)));
  }
}

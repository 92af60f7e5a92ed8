/**
 * The gradient of a convolution's weights: in each group and each part of the lines, products of the arriving gradient
 * [filters, pixels] and patches [products of a sum, pixels], summed over pixels. Lanes run along pixels; they are added
 * up at the end.
 */
import type { FunctionBuilder, Variable } from "../assembler/function.ts";
import { f32x4, type I32, i32, i32x4, type V128, v128 } from "../assembler/instructions.ts";
import { madd } from "../vectors/arithmetic.ts";
import { transpose4 } from "../vectors/transpose.ts";
import {
  type Axis,
  behind,
  layoutFor,
  PART_FLOPS,
  type PatchShape,
  packPatches,
  patchBytes,
  writeOffsets,
} from "./conv2dPatches.ts";
import type { Index, KernelCall, Phase, StoreHook } from "./kernel.ts";
import { atMost, inPart, inVectors, LANES } from "./loops.ts";
import { VECTOR } from "./product.ts";

/** Most bytes of the patches of a block, and of the sums of a part. */
const BLOCK_BYTES = 1 << 17;
/** Pixels of images that are worth a block each: blocks that go through images copy gradients, too. */
const ENOUGH_PIXELS = 16;
/** Filters whose gradients are added up at once. */
const SUMMED_FILTERS = 8;

/** What the parts of a weight's gradient share. */
interface Plan {
  /** Filters and products of a sum that are computed at once. With more than nine sums, some hosts leave the registers. */
  readonly tile: readonly [filters: number, products: number];
  readonly patches: PatchShape;
  /** Channels and filters of a group. */
  readonly channels: number;
  readonly filters: number;
  /** Bytes from one filter's gradient to the next. */
  readonly gradientBytes: number;
  /** Products of a part, filled up to whole tiles. */
  readonly products: number;
  /** Lines of results that are summed. */
  readonly share: number;
}

function planOf({ constants: c }: KernelCall, y: Axis, x: Axis): Plan {
  const channels = c.CHANNELS / c.GROUPS;
  const filters = c.FILTERS / c.GROUPS;
  const taps = y.taps * x.taps;
  const share = Math.ceil((c.BATCH * y.to) / c.SPLITS);
  const tile = filters === 1 ? ([1, 8] as const) : filters === 2 ? ([2, 4] as const) : ([3, 3] as const);
  const bySums = BLOCK_BYTES / (VECTOR * filters * taps);
  const byWork = PART_FLOPS / (2 * share * x.to * filters * taps);
  const wanted = Math.max(1, Math.min(channels, Math.floor(bySums), Math.round(byWork)));
  const block = Math.ceil(channels / Math.ceil(channels / wanted));
  const pixels = y.to * x.to;
  const layout = layoutFor(y, x, filters, pixels < ENOUGH_PIXELS ? 1 : 0);
  let patches: PatchShape;
  let lines = Math.min(share, layout === "apart" ? share : y.to);
  do patches = { y, x, channels: block, lines, layout };
  while (patchBytes(patches) > BLOCK_BYTES && --lines > 0);
  return {
    tile,
    patches,
    channels,
    filters,
    gradientBytes: layout === "apart" ? Math.ceil((patches.lines * x.to) / LANES + 1) * VECTOR : 4 * pixels,
    products: Math.ceil((block * taps) / tile[1]) * tile[1],
    share,
  };
}

export function weightsPhase(call: KernelCall, y: Axis, x: Axis): Phase {
  const { BATCH, GROUPS, FILTERS, SPLITS, SUMS } = call.constants;
  const { store, storeSum } = call.store;
  const plan = planOf(call, y, x);
  const { patches, channels, filters, gradientBytes, products, share } = plan;
  const taps = y.taps * x.taps;
  const blocks = Math.ceil(channels / patches.channels);
  const units = SPLITS * GROUPS * blocks;
  const each = Math.max(1, Math.floor(PART_FLOPS / (2 * share * x.to * filters * taps * patches.channels)));
  const isApart = patches.layout === "apart";
  const plane = 4 * y.from * x.from;
  const gradientPlane = 4 * y.to * x.to;
  const hasSums = SUMS > 0 && !storeSum.isEmpty;
  return {
    parts: Math.ceil(units / each),
    build(f, part) {
      const offsets = f.keep(call.threadScratch(4 * products));
      const packed = f.keep(call.threadScratch(patchBytes(patches)));
      const copied = f.keep(call.threadScratch(isApart ? filters * gradientBytes : 0));
      // Vectors whose lanes are still to be added up: [filters, products], then [filters].
      const sums = f.keep(call.threadScratch((filters * (products + 1) + LANES) * VECTOR));
      const biasSums = f.keep(i32.add(sums, i32.const(filters * products * VECTOR)));
      writeOffsets(f, patches, offsets);
      // The last tile's products past the last one are that one again.
      for (let n = patches.channels * taps; n < products; n++)
        f.store(offsets, i32.load(offsets, 4 * (n - 1)), 4 * n);
      inPart(f, part, each, units, (unit) => {
        const digit = (div: number, mod: number) =>
          f.keep(i32.rem_u(i32.div_u(unit, i32.const(div)), i32.const(mod)));
        const split = digit(GROUPS * blocks, SPLITS);
        const group = digit(blocks, GROUPS);
        // The last block begins earlier where channels are no multiple of a block's; it stores its own only.
        const wanted = f.keep(i32.mul(digit(1, blocks), i32.const(patches.channels)));
        const channel = atMost(f, wanted, channels - patches.channels);
        const first = f.variable("i32", i32.mul(split, i32.const(share)));
        const end = atMost(f, i32.add(first, i32.const(share)), BATCH * y.to);
        const start = (name: "a" | "b", planes: I32, bytes: number) =>
          f.keep(behind(i32.const(call.memory[name].address), planes, bytes));
        const source = start("a", behind(channel, group, channels), plane);
        const arriving = start("b", group, filters * gradientPlane);
        f.fillMemory(sums, i32.const(0), i32.const(filters * (products + 1) * VECTOR));
        f.block((exit) =>
          f.repeat((repeat) => {
            exit(i32.ge_s(first, end));
            const image = f.keep(i32.div_u(first, i32.const(y.to)));
            const line = f.keep(behind(first, image, -y.to));
            const left = f.keep(i32.sub(end, first));
            const most = isApart ? left : least(left, f.keep(i32.sub(i32.const(y.to), line)));
            const count = atMost(f, most, patches.lines);
            const patchesAt = packPatches(
              f,
              patches,
              source,
              GROUPS * channels * plane,
              first,
              count,
              packed,
            );
            const pixels = f.keep(i32.mul(count, i32.const(x.to)));
            const begin = f.keep(behind(arriving, image, FILTERS * gradientPlane));
            const skipped = f.keep(i32.mul(line, i32.const(4 * x.to)));
            if (isApart) copyGradient(f, plan, FILTERS * gradientPlane, begin, skipped, pixels, copied);
            const run = new Run(f, call, plan, isApart ? copied : f.keep(i32.add(begin, skipped)), pixels);
            if (!store.isEmpty) run.addProducts(patchesAt, offsets, sums);
            if (hasSums) f.if(i32.eqz(wanted), () => run.addSums(biasSums));
            f.set(first, i32.add(first, count));
            repeat();
          }),
        );
        const columns = channels * taps;
        const from = f.keep(i32.mul(wanted, i32.const(taps)));
        const to = f.keep(
          i32.mul(atMost(f, i32.add(wanted, i32.const(patches.channels)), channels), i32.const(taps)),
        );
        f.loop(i32.const(0), i32.const(filters), 1, (n) => {
          const index = [
            { value: split, stride: FILTERS * columns, size: SPLITS },
            { value: f.keep(behind(n, group, filters)), stride: columns, size: FILTERS },
          ];
          const row = f.keep(behind(behind(sums, n, products * VECTOR), channel, -taps * VECTOR));
          storeSums(f, store, index, columns, from, to, row);
        });
        if (!hasSums) return;
        f.if(i32.eqz(wanted), () => {
          const index = [{ value: split, stride: FILTERS, size: SPLITS }];
          const lane = f.keep(i32.mul(group, i32.const(filters)));
          const row = f.keep(behind(biasSums, lane, -VECTOR));
          storeSums(f, storeSum, index, FILTERS, lane, i32.add(lane, i32.const(filters)), row);
        });
      });
    },
  };
}

/** The smaller one of two locals. */
const least = (a: I32, b: I32) => i32.select(a, b, i32.lt_s(a, b));

/** Stores the sums of vectors as lanes from `from` up to `to` of a line, whose vectors lie side by side at `row`. */
function storeSums(
  f: FunctionBuilder,
  hook: StoreHook,
  index: Index,
  size: number,
  from: I32,
  to: I32,
  row: I32,
): void {
  const keep = hook.along(f, index, { stride: 1, size });
  inVectors(f, from, to, (i, count) => {
    const at = f.keep(behind(row, i, VECTOR));
    const lanes = transpose4(
      f,
      [0, 1, 2, 3].map((n) => v128.load(at, n * VECTOR)),
    );
    keep(
      i,
      lanes.reduce((a, b) => f32x4.add(a, b)),
      count,
    );
  });
}

/**
 * Copies the gradients of `pixels` pixels, from `skipped` bytes behind the beginning of an image on, through images: those
 * of each filter side by side.
 */
function copyGradient(
  f: FunctionBuilder,
  { patches: { y, x }, filters, gradientBytes }: Plan,
  imageBytes: number,
  image: I32,
  skipped: I32,
  pixels: I32,
  to: I32,
): void {
  const plane = 4 * y.to * x.to;
  f.loop(i32.const(0), i32.const(filters), 1, (filter) => {
    const at = f.variable("i32", behind(to, filter, gradientBytes));
    const stop = f.keep(behind(at, pixels, 4));
    const from = f.variable("i32", i32.add(behind(image, filter, plane), skipped));
    const left = f.variable("i32", i32.sub(i32.const(plane), skipped));
    f.repeat((repeat) => {
      const bytes = f.keep(least(left, f.keep(i32.sub(stop, at))));
      // In whole vectors: the next image's pixels come over what is too much.
      f.loop(i32.const(0), bytes, VECTOR, (n) => {
        f.store(i32.add(at, n), v128.load(i32.add(from, n)));
      });
      f.set(at, i32.add(at, bytes));
      f.set(from, i32.add(from, i32.add(left, i32.const(imageBytes - plane))));
      f.set(left, i32.const(plane));
      repeat(i32.lt_u(at, stop));
    });
  });
}

/** Pixels that lie side by side, of gradients and of patches. */
class Run {
  /** Bytes of pixels in whole vectors, and the number of pixels that are left: the lanes of the mask. */
  readonly #whole: I32;
  readonly #rest: I32;
  readonly #mask: V128;

  constructor(
    readonly f: FunctionBuilder,
    readonly call: KernelCall,
    readonly plan: Plan,
    readonly gradient: I32,
    pixels: I32,
  ) {
    this.#rest = f.keep(i32.and(pixels, i32.const(LANES - 1)));
    this.#whole = f.keep(i32.shl(i32.sub(pixels, this.#rest), i32.const(2)));
    this.#mask = f.keep(i32x4.gt_s(i32x4.splat(this.#rest), f.constant(i32x4.const(0, 1, 2, 3))));
  }

  /** Adds products to the vectors at `sums`, [filters, products]. */
  addProducts(patches: I32, offsets: I32, sums: I32): void {
    const { f, call, plan } = this;
    const [most, ofTile] = plan.tile;
    this.#inTiles(most, (filter, filters) => {
      const row = f.keep(behind(sums, filter, plan.products * VECTOR));
      f.loop(i32.const(0), i32.const(4 * plan.products), 4 * ofTile, (product) => {
        const list = f.keep(i32.add(offsets, product));
        const starts = Array.from({ length: ofTile }, (_, n) =>
          f.keep(i32.add(patches, i32.load(list, 4 * n))),
        );
        const addresses = Array.from({ length: filters }, (_, r) =>
          starts.map((_, n) => (r * plan.products + n) * VECTOR),
        );
        this.#alongPixels(filter, f.keep(behind(row, product, 4)), addresses, (totals, gradients, load) => {
          starts.forEach((start, n) => {
            const patch = load(start);
            gradients.forEach((gradient, r) => {
              f.set(totals[r][n], madd({ f, features: call.features }, gradient, patch, totals[r][n]));
            });
          });
        });
      });
    });
  }

  /** Adds gradients to the vectors at `sums`, [filters]. */
  addSums(sums: I32): void {
    const { f } = this;
    this.#inTiles(SUMMED_FILTERS, (filter, filters) => {
      const addresses = Array.from({ length: filters }, (_, r) => [r * VECTOR]);
      this.#alongPixels(filter, f.keep(behind(sums, filter, VECTOR)), addresses, (totals, gradients) => {
        gradients.forEach((gradient, r) => {
          f.set(totals[r][0], f32x4.add(totals[r][0], gradient));
        });
      });
    });
  }

  /** Runs `body` for all filters, at most so many at once, with the first one and their number. */
  #inTiles(most: number, body: (filter: I32, filters: number) => void): void {
    const { filters } = this.plan;
    const whole = filters - (filters % most);
    this.f.loop(i32.const(0), i32.const(whole), most, (filter) => body(filter, most));
    if (whole < filters) body(i32.const(whole), filters - whole);
  }

  /**
   * Adds to vectors at `at` + each of `addresses`, [filters, …]: `body` adds to them for four pixels after the other, given
   * the gradients of filters from `filter` on, and what loads from an address of the run's first pixel.
   */
  #alongPixels(
    filter: I32,
    at: I32,
    addresses: readonly (readonly number[])[],
    body: (totals: Totals, gradients: readonly V128[], load: (start: I32) => V128) => void,
  ): void {
    const { f, plan } = this;
    const totals = addresses.map((row) => row.map((address) => f.variable("v128", v128.load(at, address))));
    const start = f.keep(behind(this.gradient, filter, plan.gradientBytes));
    const step = (pixel: I32, masked: (x: V128) => V128) => {
      const load = (address: I32, offset = 0) => f.keep(masked(v128.load(i32.add(address, pixel), offset)));
      body(
        totals,
        totals.map((_, r) => load(start, r * plan.gradientBytes)),
        load,
      );
    };
    f.loop(i32.const(0), this.#whole, VECTOR, (pixel) => step(pixel, (x) => x));
    f.if(this.#rest, () => step(this.#whole, (x) => v128.and(x, this.#mask)));
    totals.flat().forEach((total, n) => {
      f.store(at, total, addresses.flat()[n]);
    });
  }
}

type Totals = readonly (readonly Variable<"v128">[])[];

/**
 * Convolutions that give images: in each group, the product of weights [rows, products of a sum] and patches [products of
 * a sum, pixels].
 */
import type { FunctionBuilder } from "../assembler/function.ts";
import { type I32, i32, v128 } from "../assembler/instructions.ts";
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
import type { KernelCall, Phase } from "./kernel.ts";
import { atMost, inPart, inVectors } from "./loops.ts";
import { columnsOf, multiplyTile, type Tile, VECTOR } from "./product.ts";
import { tileFor } from "./tiles.ts";

/** Most bytes of the patches of a block: they stay in a cache near the processor. */
const BLOCK_BYTES = 1 << 18;
/** Pixels of a block, and rows of a part, that make loading weights, and packing patches, worth while. */
const ENOUGH_PIXELS = 64;
const ENOUGH_ROWS = 64;

/** A convolution of images `a`, [BATCH, GROUPS · channels, y.from, x.from], to [BATCH, GROUPS · rows, y.to, x.to]. */
export interface ImageProduct {
  readonly y: Axis;
  readonly x: Axis;
  readonly channels: number;
  readonly rows: number;
  /** Address of the weights, [GROUPS · rows, channels · taps], and bytes from one row to the next. */
  readonly weights: number;
  readonly weightBytes: number;
}

/** Tiles of up to three rows, by their rows: with few of them, they have the more columns. */
const LOW_TILES: readonly Tile[] = [8, 4, 3].map((vectors, n) => ({ rows: n + 1, vectors }));

/** The tile that computes the fewest rows in vain. */
function tileOf(
  { features, constants: { BATCH } }: KernelCall,
  { y, x, channels, rows }: ImageProduct,
): Tile {
  if (rows <= LOW_TILES.length) return LOW_TILES[rows - 1];
  const products = BATCH * y.to * x.to * channels * y.taps * x.taps;
  const tile = tileFor(features, rows, rows * products);
  const low = LOW_TILES[LOW_TILES.length - 1];
  const computed = ({ rows: ofTile }: Tile) => Math.ceil(rows / ofTile) * ofTile;
  return computed(low) < computed(tile) ? low : tile;
}

/** How a product is cut into units: blocks of lines, groups, and blocks of rows. */
interface Plan {
  readonly tile: Tile;
  readonly patches: PatchShape;
  /** Products of a sum. */
  readonly depth: number;
  /** Blocks of lines of an image, or of all images where blocks go through them. */
  readonly bands: number;
  /** Rows of a unit, whole tiles, and units that share their patches. */
  readonly high: number;
  readonly rowBlocks: number;
  readonly units: number;
  /** Units of a part. */
  readonly each: number;
}

function planOf(call: KernelCall, product: ImageProduct): Plan {
  const { BATCH, GROUPS } = call.constants;
  const { y, x, channels, rows } = product;
  const tile = tileOf(call, product);
  const width = columnsOf(tile);
  const layout = layoutFor(y, x, rows, (Math.ceil((y.to * x.to) / width) * width) / (y.to * x.to) - 1);
  const depth = channels * y.taps * x.taps;
  const lineFlops = 2 * rows * depth * x.to;
  const all = layout === "apart" ? BATCH * y.to : y.to;
  const shapeOf = (lines: number): PatchShape => ({ y, x, channels, lines, layout });
  let lines = Math.min(all, Math.max(Math.round(PART_FLOPS / lineFlops), Math.ceil(ENOUGH_PIXELS / x.to)));
  while (lines > 1 && patchBytes(shapeOf(lines)) > BLOCK_BYTES) lines--;
  const bands = Math.ceil(all / lines);
  lines = Math.ceil(all / bands);
  const wanted = Math.max(ENOUGH_ROWS, PART_FLOPS / (2 * depth * x.to * lines));
  const high = Math.ceil(Math.ceil(rows / tile.rows) / Math.ceil(rows / wanted)) * tile.rows;
  const rowBlocks = Math.ceil(rows / high);
  return {
    tile,
    patches: shapeOf(lines),
    depth,
    bands,
    high,
    rowBlocks,
    units: (layout === "apart" ? bands : BATCH * bands) * GROUPS * rowBlocks,
    each: Math.max(1, Math.floor((PART_FLOPS * rowBlocks) / (lineFlops * lines))),
  };
}

export function imagesPhase(call: KernelCall, product: ImageProduct): Phase {
  const { BATCH, GROUPS } = call.constants;
  const { y, x, channels, rows, weightBytes } = product;
  const { tile, patches, depth, bands, high, rowBlocks, units, each } = planOf(call, product);
  const { lines, layout } = patches;
  const columns = columnsOf(tile);
  const pitch = Math.ceil((lines * x.to) / columns) * columns * 4;
  const plane = 4 * y.from * x.from;
  return {
    parts: Math.ceil(units / each),
    build(f, part) {
      const offsets = f.keep(call.threadScratch(4 * depth));
      const packed = f.keep(call.threadScratch(patchBytes(patches)));
      const results = f.keep(call.threadScratch(tile.rows * pitch));
      writeOffsets(f, patches, offsets);
      inPart(f, part, each, units, (unit) => {
        const digit = (div: number, mod: number) =>
          i32.rem_u(i32.div_u(unit, i32.const(div)), i32.const(mod));
        const block = f.keep(i32.div_u(unit, i32.const(GROUPS * rowBlocks)));
        const group = f.keep(digit(rowBlocks, GROUPS));
        const top = f.keep(i32.mul(digit(1, rowBlocks), i32.const(high)));
        const bottom = atMost(f, i32.add(top, i32.const(high)), rows);
        // Lines of results, counted over all images.
        const all = layout === "apart" ? BATCH * y.to : y.to;
        const image = layout === "apart" ? i32.const(0) : f.keep(i32.div_u(block, i32.const(bands)));
        const start = f.keep(i32.mul(behind(block, image, -bands), i32.const(lines)));
        const count = f.keep(i32.sub(atMost(f, i32.add(start, i32.const(lines)), all), start));
        const first = f.keep(behind(start, image, y.to));
        const source = f.keep(behind(i32.const(call.memory.a.address), group, channels * plane));
        const columnsAt = packPatches(f, patches, source, GROUPS * channels * plane, first, count, packed);
        const weights = f.keep(behind(i32.const(product.weights), group, rows * weightBytes));
        const bytes = f.keep(i32.mul(count, i32.const(4 * x.to)));
        f.loop(top, bottom, tile.rows, (wanted) => {
          // The last tile begins earlier where rows are no multiple of a tile's.
          const row = atMost(f, wanted, rows - tile.rows);
          const at = f.keep(behind(weights, row, weightBytes));
          const a = { at, row: weightBytes, step: 4 };
          f.loop(i32.const(0), bytes, 4 * columns, (pixel) => {
            const b = { at: f.keep(i32.add(columnsAt, pixel)), offsets };
            const to = f.keep(i32.add(results, pixel));
            multiplyTile(f, call.features, tile, depth, a, b).forEach((vectors, r) => {
              vectors.forEach((sum, v) => {
                f.store(to, sum, r * pitch + v * VECTOR);
              });
            });
          });
          f.loop(wanted, atMost(f, i32.add(wanted, i32.const(tile.rows)), rows), 1, (r) => {
            const values = f.keep(behind(results, i32.sub(r, row), pitch));
            const channel = f.keep(behind(r, group, rows));
            storeLines(f, call, product, channel, first, count, values);
          });
        });
      });
    },
  };
}

/** Stores a channel's results of `count` lines from `first` on, counted over all images; they lie at `values`. */
function storeLines(
  f: FunctionBuilder,
  { constants: { BATCH, GROUPS }, store }: KernelCall,
  { y, x, rows }: ImageProduct,
  channel: I32,
  first: I32,
  count: I32,
  values: I32,
): void {
  const channels = GROUPS * rows;
  const pixels = y.to * x.to;
  const image = f.variable("i32", i32.div_u(first, i32.const(y.to)));
  // The block's first pixel, and the one behind its last, counted from the image's first.
  const from = f.variable("i32", i32.mul(behind(first, image, -y.to), i32.const(x.to)));
  const to = f.variable("i32", behind(from, count, x.to));
  const at = f.variable("i32", behind(values, from, -4));
  f.repeat((repeat) => {
    const keep = store.store.along(
      f,
      [
        { value: image, stride: channels * pixels, size: BATCH },
        { value: channel, stride: pixels, size: channels },
      ],
      { stride: 1, size: pixels },
    );
    const stop = atMost(f, to, pixels);
    inVectors(f, from, stop, (i, left) => keep(i, v128.load(behind(at, i, 4)), left));
    f.set(image, i32.add(image, i32.const(1)));
    f.set(from, i32.const(0));
    f.set(to, i32.sub(to, i32.const(pixels)));
    f.set(at, i32.add(at, i32.const(4 * pixels)));
    repeat(i32.gt_s(to, i32.const(0)));
  });
}

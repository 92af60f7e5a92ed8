/**
 * Convolutions that give images: in each group, the product of weights [rows, products of a sum] and patches [products of
 * a sum, pixels].
 */
import type { FunctionBuilder } from "../assembler/function.ts";
import { type I32, i32, v128 } from "../assembler/instructions.ts";
import {
  type Axis,
  type PatchShape,
  packingCost,
  packPatches,
  patchBytes,
  writeOffsets,
} from "./conv2dPatches.ts";
import type { KernelCall, Phase } from "./kernel.ts";
import { atMost, inPart, inVectors } from "./loops.ts";
import { columnsOf, multiplyTile, type Tile, VECTOR } from "./product.ts";
import { tileFor } from "./tiles.ts";

/** Multiplications and additions of a part, about. */
const PART_FLOPS = 1_500_000;
/** Most bytes of the patches of a block: they stay in a cache near the processor. */
const BLOCK_BYTES = 1 << 18;

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

/** The cheapest layout of the patches, by estimated cycles for one image. */
function layoutFor({ y, x, channels, rows }: ImageProduct, tile: Tile): PatchShape["layout"] {
  const pixels = y.to * x.to;
  const columns = columnsOf(tile);
  const steps = channels * y.taps * x.taps * Math.ceil(rows / tile.rows) * ((tile.rows * tile.vectors) / 2);
  const costs = {
    apart: channels * packingCost(y, x, "apart") + (steps * pixels) / columns,
    shared: channels * packingCost(y, x, "shared") + steps * Math.ceil(pixels / columns),
    inPlace: steps * Math.ceil(pixels / columns),
  };
  const isWhole = ({ from, to, stride, taps, first }: Axis) =>
    from === to && stride === 1 && taps === 1 && first === 0;
  const possible: PatchShape["layout"][] = ["apart"];
  if (y.stride === 1) possible.push("shared");
  // Tiles of few rows read further past the end of an image than memory reaches.
  if (isWhole(y) && isWhole(x) && tile.rows > 1) possible.push("inPlace");
  return possible.reduce((best, layout) => (costs[layout] < costs[best] ? layout : best));
}

export function imagesPhase(call: KernelCall, product: ImageProduct): Phase {
  const { BATCH, GROUPS } = call.constants;
  const { y, x, channels, rows } = product;
  const tile = tileOf(call, product);
  const layout = layoutFor(product, tile);
  const depth = channels * y.taps * x.taps;
  const lineFlops = 2 * rows * depth * x.to;
  // Lines of a block: of all images where a block goes through them, else of one.
  const all = layout === "apart" ? BATCH * y.to : y.to;
  const most = (lines: number) => patchBytes({ y, x, channels, lines, layout }) <= BLOCK_BYTES;
  let lines = Math.max(1, Math.min(all, Math.round(PART_FLOPS / lineFlops)));
  while (lines > 1 && !most(lines)) lines--;
  const bands = Math.ceil(all / lines);
  lines = Math.ceil(all / bands);
  const shape: PatchShape = { y, x, channels, lines, layout };
  const blocks = layout === "apart" ? bands : BATCH * bands;
  const units = blocks * GROUPS;
  const each = Math.max(1, Math.floor(PART_FLOPS / (lineFlops * lines)));
  const columns = columnsOf(tile);
  const pitch = Math.ceil((lines * x.to) / columns) * columns * 4;
  const imageBytes = 4 * GROUPS * channels * y.from * x.from;
  return {
    parts: Math.ceil(units / each),
    build(f, part) {
      const offsets = f.keep(call.threadScratch(4 * depth));
      const patches = f.keep(call.threadScratch(patchBytes(shape)));
      const results = f.keep(call.threadScratch(tile.rows * pitch));
      writeOffsets(f, shape, offsets);
      inPart(f, part, each, units, (unit) => {
        const block = f.keep(i32.div_u(unit, i32.const(GROUPS)));
        const group = f.keep(i32.rem_u(unit, i32.const(GROUPS)));
        const first = f.variable("i32", i32.mul(block, i32.const(lines)));
        const end = f.variable("i32");
        if (layout === "apart") f.set(end, atMost(f, i32.add(first, i32.const(lines)), all));
        else {
          const image = f.keep(i32.div_u(block, i32.const(bands)));
          const band = i32.sub(block, i32.mul(image, i32.const(bands)));
          const start = f.keep(i32.mul(band, i32.const(lines)));
          const top = i32.mul(image, i32.const(y.to));
          f.set(first, i32.add(top, start));
          f.set(end, i32.add(top, atMost(f, i32.add(start, i32.const(lines)), y.to)));
        }
        const source = f.keep(
          i32.add(
            i32.const(call.memory.a.address),
            i32.mul(group, i32.const(4 * channels * y.from * x.from)),
          ),
        );
        const count = f.keep(i32.sub(end, first));
        let columnsAt = patches;
        if (layout === "inPlace") {
          const image = f.keep(i32.div_u(first, i32.const(y.to)));
          const line = i32.sub(first, i32.mul(image, i32.const(y.to)));
          const ofImage = i32.add(source, i32.mul(image, i32.const(imageBytes)));
          columnsAt = f.keep(i32.add(ofImage, i32.mul(line, i32.const(4 * x.from))));
        } else packPatches(f, shape, source, imageBytes, first, count, patches);
        const weights = f.keep(
          i32.add(i32.const(product.weights), i32.mul(group, i32.const(rows * product.weightBytes))),
        );
        const bytes = f.keep(i32.mul(count, i32.const(4 * x.to)));
        f.loop(i32.const(0), i32.const(rows), tile.rows, (wanted) => {
          // The last tile begins earlier where rows are no multiple of a tile's.
          const row = atMost(f, wanted, rows - tile.rows);
          const a = {
            at: f.keep(i32.add(weights, i32.mul(row, i32.const(product.weightBytes)))),
            row: product.weightBytes,
            step: 4,
          };
          f.loop(i32.const(0), bytes, 4 * columns, (pixel) => {
            const b = { at: f.keep(i32.add(columnsAt, pixel)), offsets };
            const at = f.keep(i32.add(results, pixel));
            multiplyTile(f, call.features, tile, depth, a, b).forEach((vectors, r) => {
              vectors.forEach((sum, v) => {
                f.store(at, sum, r * pitch + v * VECTOR);
              });
            });
          });
          const last = atMost(f, i32.add(wanted, i32.const(tile.rows)), rows);
          f.loop(wanted, last, 1, (r) => {
            const values = f.keep(i32.add(results, i32.mul(i32.sub(r, row), i32.const(pitch))));
            const channel = f.keep(i32.add(i32.mul(group, i32.const(rows)), r));
            storeLines(f, call, product, GROUPS * rows, channel, first, end, values);
          });
        });
      });
    },
  };
}

/** Stores a channel's results of lines from `first` up to `end`, counted over all images; they lie at `values`. */
function storeLines(
  f: FunctionBuilder,
  { constants: { BATCH }, store }: KernelCall,
  { y, x }: ImageProduct,
  channels: number,
  channel: I32,
  first: I32,
  end: I32,
  values: I32,
): void {
  const pixels = y.to * x.to;
  const image = f.variable("i32", i32.div_u(first, i32.const(y.to)));
  // The block's first and last pixel, counted from the image's first.
  const from = f.variable("i32", i32.mul(i32.sub(first, i32.mul(image, i32.const(y.to))), i32.const(x.to)));
  const to = f.variable("i32", i32.add(from, i32.mul(i32.sub(end, first), i32.const(x.to))));
  const at = f.variable("i32", i32.sub(values, i32.shl(from, i32.const(2))));
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
    inVectors(f, from, stop, (i, count) => keep(i, v128.load(i32.add(at, i32.shl(i, i32.const(2)))), count));
    f.set(image, i32.add(image, i32.const(1)));
    f.set(from, i32.const(0));
    f.set(to, i32.sub(to, i32.const(pixels)));
    f.set(at, i32.add(at, i32.const(4 * pixels)));
    repeat(i32.gt_s(to, i32.const(0)));
  });
}

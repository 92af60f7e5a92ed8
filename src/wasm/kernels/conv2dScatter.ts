/**
 * The gradient of a convolution's input where windows lie several pixels apart: the product of weights [channels · taps,
 * filters] and the arriving gradient [filters, pixels], whose rows are then added to the pixels that the taps read.
 */
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32, type I32, i32, v128 } from "../assembler/instructions.ts";
import { type Axis, behind, PART_FLOPS, readersOf } from "./conv2dPatches.ts";
import type { KernelCall, Phase } from "./kernel.ts";
import { atMost, inPart, inVectors, LANES } from "./loops.ts";
import { blockBytes, columnsOf, multiplyBlock, VECTOR } from "./product.ts";

/** Most bytes of a block of the product. */
const BLOCK_BYTES = 1 << 17;

export function scatterPhase(call: KernelCall, y: Axis, x: Axis): Phase {
  const { BATCH, GROUPS, CHANNELS, FILTERS } = call.constants;
  const channels = CHANNELS / GROUPS;
  const filters = FILTERS / GROUPS;
  const taps = y.taps * x.taps;
  const rows = channels * taps;
  const tile = { rows: Math.min(rows, 4), vectors: 2 };
  const pixels = y.to * x.to;
  const panels = Math.ceil(pixels / columnsOf(tile));
  const pitch = panels * tile.vectors * VECTOR;
  const plane = 4 * y.from * x.from;
  // Channels of a block, in fours: their taps fill tiles.
  const most = Math.min(BLOCK_BYTES / (pitch * taps), PART_FLOPS / (2 * pixels * filters * taps));
  const block = Math.min(channels, Math.max(1, Math.round(most / LANES)) * LANES);
  const blocks = Math.ceil(channels / block);
  const units = BATCH * GROUPS * blocks;
  const each = Math.max(1, Math.floor(PART_FLOPS / (2 * pixels * filters * taps * block)));
  return {
    parts: Math.ceil(units / each),
    build(f, part) {
      const product = f.keep(call.threadScratch(blockBytes(tile, block * taps, panels)));
      const image = f.keep(call.threadScratch(plane + VECTOR));
      inPart(f, part, each, units, (unit) => {
        const sample = f.keep(i32.div_u(unit, i32.const(GROUPS * blocks)));
        const group = f.keep(i32.rem_u(i32.div_u(unit, i32.const(blocks)), i32.const(GROUPS)));
        const first = f.keep(i32.mul(i32.rem_u(unit, i32.const(blocks)), i32.const(block)));
        const end = atMost(f, i32.add(first, i32.const(block)), channels);
        const planes = behind(i32.mul(sample, i32.const(FILTERS)), group, filters);
        const a = f.keep(behind(i32.const(call.memory.a.address), planes, 4 * pixels));
        const weights = behind(i32.const(call.memory.b.address), group, 4 * filters * rows);
        const addressOf = multiplyBlock(f, call.features, {
          tile,
          depth: filters,
          a: { at: f.keep(weights), row: 4, step: 4 * rows },
          allRows: rows,
          from: f.keep(i32.mul(first, i32.const(taps))),
          to: f.keep(i32.mul(end, i32.const(taps))),
          b: (panel) => ({
            at: behind(a, panel, tile.vectors * VECTOR),
            step: 4 * pixels,
          }),
          panels: i32.const(panels),
          c: product,
          pitch,
        });
        f.loop(first, end, 1, (channel) => {
          f.fillMemory(image, i32.const(0), i32.const(plane));
          const values = f.keep(addressOf(i32.mul(channel, i32.const(taps))));
          addTaps(f, y, x, values, pitch, image);
          const lanes = { stride: 1, size: y.from * x.from };
          const index = [
            { value: sample, stride: CHANNELS * lanes.size, size: BATCH },
            {
              value: f.keep(behind(channel, group, channels)),
              stride: lanes.size,
              size: CHANNELS,
            },
          ];
          const keep = call.store.store.along(f, index, lanes);
          inVectors(f, i32.const(0), i32.const(lanes.size), (i, count) =>
            keep(i, v128.load(behind(image, i, 4)), count),
          );
        });
      });
    },
  };
}

/** Adds products of one channel, [taps, pixels], to the pixels of an image that the taps read. */
function addTaps(f: FunctionBuilder, y: Axis, x: Axis, values: I32, pitch: number, image: I32): void {
  f.loop(i32.const(0), i32.const(y.taps), 1, (ky) => {
    const top = f.keep(behind(i32.const(y.first), ky, y.step));
    const products = f.keep(behind(values, ky, x.taps * pitch));
    f.loop(i32.const(0), i32.const(y.to), 1, (line) => {
      const read = f.keep(behind(top, line, y.stride));
      f.if(i32.lt_u(read, i32.const(y.from)), () => {
        const from = f.keep(behind(products, line, 4 * x.to));
        const to = f.keep(behind(image, read, 4 * x.from));
        for (let kx = 0; kx < x.taps; kx++) {
          const { pixel, begin, end } = readersOf(x, kx);
          f.loop(i32.const(begin), i32.const(end), 1, (i) => {
            const at = f.keep(behind(to, behind(i32.const(pixel), i, x.stride), 4));
            f.store(at, f32.add(f32.load(at), f32.load(behind(from, i, 4), kx * pitch)));
          });
        }
      });
    });
  });
}

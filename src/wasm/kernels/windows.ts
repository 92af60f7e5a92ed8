/** Windows of images, four of a row at once. */
import type { Constants } from "../../kernels/kernel.ts";
import type { FunctionBuilder } from "../assembler/function.ts";
import { type I32, i8x16, i32, i32x4, type V128 } from "../assembler/instructions.ts";
import { bytesOf } from "../vectors/lanes.ts";
import type { LoadHook } from "./kernel.ts";
import { LANES } from "./loops.ts";

/** Every second one of eight numbers, and the others. */
const EVEN = bytesOf(0, 2, 4, 6);
const ODD = bytesOf(1, 3, 5, 7);
/** Windows of more pixels are looped over, row by row, rather than written out. */
const WRITTEN_OUT = 16;

/** A pixel of four windows, at the same place in each. */
export interface Pixel {
  /** Row of the window, and column. */
  readonly ky: I32;
  readonly kx: number;
  /** Values of hooks there, of no meaning outside of the image. */
  readonly values: readonly V128[];
  /** Lanes whose pixel lies in the image; undefined where all do. */
  readonly inside?: V128;
}

export type VisitWindows = (i: I32, count: number, visit: (pixel: Pixel) => void) => void;

/** Whether windows reach out of the image. */
function reachesOut({ H, W, OUT_H, OUT_W, KERNEL_H, KERNEL_W, STRIDE_H, STRIDE_W, PAD_H, PAD_W }: Constants) {
  const last = (out: number, stride: number, kernel: number, pad: number) =>
    (out - 1) * stride + kernel - pad;
  return {
    rows: PAD_H > 0 || last(OUT_H, STRIDE_H, KERNEL_H, PAD_H) > H,
    columns: PAD_W > 0 || last(OUT_W, STRIDE_W, KERNEL_W, PAD_W) > W,
  };
}

/**
 * Prepares visits to the windows of a row of results: of four from `i` on, or the first `count`, pixel by pixel, in
 * order. What is visited is the code of a loop where windows are large or reach out of the image.
 */
export function windowsOf(
  f: FunctionBuilder,
  c: Constants,
  hooks: readonly LoadHook[],
  image: I32,
  oy: I32,
): VisitWindows {
  const { H, W, OUT_W, KERNEL_H, KERNEL_W, STRIDE_H, PAD_H, PAD_W } = c;
  const stride = OUT_W === 1 ? 1 : c.STRIDE_W;
  const out = reachesOut(c);
  // Of every second pixel, those between are loaded, too, and one behind the last.
  const isWithin = !out.columns && stride !== 2;
  const top = f.keep(i32.sub(i32.mul(oy, i32.const(STRIDE_H)), i32.const(PAD_H)));
  const rowOf = (ky: I32) => {
    const y = f.keep(i32.add(top, ky));
    return hooks.map((hook) => columnsOf(f, c, stride, hook, image, y));
  };
  const insideOf = (i: I32, kx: number): V128 | undefined => {
    const first = kx - PAD_W;
    if (first >= 0 && first + (OUT_W - 1) * stride < W) return undefined;
    const offsets = Array.from({ length: LANES }, (_, n) => first + n * stride);
    const lanes = f.constant(i32x4.const(offsets[0], offsets[1], offsets[2], offsets[3]));
    const x = i32x4.add(i32x4.splat(i32.mul(i, i32.const(stride))), lanes);
    return f.keep(i32x4.lt_u(x, f.constant(i32x4.const(W))));
  };
  const visitRow = (
    columns: readonly Columns[],
    ky: I32,
    i: I32,
    count: number,
    visit: (pixel: Pixel) => void,
  ) => {
    const own = columns.map((column) => column(i, count === LANES && isWithin));
    for (let kx = 0; kx < KERNEL_W; kx++)
      visit({ ky, kx, values: own.map((value) => f.keep(value(kx))), inside: insideOf(i, kx) });
  };
  if (!out.rows && KERNEL_H * KERNEL_W <= WRITTEN_OUT) {
    const rows = Array.from({ length: KERNEL_H }, (_, ky) => rowOf(i32.const(ky)));
    return (i, count, visit) => {
      for (const [ky, columns] of rows.entries()) visitRow(columns, i32.const(ky), i, count, visit);
    };
  }
  return (i, count, visit) => {
    f.loop(i32.const(0), i32.const(KERNEL_H), 1, (ky) => {
      const row = () => visitRow(rowOf(ky), ky, i, count, visit);
      if (out.rows) f.if(i32.lt_u(i32.add(top, ky), i32.const(H)), row);
      else row();
    });
  };
}

/** Values at a column of windows from `i` on: loads are shared by columns. */
type Columns = (i: I32, whole: boolean) => (kx: number) => V128;

function columnsOf(
  f: FunctionBuilder,
  { IMAGES, H, W, PAD_W }: Constants,
  stride: number,
  hook: LoadHook,
  image: I32,
  y: I32,
): Columns {
  const index = [
    { value: image, stride: H * W, size: IMAGES },
    { value: y, stride: W, size: H },
  ];
  if (stride <= 2) {
    const load = hook.along(f, index, { stride: 1, size: W });
    return (i, whole) => {
      const first = f.keep(i32.mul(i, i32.const(stride)));
      const at = (x: number) => load(i32.add(first, i32.const(x)), whole);
      if (stride === 1) return (kx) => at(kx - PAD_W);
      const pairs = new Map<number, readonly [V128, V128]>();
      return (kx) => {
        const odd = (kx + PAD_W) % 2;
        const x = kx - PAD_W - odd;
        const pair = pairs.get(x) ?? ([f.keep(at(x)), f.keep(at(x + LANES))] as const);
        pairs.set(x, pair);
        return i8x16.shuffle(...pair, odd === 1 ? ODD : EVEN);
      };
    };
  }
  const lanes = { stride, size: Math.ceil(W / stride) };
  const loads = Array.from({ length: stride }, (_, x) =>
    hook.along(f, [...index, { value: i32.const(x), stride: 1, size: stride }], lanes),
  );
  return (i, whole) => (kx) => {
    const window = Math.floor((kx - PAD_W) / stride);
    return loads[kx - PAD_W - window * stride](i32.add(i, i32.const(window)), whole);
  };
}

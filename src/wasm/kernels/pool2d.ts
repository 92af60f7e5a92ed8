/**
 * Pooling, as `src/kernels/pool2d.ts` says. Lanes run along the windows of a row of results. What goes back to images is
 * added up in the thread's own memory.
 */
import type { Constants } from "../../kernels/kernel.ts";
import type { FunctionBuilder, Variable } from "../assembler/function.ts";
import { f32, f32x4, type I32, i8x16, i32, i32x4, type V128, v128 } from "../assembler/instructions.ts";
import { bytesOf, firstLanes, larger } from "../vectors/lanes.ts";
import type { Index, KernelCall, Phase, WasmKernel } from "./kernel.ts";
import { inPart, LANES, overLanes } from "./loops.ts";
import { type Pixel, windowsOf } from "./windows.ts";

/** Pixels of a part. */
const PART = 1 << 15;
/** Numbers of two vectors. */
const PAIR = 2 * LANES;
/** Two vectors' numbers in turn: the first four of eight, and the others. */
const FIRST = bytesOf(0, 4, 1, 5);
const LAST = bytesOf(2, 6, 3, 7);

type Numbers = (f: FunctionBuilder, x: number) => V128;
const number: Numbers = (f, x) => f.constant(f32x4.const(x));

/** Parts of rows of results, of some pixels each. */
function inRows(
  { IMAGES }: Constants,
  rows: number,
  pixels: number,
  body: (f: FunctionBuilder, image: I32, row: I32) => void,
): Phase[] {
  const all = IMAGES * rows;
  const parts = Math.ceil((all * pixels) / PART);
  const each = Math.ceil(all / parts);
  return [
    {
      parts: Math.ceil(all / each),
      build: (f, part) =>
        inPart(f, part, each, all, (n) => {
          const image = f.keep(i32.div_u(n, i32.const(rows)));
          body(f, image, f.keep(i32.sub(n, i32.mul(image, i32.const(rows)))));
        }),
    },
  ];
}

/** A row of an image, or of results. */
function rowOf({ IMAGES }: Constants, image: I32, y: I32, height: number, width: number): Index {
  return [
    { value: image, stride: height * width, size: IMAGES },
    { value: y, stride: width, size: height },
  ];
}

const resultRow = (c: Constants, image: I32, oy: I32) => rowOf(c, image, oy, c.OUT_H, c.OUT_W);

/** Results that are computed of windows each. */
function ofWindows(
  call: KernelCall,
  hooks: readonly string[],
  compute: (f: FunctionBuilder, visit: (each: (pixel: Pixel) => void) => void) => V128,
): Phase[] {
  const { constants: c, load, store } = call;
  return inRows(c, c.OUT_H, c.OUT_W * c.KERNEL_H * c.KERNEL_W, (f, image, oy) => {
    const windows = windowsOf(
      f,
      c,
      hooks.map((name) => load[name]),
      image,
      oy,
    );
    const keep = store.store.along(f, resultRow(c, image, oy), { stride: 1, size: c.OUT_W });
    overLanes(f, i32.const(0), c.OUT_W, 1, (i, count) =>
      keep(
        i,
        compute(f, (each) => windows(f.keep(i), count, each)),
        count,
      ),
    );
  });
}

/** The largest of windows, NaN above all, and what belongs to the first of it, or to the last NaN. */
class WindowMaximum {
  readonly #largest: Variable<"v128">;
  readonly #none: Variable<"v128">;
  /** Of the maximum. */
  readonly picked: Variable<"v128">;

  constructor(readonly f: FunctionBuilder) {
    const zero = number(f, 0);
    this.#largest = f.variable("v128", zero);
    this.picked = f.variable("v128", zero);
    this.#none = f.variable("v128", f.constant(i32x4.const(-1)));
  }

  /** All are locals. */
  take(values: V128, picked: V128, inside?: V128): void {
    const { f } = this;
    const isAbove = v128.or(f32x4.gt(values, this.#largest), f32x4.ne(values, values));
    const isFirst = v128.or(isAbove, this.#none);
    const taken = f.keep(inside ? v128.and(isFirst, inside) : isFirst);
    f.set(this.#largest, v128.bitselect(values, this.#largest, taken));
    f.set(this.picked, v128.bitselect(picked, this.picked, taken));
    f.set(this.#none, v128.andnot(this.#none, taken));
  }
}

export const maxSelect: WasmKernel = (call) => {
  if (call.constants.SAME === 1) {
    return ofWindows(call, ["element"], (f, visit) => {
      const lowest = number(f, Number.NEGATIVE_INFINITY);
      const largest = f.variable("v128", lowest);
      visit(({ values: [value], inside }) => {
        const own = inside ? f.keep(v128.bitselect(value, lowest, inside)) : value;
        f.set(largest, larger(largest, own));
      });
      return largest;
    });
  }
  return ofWindows(call, ["element", "picked"], (f, visit) => {
    const maximum = new WindowMaximum(f);
    visit(({ values: [value, picked], inside }) => maximum.take(value, picked, inside));
    return maximum.picked;
  });
};

export const average: WasmKernel = (call) =>
  ofWindows(call, ["element"], (f, visit) => {
    const { KERNEL_H, KERNEL_W } = call.constants;
    const sum = f.variable("v128", number(f, 0));
    visit(({ values: [value], inside }) => {
      f.set(sum, f32x4.add(sum, inside ? v128.and(value, inside) : value));
    });
    return f32x4.div(sum, number(f, KERNEL_H * KERNEL_W));
  });

/** An image with its padding, in the thread's own memory: what windows give is added up in it. */
interface Sums {
  /** Of a row, whole pairs of vectors. */
  readonly width: number;
  /** Address of a position. */
  at(position: I32): I32;
  /** Adds lanes at their positions, one after the other. */
  add(positionOf: (lane: number) => I32, values: V128, count: number): void;
}

/** Images of sums. `ofRow` prepares a row of windows. */
function ofImages(
  call: KernelCall,
  ofRow: (f: FunctionBuilder, sums: Sums, image: I32, oy: I32) => (i: I32, count: number) => void,
): Phase[] {
  const { constants: c, store } = call;
  const { H, W, OUT_H, OUT_W, PAD_H, PAD_W } = c;
  const height = Math.max((OUT_H - 1) * c.STRIDE_H + c.KERNEL_H, H + PAD_H);
  const columns = Math.max((OUT_W - 1) * c.STRIDE_W + c.KERNEL_W, W + PAD_W);
  const width = Math.ceil(columns / PAIR) * PAIR;
  const bytes = 4 * height * width;
  const start = call.threadScratch(bytes);
  const at = (position: I32) => i32.add(start, i32.shl(position, i32.const(2)));
  return inRows(c, 1, H * W, (f, image) => {
    const add: Sums["add"] = (positionOf, values, count) => {
      for (let lane = 0; lane < count; lane++) {
        const address = f.keep(at(positionOf(lane)));
        f.store(address, f32.add(f32.load(address), f32x4.extract_lane(values, lane)));
      }
    };
    f.fillMemory(start, i32.const(0), i32.const(bytes));
    f.loop(i32.const(0), i32.const(OUT_H), 1, (oy) => {
      const windows = ofRow(f, { width, at, add }, image, oy);
      overLanes(f, i32.const(0), OUT_W, 1, (i, count) => windows(f.keep(i), count));
    });
    f.loop(i32.const(0), i32.const(H), 1, (y) => {
      const row = i32.mul(i32.add(y, i32.const(PAD_H)), i32.const(width));
      const from = f.keep(at(i32.add(row, i32.const(PAD_W))));
      const keep = store.store.along(f, rowOf(c, image, y, H, W), { stride: 1, size: W });
      overLanes(f, i32.const(0), W, 1, (i, count) =>
        keep(i, v128.load(i32.add(from, i32.shl(i, i32.const(2)))), count),
      );
    });
  });
}

export const maxScatter: WasmKernel = (call) => {
  const { constants: c, load } = call;
  const { KERNEL_H, KERNEL_W, STRIDE_H, STRIDE_W, PAD_H, PAD_W } = c;
  // Windows of two columns, side by side: their pixels are stored as they lie.
  const isTiled = KERNEL_W === 2 && STRIDE_W === 2 && KERNEL_H <= STRIDE_H && PAD_H + PAD_W === 0;
  return ofImages(call, (f, { width, at, add }, image, oy) => {
    const windows = windowsOf(f, c, [load.element], image, oy);
    const gradients = load.picked.along(f, resultRow(c, image, oy), { stride: 1, size: c.OUT_W });
    const top = f.keep(i32.mul(oy, i32.const(STRIDE_H * width)));
    return (i, count) => {
      const maximum = new WindowMaximum(f);
      windows(i, count, ({ ky, kx, values: [value], inside }) => {
        const place = i32.add(i32.mul(ky, i32.const(width)), i32.const(kx));
        maximum.take(value, f.keep(i32x4.splat(place)), inside);
      });
      const left = f.keep(i32.add(top, i32.mul(i, i32.const(STRIDE_W))));
      const all = gradients(i, count === LANES);
      const gradient = f.keep(count < LANES ? v128.and(all, f.constant(firstLanes(count))) : all);
      const placeOf = (lane: number) => i32x4.extract_lane(maximum.picked, lane);
      if (!isTiled) {
        add((lane) => i32.add(i32.add(left, placeOf(lane)), i32.const(lane * STRIDE_W)), gradient, count);
        return;
      }
      for (let ky = 0; ky < KERNEL_H; ky++) {
        const address = f.keep(at(i32.add(left, i32.const(ky * width))));
        const [even, odd] = [0, 1].map((kx) => {
          const place = f.constant(i32x4.const(ky * width + kx));
          return f.keep(v128.and(gradient, i32x4.eq(place, maximum.picked)));
        });
        f.store(address, i8x16.shuffle(even, odd, FIRST));
        f.store(address, i8x16.shuffle(even, odd, LAST), 4 * LANES);
      }
    };
  });
};

export const averageScatter: WasmKernel = (call) => {
  const { constants: c, load } = call;
  return ofImages(call, (f, { width, add }, image, oy) => {
    const elements = load.element.along(f, resultRow(c, image, oy), { stride: 1, size: c.OUT_W });
    return (i, count) => {
      const mean = f32x4.div(elements(i, count === LANES), number(f, c.KERNEL_H * c.KERNEL_W));
      const part = f.keep(mean);
      f.loop(i32.const(0), i32.const(c.KERNEL_H), 1, (ky) => {
        const y = i32.add(i32.mul(oy, i32.const(c.STRIDE_H)), ky);
        const left = f.keep(i32.add(i32.mul(y, i32.const(width)), i32.mul(i, i32.const(c.STRIDE_W))));
        for (let kx = 0; kx < c.KERNEL_W; kx++)
          add((lane) => i32.add(left, i32.const(kx + lane * c.STRIDE_W)), part, count);
      });
    };
  });
};

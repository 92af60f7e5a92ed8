import type { Store } from "../hooks.ts";
import type { Constants } from "../kernel.ts";
import { inputs, outputs } from "../pool2d.ts";
import { exceeds } from "../scalar.ts";
import { loaded, pauses, stored, type TwinCall } from "./twin.ts";

export function* maxSelect({ constants: c, load, store }: TwinCall) {
  const elements = yield* loaded(load.element, inputs(c));
  const picked = yield* loaded(load.picked, inputs(c));
  yield* each(c, store.store, (output) => picked[firstMaximum(c, output, elements)]);
}

export function* maxScatter({ constants: c, load, store }: TwinCall) {
  const elements = yield* loaded(load.element, inputs(c));
  const picked = yield* loaded(load.picked, outputs(c));
  yield* scatter(c, store.store, (output, sums) => {
    sums[firstMaximum(c, output, elements)] += picked[output];
  });
}

export function* average({ constants: c, load, store }: TwinCall) {
  const elements = yield* loaded(load.element, inputs(c));
  yield* each(c, store.store, (output) => {
    let total = 0;
    forEachInWindow(c, output, (input) => {
      total += elements[input];
    });
    return total / (c.KERNEL_H * c.KERNEL_W);
  });
}

export function* averageScatter({ constants: c, load, store }: TwinCall) {
  const elements = yield* loaded(load.element, outputs(c));
  yield* scatter(c, store.store, (output, sums) => {
    const part = elements[output] / (c.KERNEL_H * c.KERNEL_W);
    forEachInWindow(c, output, (input) => {
      sums[input] += part;
    });
  });
}

/** Calls `visit` with the position of every input pixel in the window of one output, in order. */
function forEachInWindow(c: Constants, output: number, visit: (input: number) => void): void {
  const image = Math.floor(output / (c.OUT_H * c.OUT_W));
  const top = (Math.floor(output / c.OUT_W) % c.OUT_H) * c.STRIDE_H - c.PAD_H;
  const left = (output % c.OUT_W) * c.STRIDE_W - c.PAD_W;
  for (let y = Math.max(0, top); y < Math.min(c.H, top + c.KERNEL_H); y++) {
    for (let x = Math.max(0, left); x < Math.min(c.W, left + c.KERNEL_W); x++)
      visit((image * c.H + y) * c.W + x);
  }
}

/** As the shader: NaN is the largest, and the last one is chosen, as in PyTorch. */
function firstMaximum(c: Constants, output: number, elements: Float32Array): number {
  let best = 0;
  let position = -1;
  forEachInWindow(c, output, (input) => {
    const value = elements[input];
    if (position < 0 || Number.isNaN(value) || exceeds(value, best)) {
      best = value;
      position = input;
    }
  });
  return position;
}

/** Stores what each output comes to. */
function* each(c: Constants, store: Store, compute: (output: number) => number): Iterable<void> {
  const values = new Float32Array(outputs(c));
  yield* forEachOutput(c, (output) => {
    values[output] = compute(output);
  });
  yield* stored(store, values);
}

/** Adds up in f64 what each output gives to inputs, and stores it. */
function* scatter(
  c: Constants,
  store: Store,
  give: (output: number, sums: Float64Array) => void,
): Iterable<void> {
  const sums = new Float64Array(inputs(c));
  yield* forEachOutput(c, (output) => give(output, sums));
  yield* stored(store, sums);
}

function* forEachOutput(c: Constants, visit: (output: number) => void): Iterable<void> {
  const pause = pauses();
  for (let output = 0; output < outputs(c); output++) {
    visit(output);
    if (pause(c.KERNEL_H * c.KERNEL_W)) yield;
  }
}

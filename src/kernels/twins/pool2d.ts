import type { Constants } from "../kernel.ts";
import { inputs, outputs } from "../pool2d.ts";
import { exceeds } from "../scalar.ts";
import { inParts, pauses, type Twin, type TwinCall } from "./twin.ts";

export function maxSelect({ constants: c, load, store }: TwinCall): Twin {
  return forEachOutput(c, (output) => {
    store.store(output, load.picked(firstMaximum(c, output, load.element)));
  });
}

export function maxScatter(call: TwinCall): Twin {
  const { constants: c, load } = call;
  return scatter(call, (output, sums) => {
    sums[firstMaximum(c, output, load.element)] += load.picked(output);
  });
}

export function average({ constants: c, load, store }: TwinCall): Twin {
  return forEachOutput(c, (output) => {
    let total = 0;
    forEachInWindow(c, output, (input) => {
      total += load.element(input);
    });
    store.store(output, total / (c.KERNEL_H * c.KERNEL_W));
  });
}

export function averageScatter(call: TwinCall): Twin {
  const { constants: c, load } = call;
  return scatter(call, (output, sums) => {
    const part = load.element(output) / (c.KERNEL_H * c.KERNEL_W);
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
function firstMaximum(c: Constants, output: number, element: (index: number) => number): number {
  let best = 0;
  let position = -1;
  forEachInWindow(c, output, (input) => {
    const value = element(input);
    if (position < 0 || Number.isNaN(value) || exceeds(value, best)) {
      best = value;
      position = input;
    }
  });
  return position;
}

/** Adds up in f64 what each output gives to inputs, and stores it. */
function* scatter(
  { constants: c, store }: TwinCall,
  give: (output: number, sums: Float64Array) => void,
): Iterable<void> {
  const sums = new Float64Array(inputs(c));
  yield* forEachOutput(c, (output) => give(output, sums));
  yield* inParts(sums.length, (start, end) => {
    for (let i = start; i < end; i++) store.store(i, sums[i]);
  });
}

function* forEachOutput(c: Constants, visit: (output: number) => void): Iterable<void> {
  const pause = pauses();
  for (let output = 0; output < outputs(c); output++) {
    visit(output);
    if (pause(c.KERNEL_H * c.KERNEL_W)) yield;
  }
}

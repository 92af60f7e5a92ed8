/** Softmax and its logarithm along the last axis, and their gradients, as `src/kernels/softmax.ts` says. */
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32x4, type I32, type V128 } from "../assembler/instructions.ts";
import { exponentialOfSmall } from "../vectors/exponential.ts";
import { vectorFunctions } from "../vectors/functions.ts";
import { folds } from "./fold.ts";
import type { KernelCall, Phase, WasmKernel } from "./kernel.ts";
import { inRows, inside, KeptRow, RowFold } from "./row.ts";

/** Elements of a part. */
const PART = 8192;

export const softmax: WasmKernel = (call) => {
  const { SIZE, LOGARITHM } = call.constants;
  const kept = new KeptRow(call, SIZE);
  return ofRows(call, (f, load, store) => {
    const context = { f, features: call.features };
    const element = load("element");
    const maximum = new RowFold(f, folds.max);
    kept.in(f).fill(f, (place) => {
      const x = inside(f, place, element(place.i), f32x4.const(-Infinity));
      maximum.take(x, place);
      return x;
    });
    const highest = maximum.result(f);
    const sum = new RowFold(f, folds.sum);
    kept.change(f, (x, place) => {
      const shifted = f.keep(f32x4.sub(x, highest));
      const power = f.keep(exponentialOfSmall(context, shifted));
      sum.take(power, place);
      return LOGARITHM ? shifted : power;
    });
    const total = sum.result(f);
    const one = f.constant(f32x4.const(1));
    const last = LOGARITHM ? vectorFunctions.logarithm(context, total) : f32x4.div(one, total);
    const ofRow = f.keep(last);
    const combine = LOGARITHM ? f32x4.sub : f32x4.mul;
    kept.each(f, (x, { i, count }) => store(i, combine(x, ofRow), count));
  });
};

export const softmaxGradient: WasmKernel = (call) => {
  const { SIZE, LOGARITHM } = call.constants;
  const [results, arriving] = [new KeptRow(call, SIZE), new KeptRow(call, SIZE)];
  return ofRows(call, (f, load, store) => {
    const context = { f, features: call.features };
    const sum = new RowFold(f, folds.sum);
    const [element, gradient] = [load("element"), load("arriving")];
    const zero = f32x4.const(0);
    results.in(f).fill(f, ({ i }) => element(i));
    arriving.in(f).fill(f, (place) => {
      const dy = f.keep(gradient(place.i));
      const weighted = LOGARITHM ? dy : f32x4.mul(dy, results.at(f, place));
      sum.take(inside(f, place, weighted, zero), place);
      return dy;
    });
    const total = sum.result(f);
    arriving.each(f, (dy, place) => {
      const y = results.at(f, place);
      const dx = LOGARITHM
        ? f32x4.sub(dy, f32x4.mul(f.keep(vectorFunctions.exponential(context, y)), total))
        : f32x4.mul(y, f32x4.sub(dy, total));
      store(place.i, dx, place.count);
    });
  });
};

/** A phase over the rows of [ROWS, SIZE]: `body` gets their hooks along the row. */
function ofRows(
  { constants: { ROWS, SIZE }, load, store }: KernelCall,
  body: (
    f: FunctionBuilder,
    load: (hook: string) => (i: I32) => V128,
    store: (i: I32, x: V128, count: number) => void,
  ) => void,
): readonly Phase[] {
  return [
    inRows(ROWS, Math.ceil(PART / SIZE), (f) => (row) => {
      const index = [{ value: row, stride: SIZE, size: ROWS }];
      const lanes = { stride: 1, size: SIZE };
      body(f, (hook) => load[hook].along(f, index, lanes), store.store.along(f, index, lanes));
    }),
  ];
}

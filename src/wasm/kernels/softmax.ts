/** Softmax and its logarithm along the last axis, and their gradients, as `src/kernels/softmax.ts` says. */
import { f32x4 } from "../assembler/instructions.ts";
import { exponentialOfSmall } from "../vectors/exponential.ts";
import { vectorFunctions } from "../vectors/functions.ts";
import { folds } from "./fold.ts";
import type { WasmKernel } from "./kernel.ts";
import { inRows, inside, KeptRow, RowFold } from "./row.ts";

export const softmax: WasmKernel = (call) => {
  const { SIZE, LOGARITHM } = call.constants;
  const kept = new KeptRow(call, SIZE);
  const rows = inRows(call, (f) => (row) => {
    const context = { f, features: call.features };
    const [element, store] = [row.load("element"), row.store()];
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
    const ofRow = f.keep(LOGARITHM ? vectorFunctions.logarithm(context, total) : f32x4.div(one, total));
    const combine = LOGARITHM ? f32x4.sub : f32x4.mul;
    kept.each(f, (x, place) => store(combine(x, ofRow), place));
  });
  return [rows];
};

export const softmaxGradient: WasmKernel = (call) => {
  const { SIZE, LOGARITHM } = call.constants;
  const [results, arriving] = [new KeptRow(call, SIZE), new KeptRow(call, SIZE)];
  const rows = inRows(call, (f) => (row) => {
    const context = { f, features: call.features };
    const [element, gradient, store] = [row.load("element"), row.load("arriving"), row.store()];
    const sum = new RowFold(f, folds.sum);
    results.in(f).fill(f, ({ i }) => element(i));
    arriving.in(f).fill(f, (place) => {
      const dy = f.keep(gradient(place.i));
      const weighted = LOGARITHM ? dy : f32x4.mul(dy, results.at(f, place));
      sum.take(inside(f, place, weighted, f32x4.const(0)), place);
      return dy;
    });
    const total = sum.result(f);
    arriving.each(f, (dy, place) => {
      const y = results.at(f, place);
      const dx = LOGARITHM
        ? f32x4.sub(dy, f32x4.mul(f.keep(vectorFunctions.exponential(context, y)), total))
        : f32x4.mul(y, f32x4.sub(dy, total));
      store(dx, place);
    });
  });
  return [rows];
};

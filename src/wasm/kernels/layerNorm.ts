/** Layer normalisation of rows, forward and backward, as `src/kernels/layerNorm.ts` says. */
import { layerNormParts, rowsOfGroup } from "../../kernels/layerNorm.ts";
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32x4, type I32, i32, type V128 } from "../assembler/instructions.ts";
import { madd } from "../vectors/arithmetic.ts";
import { folds } from "./fold.ts";
import type { KernelCall, WasmKernel } from "./kernel.ts";
import { inPart } from "./loops.ts";
import { inRows, inside, KeptRow, type Place, RowFold } from "./row.ts";

/** Elements of a part. */
const PART = 8192;

export const layerNorm: WasmKernel = (call) => {
  const { constants, load, store, features } = call;
  const { ROWS, SIZE } = constants;
  const kept = new KeptRow(call, SIZE);
  const rows = inRows(ROWS, Math.ceil(PART / SIZE), (f) => {
    const [weight, bias] = [load.weight, load.bias].map((hook) => hook.along(f, [], lanesOf(call)));
    kept.in(f);
    return (row) => {
      const keep = store.store.along(f, indexOf(call, row), lanesOf(call));
      const mean = fillRow(f, call, kept, row);
      const scale = centre(f, call, kept, mean);
      kept.each(f, (x, { i, count }) => {
        keep(i, madd({ f, features }, f32x4.mul(x, scale), weight(i), bias(i)), count);
      });
    };
  });
  return [rows];
};

export const layerNormGradient: WasmKernel = (call) => {
  const { constants, load, store, features } = call;
  const { ROWS, SIZE } = constants;
  const parts = layerNormParts(constants);
  const rows = rowsOfGroup(constants);
  const [values, gradients, weights, weightSums, biasSums] = Array.from(
    { length: 5 },
    () => new KeptRow(call, SIZE),
  );
  const groups = inRows(parts, Math.ceil(PART / SIZE / rows), (f) => {
    const context = { f, features };
    const zero = f.constant(f32x4.const(0));
    for (const row of [values, gradients, weights, weightSums, biasSums]) row.in(f);
    const weight = load.weight.along(f, [], lanesOf(call));
    weights.fill(f, ({ i }) => weight(i));
    const weighted = (place: Place) => f32x4.mul(gradients.at(f, place), weights.at(f, place));

    const ofRow = (row: I32) => {
      const arriving = load.arriving.along(f, indexOf(call, row), lanesOf(call));
      const keep = store.store.along(f, indexOf(call, row), lanesOf(call));
      const weightedSum = new RowFold(f, folds.sum);
      const mean = fillRow(f, call, values, row, (place) => {
        gradients.set(f, place, inside(f, place, arriving(place.i), zero));
        weightedSum.take(inside(f, place, weighted(place), zero), place);
      });
      const weightedMean = f.keep(f32x4.div(weightedSum.result(f), number(f, SIZE)));
      const products = new RowFold(f, folds.sum);
      const scale = centre(f, call, values, mean, (x, place) => {
        products.take(inside(f, place, f32x4.mul(x, weighted(place)), zero), place);
      });
      // All are NaN where the gradient is infinite somewhere.
      const product = f32x4.mul(f32x4.div(products.result(f), number(f, SIZE)), scale);
      const slope = f.keep(f32x4.add(product, f32x4.mul(weightedMean, zero)));
      values.each(f, (x, place) => {
        const normalised = f.keep(f32x4.mul(x, scale));
        const gradient = gradients.at(f, place);
        weightSums.set(f, place, madd(context, gradient, normalised, weightSums.at(f, place)));
        biasSums.set(f, place, f32x4.add(biasSums.at(f, place), gradient));
        const below = f32x4.sub(f32x4.sub(weighted(place), weightedMean), f32x4.mul(normalised, slope));
        keep(place.i, f32x4.mul(below, scale), place.count);
      });
    };

    return (group) => {
      for (const sums of [weightSums, biasSums]) sums.fill(f, () => zero);
      inPart(f, group, rows, ROWS, ofRow);
      const index = [{ value: group, stride: SIZE, size: parts }];
      const outputs = [
        [weightSums, store.storeWeight],
        [biasSums, store.storeBias],
      ] as const;
      for (const [sums, hook] of outputs) {
        const keep = hook.along(f, index, lanesOf(call));
        sums.each(f, (sum, { i, count }) => keep(i, sum, count));
      }
    };
  });
  return [groups];
};

const number = (f: FunctionBuilder, x: number) => f.constant(f32x4.const(x));

function lanesOf({ constants: { SIZE } }: KernelCall) {
  return { stride: 1, size: SIZE };
}

function indexOf({ constants: { ROWS, SIZE } }: KernelCall, row: I32) {
  return [{ value: row, stride: SIZE, size: ROWS }];
}

/** Fills a row with its elements less the first of them, which keeps the digits that their offset would take; returns the mean. */
function fillRow(
  f: FunctionBuilder,
  call: KernelCall,
  kept: KeptRow,
  row: I32,
  also?: (place: Place) => void,
): V128 {
  const { SIZE } = call.constants;
  const index = indexOf(call, row);
  const element = call.load.element.along(f, index, lanesOf(call));
  const first = [...index, { value: i32.const(0), stride: 1, size: SIZE }];
  const origin = f.keep(f32x4.splat(call.load.element.at(f, first)));
  const sum = new RowFold(f, folds.sum);
  kept.fill(f, (place) => {
    const x = inside(f, place, f32x4.sub(element(place.i), origin), f32x4.const(0));
    sum.take(x, place);
    also?.(place);
    return x;
  });
  return f.keep(f32x4.div(sum.result(f), number(f, SIZE)));
}

/** Takes the mean from a row; the result is 1 / its standard deviation. */
function centre(
  f: FunctionBuilder,
  { constants: { SIZE, EPSILON } }: KernelCall,
  kept: KeptRow,
  mean: V128,
  also?: (x: V128, place: Place) => void,
): V128 {
  const squares = new RowFold(f, folds.sum);
  kept.change(f, (x, place) => {
    const centred = inside(f, place, f32x4.sub(x, mean), f32x4.const(0));
    squares.take(f.keep(f32x4.mul(centred, centred)), place);
    also?.(centred, place);
    return centred;
  });
  const variance = f32x4.div(squares.result(f), number(f, SIZE));
  return f.keep(f32x4.div(number(f, 1), f32x4.sqrt(f32x4.add(variance, number(f, EPSILON)))));
}

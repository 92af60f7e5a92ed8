/** Layer normalisation of rows, forward and backward, as `src/kernels/layerNorm.ts` says. */
import { layerNormParts, rowsOfGroup } from "../../kernels/layerNorm.ts";
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32x4, i32, type V128 } from "../assembler/instructions.ts";
import { madd, number, type VectorContext } from "../vectors/arithmetic.ts";
import { folds } from "./fold.ts";
import type { KernelCall, LoadHook, WasmKernel } from "./kernel.ts";
import { inPart } from "./loops.ts";
import { inRows, inside, KeptRow, type Place, Row, RowFold, rowsOfPart } from "./row.ts";

export const layerNorm: WasmKernel = (call) => {
  const kept = new KeptRow(call, call.constants.SIZE);
  const rows = inRows(call, (f) => {
    const context = { f, features: call.features };
    const [weight, bias] = [call.load.weight, call.load.bias].map((hook) => columnsOf(f, call, hook));
    kept.in(f);
    return (row) => {
      const store = row.store();
      const mean = fillRow(context, row, kept);
      const scale = centre(context, call, kept, mean);
      kept.each(f, (x, place) => {
        store(madd(context, f32x4.mul(x, scale), weight(place.i), bias(place.i)), place);
      });
    };
  });
  return [rows];
};

export const layerNormGradient: WasmKernel = (call) => {
  const { constants, store } = call;
  const { ROWS, SIZE } = constants;
  const parts = layerNormParts(constants);
  const rows = rowsOfGroup(constants);
  const all = Array.from({ length: 5 }, () => new KeptRow(call, SIZE));
  const [values, gradients, weights, weightSums, biasSums] = all;
  const each = Math.ceil(rowsOfPart(SIZE) / rows);

  const wantsX = !store.store.isEmpty;
  const wantsWeight = !store.storeWeight.isEmpty;

  const ofRow = (context: VectorContext, row: Row) => {
    const { f } = context;
    const weighted = (place: Place) => f32x4.mul(gradients.at(f, place), weights.at(f, place));
    const arriving = row.load("arriving");
    const zero = number(context, 0);
    gradients.fill(f, (place) => inside(f, place, arriving(place.i), zero));
    gradients.each(f, (gradient, place) => {
      biasSums.set(f, place, f32x4.add(biasSums.at(f, place), gradient));
    });
    if (!wantsX && !wantsWeight) return;

    const mean = fillRow(context, row, values);
    const [weightedSum, products] = [new RowFold(f, folds.sum), new RowFold(f, folds.sum)];
    const scale = centre(context, call, values, mean, (x, place) => {
      if (!wantsX) return;
      const gradient = inside(f, place, weighted(place), zero);
      weightedSum.take(gradient, place);
      products.take(f.keep(f32x4.mul(x, gradient)), place);
    });
    const share = (sum: RowFold) => f32x4.div(sum.result(f), number(context, SIZE));
    const weightedMean = f.keep(share(weightedSum));
    // All are NaN where the gradient is infinite somewhere.
    const slope = f.keep(madd(context, share(products), scale, f32x4.mul(weightedMean, zero)));
    const keep = row.store();
    values.each(f, (x, place) => {
      const normalised = f.keep(f32x4.mul(x, scale));
      if (wantsWeight) {
        const sum = weightSums.at(f, place);
        weightSums.set(f, place, madd(context, gradients.at(f, place), normalised, sum));
      }
      if (!wantsX) return;
      const below = f32x4.sub(f32x4.sub(weighted(place), weightedMean), f32x4.mul(normalised, slope));
      keep(f32x4.mul(below, scale), place);
    });
  };

  return [
    {
      parts: Math.ceil(parts / each),
      build(f, part) {
        const context = { f, features: call.features };
        for (const row of all) row.in(f);
        const weight = columnsOf(f, call, call.load.weight);
        weights.fill(f, ({ i }) => weight(i));
        inPart(f, part, each, parts, (group) => {
          for (const sums of [weightSums, biasSums]) sums.fill(f, () => number(context, 0));
          inPart(f, group, rows, ROWS, (row) => ofRow(context, new Row(f, call, row, SIZE)));
          const index = [{ value: group, stride: SIZE, size: parts }];
          for (const [sums, hook] of [
            [weightSums, store.storeWeight],
            [biasSums, store.storeBias],
          ] as const) {
            const keep = hook.along(f, index, { stride: 1, size: SIZE });
            sums.each(f, (sum, { i, count }) => keep(i, sum, count));
          }
        });
      },
    },
  ];
};

/** Values of a hook that has one for each column. */
function columnsOf(f: FunctionBuilder, { constants: { SIZE } }: KernelCall, hook: LoadHook) {
  return hook.along(f, [], { stride: 1, size: SIZE });
}

/**
 * Fills a row with its elements less the first of them, which keeps the digits that their offset would take; the result
 * is the mean.
 */
function fillRow(context: VectorContext, row: Row, kept: KeptRow): V128 {
  const { f } = context;
  const { element } = row.call.load;
  const first = [...row.index, { value: i32.const(0), stride: 1, size: kept.size }];
  const origin = f.keep(f32x4.splat(element.at(f, first)));
  const elements = row.load("element");
  const sum = new RowFold(f, folds.sum);
  kept.fill(f, (place) => {
    const x = inside(f, place, f32x4.sub(elements(place.i), origin), f32x4.const(0));
    sum.take(x, place);
    return x;
  });
  return f.keep(f32x4.div(sum.result(f), number(context, kept.size)));
}

/** Takes the mean from a row; the result is 1 / its standard deviation. */
function centre(
  context: VectorContext,
  { constants: { EPSILON } }: KernelCall,
  kept: KeptRow,
  mean: V128,
  also?: (x: V128, place: Place) => void,
): V128 {
  const { f } = context;
  const squares = new RowFold(f, folds.sum);
  kept.change(f, (x, place) => {
    const centred = inside(f, place, f32x4.sub(x, mean), f32x4.const(0));
    squares.take(f.keep(f32x4.mul(centred, centred)), place);
    also?.(centred, place);
    return centred;
  });
  const variance = f32x4.div(squares.result(f), number(context, kept.size));
  const deviation = f32x4.sqrt(f32x4.add(variance, number(context, EPSILON)));
  return f.keep(f32x4.div(number(context, 1), deviation));
}

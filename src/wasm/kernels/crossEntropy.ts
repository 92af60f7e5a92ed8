/**
 * Softmax cross-entropy against class indices, as `src/kernels/crossEntropy.ts` says: lanes run along a row's classes. What
 * nobody asked for is not computed.
 */
import type { FunctionBuilder, Variable } from "../assembler/function.ts";
import { type F32, f32, f32x4, f64, i32, i32x4, type V128, v128 } from "../assembler/instructions.ts";
import { madd, number } from "../vectors/arithmetic.ts";
import { exponentialOfSmall } from "../vectors/exponential.ts";
import { vectorFunctions } from "../vectors/functions.ts";
import { smallestOfLanes } from "../vectors/lanes.ts";
import { folds } from "./fold.ts";
import type { Phase, StoreHook, WasmKernel } from "./kernel.ts";
import { inPart } from "./loops.ts";
import { inside, KeptRow, type Place, Row, RowFold, rowsOfPart } from "./row.ts";

/** A number of each row, and the sum of all. */
interface Output {
  readonly each: StoreHook;
  readonly all: StoreHook;
  /** Address of the sums of the parts, where there are several. */
  readonly sums: number;
}

export const crossEntropy: WasmKernel = (call) => {
  const { constants, store } = call;
  const { ROWS, CLASSES } = constants;
  const ofPart = rowsOfPart(CLASSES);
  const parts = Math.ceil(ROWS / ofPart);
  const kept = new KeptRow(call, CLASSES);
  const output = (each: StoreHook, all: StoreHook): Output | undefined =>
    each.isEmpty && all.isEmpty ? undefined : { each, all, sums: parts > 1 ? call.scratch(8 * parts) : 0 };
  const outputs = [
    output(store.storeLoss, store.storeTotal),
    output(store.storeHit, store.storeCorrect),
  ] as const;
  const finish = (f: FunctionBuilder, { all }: Output, sum: Variable<"f64">) =>
    all.at(f, [], f32.demote_f64(sum));
  const phase: Phase = {
    parts,
    build(f, part) {
      kept.in(f);
      const totals = outputs.map(() => f.variable("f64", f64.const(0)));
      inPart(f, part, ofPart, ROWS, (row) => {
        const numbers = computeRow(new Row(f, call, row, CLASSES), kept, outputs);
        outputs.forEach((wanted, n) => {
          const value = numbers[n];
          if (!wanted || !value) return;
          wanted.each.at(f, [{ value: row, stride: 1, size: ROWS }], value);
          f.set(totals[n], f64.add(totals[n], f64.promote_f32(value)));
        });
      });
      outputs.forEach((wanted, n) => {
        if (!wanted) return;
        if (parts === 1) finish(f, wanted, totals[n]);
        else f.store(i32.mul(part, i32.const(8)), totals[n], wanted.sums);
      });
    },
  };
  const totalled = outputs.filter((wanted): wanted is Output => wanted !== undefined && !wanted.all.isEmpty);
  if (parts === 1 || totalled.length === 0) return [phase];
  const last: Phase = {
    parts: 1,
    build(f) {
      for (const wanted of totalled) {
        const sum = f.variable("f64", f64.const(0));
        f.loop(i32.const(0), i32.const(parts), 1, (part) => {
          f.set(sum, f64.add(sum, f64.load(i32.mul(part, i32.const(8)), wanted.sums)));
        });
        finish(f, wanted, sum);
      }
    },
  };
  return [phase, last];
};

/** Computes a row, and stores its gradient; the results are its loss and whether it is a hit, if wanted. */
function computeRow(
  row: Row,
  kept: KeptRow,
  [losses, hits]: readonly [Output | undefined, Output | undefined],
): readonly (F32 | undefined)[] {
  const { f, call, index } = row;
  const { load, store, features, constants } = call;
  const { ROWS, CLASSES, SMOOTHING } = constants;
  const context = { f, features };
  const isSmoothed = SMOOTHING > 0 && losses;
  const hasGradient = !store.storeGradient.isEmpty;
  const answer = f.keep(i32.trunc_sat_f32_u(load.label.at(f, [{ value: row.row, stride: 1, size: ROWS }])));

  const logits = row.load("logit");
  const maximum = new RowFold(f, folds.max);
  kept.fill(f, (place) => {
    const x = inside(f, place, logits(place.i), f32x4.const(-Infinity));
    maximum.take(x, place);
    return x;
  });
  const highest = maximum.result(f);

  // All differences are taken from the row's maximum: logits that are large, but close, keep their digits.
  const sum = new RowFold(f, folds.sum);
  const mean = new RowFold(f, folds.sum);
  const first = f.variable("v128", f.constant(i32x4.const(-1)));
  kept.each(f, (x, place) => {
    const power = f.keep(exponentialOfSmall(context, f.keep(f32x4.sub(x, highest))));
    sum.take(power, place);
    if (isSmoothed) {
      const below = f32x4.mul(f32x4.sub(highest, x), number(context, 1 / CLASSES));
      mean.take(inside(f, place, below, f32x4.const(0)), place);
    }
    if (hits) f.set(first, i32x4.min_u(first, v128.or(classesOf(f, place), f32x4.ne(x, highest))));
    if (hasGradient) kept.set(f, place, power);
  });
  const total = sum.result(f);

  const loss = (): F32 => {
    const last = i32.const(CLASSES - 1);
    const known = f.keep(i32.select(answer, last, i32.lt_u(answer, last)));
    const own = load.logit.at(f, [...index, { value: known, stride: 1, size: CLASSES }]);
    const below = f32x4.sub(highest, f32x4.splat(own));
    const logarithm = vectorFunctions.logarithm(context, total);
    const answered = f32x4.add(f32x4.mul(number(context, 1 - SMOOTHING), below), logarithm);
    // A class without any probability is infinitely far below: no loss where nothing is smoothed.
    const smoothed = isSmoothed
      ? f32x4.add(answered, f32x4.mul(number(context, SMOOTHING), mean.result(f)))
      : answered;
    return f32x4.extract_lane(smoothed, 0);
  };
  const hit = () => f32.convert_i32_u(i32.eq(smallestOfLanes(f, first), answer));
  const numbers = [losses && f.keep(loss()), hits && f.keep(hit())];

  if (hasGradient) {
    const gradient = row.store("storeGradient");
    const rate = f.keep(f32x4.div(number(context, 1), total));
    const answers = f.keep(i32x4.splat(answer));
    kept.each(f, (power, place) => {
      const isAnswer = i32x4.eq(classesOf(f, place), answers);
      const goal = v128.and(isAnswer, number(context, 1 - SMOOTHING));
      const probability =
        SMOOTHING > 0
          ? madd(context, power, rate, number(context, -SMOOTHING / CLASSES))
          : f32x4.mul(power, rate);
      gradient(f32x4.sub(probability, goal), place);
    });
  }
  return numbers;
}

/** The numbers of four classes. */
function classesOf(f: FunctionBuilder, { i }: Place): V128 {
  return i32x4.add(i32x4.splat(i), f.constant(i32x4.const(0, 1, 2, 3)));
}

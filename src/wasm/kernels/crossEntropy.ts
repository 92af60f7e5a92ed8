/**
 * Softmax cross-entropy against class indices, as `src/kernels/crossEntropy.ts` says: lanes run along a row's classes, then
 * along the rows of a part for their losses. What nobody asked for is not computed.
 */
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32, f32x4, f64, type I32, i32, i32x4, type V128, v128 } from "../assembler/instructions.ts";
import { madd } from "../vectors/arithmetic.ts";
import { exponentialOfSmall } from "../vectors/exponential.ts";
import { vectorFunctions } from "../vectors/functions.ts";
import { DoubleSum, smallestOfLanes } from "../vectors/lanes.ts";
import { folds } from "./fold.ts";
import type { KernelCall, Phase, WasmKernel } from "./kernel.ts";
import { atMost, inVectors } from "./loops.ts";
import { inside, KeptRow, type Place, RowFold } from "./row.ts";

/** Logits of a part, and most rows of it. */
const PART = 8192;
const MOST_ROWS = 512;

/** Numbers of a part's rows, by row, at addresses of the thread's own. */
interface Rows {
  /** Sums of exp(logit - largest logit). */
  readonly sum: I32;
  /** How far the label's logit is below the largest, and the mean of all. */
  readonly below: I32;
  readonly mean: I32;
  /** 1 where the label's is the first largest. */
  readonly hit: I32;
}

export const crossEntropy: WasmKernel = (call) => {
  const { constants, store } = call;
  const { ROWS, CLASSES } = constants;
  const ofPart = Math.max(1, Math.min(ROWS, MOST_ROWS, Math.floor(PART / CLASSES)));
  const parts = Math.ceil(ROWS / ofPart);
  const own = () => call.threadScratch(4 * ofPart);
  const rows: Rows = { sum: own(), below: own(), mean: own(), hit: own() };
  const kept = new KeptRow(call, CLASSES);
  const wanted = wants(call);
  const totals = [store.storeTotal, store.storeCorrect];
  const isTotalled = totals.map(({ isEmpty }) => !isEmpty);
  const sums = totals.map(() => (parts > 1 ? call.scratch(8 * parts) : 0));
  const phase: Phase = {
    parts,
    build(f, part) {
      const start = f.keep(i32.mul(part, i32.const(ofPart)));
      const end = atMost(f, i32.add(start, i32.const(ofPart)), ROWS);
      kept.in(f);
      f.loop(start, end, 1, (row) =>
        computeRow(f, call, wanted, kept, row, f.keep(i32.sub(row, start)), rows),
      );
      addRows(f, call, wanted, start, end, rows).forEach((sum, n) => {
        if (!sum) return;
        if (parts === 1) totals[n].at(f, [], f32.demote_f64(sum.total()));
        else f.store(i32.mul(part, i32.const(8)), sum.total(), sums[n]);
      });
    },
  };
  if (parts === 1 || !isTotalled.includes(true)) return [phase];
  const last: Phase = {
    parts: 1,
    build: (f) =>
      totals.forEach((total, n) => {
        if (!isTotalled[n]) return;
        const sum = f.variable("f64", f64.const(0));
        f.loop(i32.const(0), i32.const(parts), 1, (part) =>
          f.set(sum, f64.add(sum, f64.load(i32.mul(part, i32.const(8)), sums[n]))),
        );
        total.at(f, [], f32.demote_f64(sum));
      }),
  };
  return [phase, last];
};

/** What somebody asked for. */
function wants({ store }: KernelCall) {
  return {
    losses: !(store.storeLoss.isEmpty && store.storeTotal.isEmpty),
    hits: !(store.storeHit.isEmpty && store.storeCorrect.isEmpty),
    gradient: !store.storeGradient.isEmpty,
  };
}

type Wanted = ReturnType<typeof wants>;

/** Computes a row, the part's `n`-th. */
function computeRow(
  f: FunctionBuilder,
  { constants: { ROWS, CLASSES, SMOOTHING }, load, store, features }: KernelCall,
  wanted: Wanted,
  kept: KeptRow,
  row: I32,
  n: I32,
  rows: Rows,
): void {
  const context = { f, features };
  const index = [{ value: row, stride: CLASSES, size: ROWS }];
  const lanes = { stride: 1, size: CLASSES };
  const number = (x: number) => f.constant(f32x4.const(x));
  const keep = (list: I32, x: V128) => f.storeLane(i32.add(list, i32.mul(n, i32.const(4))), x, 0);
  const answer = f.keep(i32.trunc_sat_f32_u(load.label.at(f, [{ value: row, stride: 1, size: ROWS }])));

  const logits = load.logit.along(f, index, lanes);
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
  const isSmoothed = SMOOTHING > 0 && wanted.losses;
  const first = f.variable("v128", f.constant(i32x4.const(-1)));
  kept.each(f, (x, place) => {
    const power = f.keep(exponentialOfSmall(context, f.keep(f32x4.sub(x, highest))));
    sum.take(power, place);
    if (isSmoothed) {
      const below = f32x4.mul(f32x4.sub(highest, x), number(1 / CLASSES));
      mean.take(inside(f, place, below, f32x4.const(0)), place);
    }
    if (wanted.hits) f.set(first, i32x4.min_u(first, v128.or(classesOf(f, place), f32x4.ne(x, highest))));
    if (wanted.gradient) kept.set(f, place, power);
  });
  const total = sum.result(f);
  if (wanted.losses) {
    keep(rows.sum, total);
    const known = f.keep(i32.select(answer, i32.const(CLASSES - 1), i32.lt_u(answer, i32.const(CLASSES))));
    const own = load.logit.at(f, [...index, { value: known, stride: 1, size: CLASSES }]);
    keep(rows.below, f32x4.sub(highest, f32x4.splat(own)));
    if (isSmoothed) keep(rows.mean, mean.result(f));
  }
  if (wanted.hits) keep(rows.hit, f32x4.splat(f32.convert_i32_u(i32.eq(smallestOfLanes(f, first), answer))));
  if (!wanted.gradient) return;

  const gradient = store.storeGradient.along(f, index, lanes);
  const rate = f.keep(f32x4.div(number(1), total));
  const answers = f.keep(i32x4.splat(answer));
  kept.each(f, (power, place) => {
    const isAnswer = i32x4.eq(classesOf(f, place), answers);
    const goal = v128.and(isAnswer, number(1 - SMOOTHING));
    const probability =
      SMOOTHING > 0 ? madd(context, power, rate, number(-SMOOTHING / CLASSES)) : f32x4.mul(power, rate);
    gradient(place.i, f32x4.sub(probability, goal), place.count);
  });
}

/** The numbers of four classes. */
function classesOf(f: FunctionBuilder, { i }: Place): V128 {
  return i32x4.add(i32x4.splat(i), f.constant(i32x4.const(0, 1, 2, 3)));
}

/** Losses and hits of a part's rows, and the sums of those that are asked for. */
function addRows(
  f: FunctionBuilder,
  { constants, features, store }: KernelCall,
  wanted: Wanted,
  start: I32,
  end: I32,
  rows: Rows,
): readonly (DoubleSum | undefined)[] {
  const { ROWS, SMOOTHING } = constants;
  const lanes = { stride: 1, size: ROWS };
  const number = (x: number) => f.constant(f32x4.const(x));
  const loss = (at: (list: I32) => V128) => {
    const logarithm = vectorFunctions.logarithm({ f, features }, f.keep(at(rows.sum)));
    const answered = f32x4.add(f32x4.mul(number(1 - SMOOTHING), at(rows.below)), logarithm);
    // A class without any probability is infinitely far below: no loss where nothing is smoothed.
    return SMOOTHING > 0 ? f32x4.add(answered, f32x4.mul(number(SMOOTHING), at(rows.mean))) : answered;
  };
  const outputs = [
    { isWanted: wanted.losses, each: store.storeLoss, all: store.storeTotal, value: loss },
    {
      isWanted: wanted.hits,
      each: store.storeHit,
      all: store.storeCorrect,
      value: (at: (list: I32) => V128) => at(rows.hit),
    },
  ];
  return outputs.map(({ isWanted, each, all, value }) => {
    if (!isWanted) return undefined;
    const sum = all.isEmpty ? undefined : new DoubleSum(f);
    const keep = each.along(f, [], lanes);
    inVectors(f, start, end, (i, count) => {
      const bytes = f.keep(i32.mul(i32.sub(i, start), i32.const(4)));
      const x = f.keep(value((list) => v128.load(i32.add(list, bytes))));
      keep(i, x, count);
      if (!sum) return;
      const isRow = count && i32x4.gt_s(i32x4.splat(count), f.constant(i32x4.const(0, 1, 2, 3)));
      sum.add(isRow ? f.keep(v128.and(x, isRow)) : x);
    });
    return sum;
  });
}

/** Area under the ROC curve, out of histograms of scores that are counted on the engine. */
import { checkOptions } from "../checks.ts";
import { matmul } from "../nn/graph/ops/matmul.ts";
import { argmax, sum } from "../nn/graph/ops/reduce.ts";
import {
  abs,
  add,
  choose,
  div,
  equal,
  exp,
  floor,
  isNumber,
  log,
  maximum,
  minimum,
  mul,
  sign,
  sub,
} from "../nn/graph/ops/scalar.ts";
import { logSoftmax } from "../nn/graph/ops/softmax.ts";
import { iota } from "../nn/graph/ops/source.ts";
import { reshape, transpose } from "../nn/graph/ops/view.ts";
import type { Tensor } from "../nn/graph/tensor.ts";
import type { Metric, MetricBatch } from "../train/evaluate.ts";
import { binaryRows, classOutputs, isTwoClasses } from "./checks.ts";

export interface RocAucOptions {
  /** How outputs become probabilities: default softmax where there are several, sigmoid where there is one. */
  readonly probabilities?: "softmax" | "sigmoid";
  /** Scores in one bin count as equal (default 2048 bins). */
  readonly bins?: number;
}

export interface Area {
  /** From 0 to 1; undefined where all samples are of the class, or none is: then there is no such area. */
  readonly auc: number | undefined;
  /** The area of the exact scores is within `auc` ± this: half of the pairs that share a bin. */
  readonly error: number | undefined;
}

export interface RocAuc extends Area {
  /** Of each class against all others, where there are more than two. `auc` is the mean over those that have one. */
  readonly perClass?: readonly Area[];
}

/**
 * The area under the ROC curve: the probability that a sample of the class has a higher score than one of another, equal
 * scores counting half (Hanley & McNeil 1982).
 *
 * Outputs are logits. For a model with one output (targets 0 and 1), or of two classes, it is the area of the second
 * class; for more, each class is held against the rest, and the mean is taken (macro, as scikit-learn's
 * `multi_class="ovr"`).
 *
 * Scores are log-odds, sorted into bins: about 1/4000 wide near 0, growing to 1 % of the score, equal beyond ±128.
 * Every sample is counted, and nothing is sorted; `error` bounds what the bins can have changed.
 * @throws RangeError for less than 2 bins; in an evaluation ShapeError where outputs and targets are of another kind,
 *   Error where an output is NaN, or a target neither 0 nor 1
 */
export function rocAuc(options: RocAucOptions = {}): Metric<"rocAuc", RocAuc> {
  checkOptions("rocAuc", options, { probabilities: "string", bins: "number" });
  const { bins = 2048, probabilities } = options;
  if (!Number.isInteger(bins) || bins < 2) {
    throw new RangeError(`rocAuc: bins is ${bins}; give a whole number from 2`);
  }
  if (probabilities !== undefined && probabilities !== "softmax" && probabilities !== "sigmoid") {
    throw new RangeError(`rocAuc: probabilities is ${probabilities}; give "softmax" or "sigmoid"`);
  }
  return {
    name: "rocAuc",
    mode: { auc: "max", error: "min" },
    trace: (batch) => ({ counts: histograms(scored(batch, probabilities), bins) }),
    finish: ({ counts }, samples) => areas(counts, samples, Math.ceil(bins / LOW) * LOW),
  };
}

/** For each of some questions, and each sample: how much speaks for it, and whether (1) or not (0) it is so. */
interface Scored {
  /** [questions, size] */
  readonly scores: Tensor;
  readonly labels: Tensor;
}

function scored(batch: MetricBatch, probabilities: RocAucOptions["probabilities"]): Scored {
  const { outputs, targets, size } = batch;
  const several = outputs.rank === 2 && outputs.shape[1] > 1;
  if (!several || (isTwoClasses(batch) && probabilities !== "sigmoid")) {
    const { scores, labels } = binaryRows("rocAuc", batch);
    return { scores: reshape(scores, [1, size]), labels: reshape(labels, [1, size]) };
  }
  const count = classOutputs("rocAuc", batch, 2);
  const labels = equal(iota([size, count], 1), reshape(targets, [size, 1]));
  const scores = probabilities === "sigmoid" ? outputs : logOdds(outputs);
  return { scores: transpose(scores), labels: transpose(labels) };
}

/** log p - log(1 - p) of softmax, exact also where p is close to 1. */
function logOdds(logits: Tensor): Tensor {
  const logs = logSoftmax(logits);
  const p = exp(logs);
  // Only the largest p can be close to 1, and 1 - p is then the sum of all others.
  const largest = equal(iota(logits.shape, 1), reshape(argmax(logits), [-1, 1]));
  const others = sum(choose(largest, 0, p), 1, { keepDims: true });
  return sub(logs, log(maximum(choose(largest, others, sub(1, p)), SMALLEST)));
}

const SMALLEST = 1.2e-38;
/** Log-odds beyond are equal: the probability does not fit 32 bits. */
const MOST = 128;
/** Bins grow with the distance from 0, from about 1 / FINENESS on. */
const FINENESS = 32;
/** A bin is numbered by two digits; the lower one goes up to here. */
const LOW = 64;

function binOf(scores: Tensor, bins: number): Tensor {
  const length = div(log(add(mul(abs(scores), FINENESS), 1)), Math.log(1 + MOST * FINENESS));
  const place = mul(add(mul(sign(scores), length), 1), bins / 2);
  return maximum(minimum(floor(place), bins - 1), 0);
}

/**
 * Samples in each bin, [questions, 2 · highs, LOW]: those for which it is not so, then those for which it is. Counted
 * as the product of the one-hot matrices of the bins' two digits, over the samples.
 */
function histograms({ scores, labels }: Scored, bins: number): Tensor {
  const [questions, size] = scores.shape;
  const highs = Math.ceil(bins / LOW);
  const bin = binOf(scores, bins);
  const high = floor(div(bin, LOW));
  const low = sub(bin, mul(high, LOW));
  // A score that is NaN, or a label neither 0 nor 1, is counted nowhere, which shows in the end.
  const offset = choose(equal(labels, 1), highs, choose(equal(labels, 0), 0, -1 - highs));
  const known = choose(isNumber(scores), add(high, offset), -1);
  const row = equal(iota([questions, size, 2 * highs], 2), reshape(known, [questions, size, 1]));
  const column = equal(iota([questions, size, LOW], 2), reshape(low, [questions, size, 1]));
  return matmul(transpose(row), column);
}

function areas(counts: Float64Array, samples: number, bins: number): RocAuc {
  const questions = counts.length / (2 * bins);
  const all = Array.from({ length: questions }, (_, question) => {
    const [no, yes] = [0, 1].map((answer) => {
      const start = (2 * question + answer) * bins;
      return counts.subarray(start, start + bins);
    });
    return area(no, yes, samples);
  });
  if (questions === 1) return all[0];
  const known = all.filter(({ auc }) => auc !== undefined);
  const mean = (of: (area: Area) => number | undefined) =>
    known.length > 0 ? known.reduce((sum, one) => sum + (of(one) ?? 0), 0) / known.length : undefined;
  return { auc: mean(({ auc }) => auc), error: mean(({ error }) => error), perClass: all };
}

function area(no: Float64Array, yes: Float64Array, samples: number): Area {
  const [negatives, positives] = [no, yes].map((counts) => counts.reduce((sum, count) => sum + count, 0));
  if (negatives + positives !== samples) {
    throw new Error(
      `rocAuc: ${samples - negatives - positives} of ${samples} samples have an output that is NaN or a target other than 0 and 1; look at the outputs, or give targets 0 and 1`,
    );
  }
  if (negatives === 0 || positives === 0) return { auc: undefined, error: undefined };
  let [below, won, tied] = [0, 0, 0];
  yes.forEach((count, bin) => {
    won += count * below;
    tied += count * no[bin];
    below += no[bin];
  });
  const pairs = negatives * positives;
  return { auc: (won + tied / 2) / pairs, error: tied / 2 / pairs };
}

/** Area under the ROC curve, from histograms of scores that are counted on the engine. */
import { checkOptions, checkWhole } from "../checks.ts";
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
  /** Conversion of outputs to probabilities (default: softmax for several outputs, sigmoid for one). */
  readonly probabilities?: "softmax" | "sigmoid";
  /** Number of bins; scores in one bin count as equal (default 2048). */
  readonly bins?: number;
}

export interface Area {
  /** Area from 0 to 1; undefined where all samples are of the class, or none. */
  readonly auc: number | undefined;
  /** Error bound: the area of the exact scores is within `auc` ± `error`, half of the pairs that share a bin. */
  readonly error: number | undefined;
}

export interface RocAuc extends Area {
  /** Area of each class against all others, for more than two classes. `auc` is the mean of the defined areas. */
  readonly perClass?: readonly Area[];
}

/**
 * Area under the ROC curve: the probability that a sample of the class scores higher than a sample of another class;
 * equal scores count half (Hanley & McNeil 1982).
 *
 * Outputs are logits. For a model with one output (targets 0 and 1) or two classes, the area is that of the second
 * class. For more classes, each is held against the rest and the mean is taken (macro, as scikit-learn's
 * `multi_class="ovr"`).
 *
 * Scores are log-odds in bins: about 1/4000 wide near 0, growing to 1 % of the score, equal beyond ±128. Every sample
 * is counted and none is sorted; `error` bounds the effect of the bins.
 * @throws RangeError where `bins` is no whole number from 2, or `probabilities` is unknown; in an evaluation,
 *   ShapeError where outputs and targets do not fit, and Error where an output is NaN or a target neither 0 nor 1
 * @throws TypeError where an option is unknown or of another kind
 */
export function rocAuc(options: RocAucOptions = {}): Metric<"rocAuc", RocAuc> {
  checkOptions("rocAuc", options, { probabilities: "string", bins: "number" });
  const { bins = 2048, probabilities } = options;
  checkWhole("rocAuc: bins", bins, 2);
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

/** Scores and labels of several binary questions (is the sample of class k?), for each sample. */
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

/** log p − log(1 − p) of softmax, exact also where p is close to 1. */
function logOdds(logits: Tensor): Tensor {
  const logs = logSoftmax(logits);
  const p = exp(logs);
  // Only the largest p can be close to 1; 1 − p is then the sum of all others.
  const largest = equal(iota(logits.shape, 1), reshape(argmax(logits), [-1, 1]));
  const others = sum(choose(largest, 0, p), 1, { keepDims: true });
  return sub(logs, log(maximum(choose(largest, others, sub(1, p)), SMALLEST)));
}

const SMALLEST = 1.2e-38;
/** Log-odds beyond are equal: 32 bits cannot hold the probability. */
const MOST = 128;
/** Bins grow with the distance from 0; the first one is about 1 / FINENESS wide. */
const FINENESS = 32;
/** A bin has a number of two digits; this is the base of the lower one. */
const LOW = 64;

function binOf(scores: Tensor, bins: number): Tensor {
  const length = div(log(add(mul(abs(scores), FINENESS), 1)), Math.log(1 + MOST * FINENESS));
  const place = mul(add(mul(sign(scores), length), 1), bins / 2);
  return maximum(minimum(floor(place), bins - 1), 0);
}

/**
 * Number of samples in each bin, [questions, 2 · highs, LOW]: first the negatives, then the positives. The counts are
 * products of the one-hot matrices of the bins' two digits, over the samples.
 */
function histograms({ scores, labels }: Scored, bins: number): Tensor {
  const [questions, size] = scores.shape;
  const highs = Math.ceil(bins / LOW);
  const bin = binOf(scores, bins);
  const high = floor(div(bin, LOW));
  const low = sub(bin, mul(high, LOW));
  // A NaN score, or a label neither 0 nor 1, is counted nowhere; the total then shows the loss.
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

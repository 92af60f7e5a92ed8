/** Reports of a run: text for people, JSON for programs. */

import type { Engine, Epoch } from "wgrad";
import { sampleSize } from "wgrad/data";
import { table } from "../src/text.ts";
import type { TrainingData } from "./data.ts";
import { describeModel } from "./model.ts";
import { grouped, percent, seconds } from "./numbers.ts";
import type { TrainOptions } from "./options.ts";

/** The head of a report: data, model and training, engine. */
export function headLines(
  data: TrainingData,
  parameters: number,
  engine: Engine,
  options: TrainOptions,
): string[] {
  const { train, test } = data;
  const { loss, optimizer, learningRate, schedule, batch, seed } = options;
  const model = describeModel(sampleSize(train.inputs), options, train.classes as number);
  const training = [
    loss,
    optimizer,
    `learning rate ${learningRate}`,
    schedule,
    `batch ${batch}`,
    ...(options.augment ?? []).map(({ name }) => name),
    `seed ${seed}`,
  ];
  return [
    `${data.name}: ${grouped(train.count)} images to train on, ${grouped(test.count)} to test`,
    `${model}, ${grouped(parameters)} parameters; ${training.join(", ")}`,
    `on ${engine.info.adapter} (${engine.kind} engine)`,
  ];
}

/** "epoch 2/5  loss 0.1234  accuracy 96.31 %  test accuracy 96.90 %  2.31 s  26,012 samples/s" */
export function epochLine(epoch: Epoch, epochs: number): string {
  const number = String(epoch.epoch).padStart(String(epochs).length);
  return [
    `epoch ${number}/${epochs}`,
    `loss ${epoch.loss.toFixed(4)}`,
    `accuracy ${percent(epoch.accuracy ?? Number.NaN)}`,
    `test accuracy ${percent(epoch.validation?.accuracy ?? Number.NaN)}`,
    seconds(epoch.seconds),
    `${grouped(epoch.samplesPerSecond)} samples/s`,
  ].join("  ");
}

export function epochObject(epoch: Epoch, epochs: number) {
  return {
    event: "epoch",
    epoch: epoch.epoch,
    epochs,
    loss: epoch.loss,
    accuracy: epoch.accuracy,
    testLoss: epoch.validation?.loss,
    testAccuracy: epoch.validation?.accuracy,
    seconds: epoch.seconds,
    evaluationSeconds: epoch.validationSeconds,
    samplesPerSecond: epoch.samplesPerSecond,
  };
}

/** A confusion matrix with headings: a row for each true class, with recall and precision. */
export function confusionTable(confusion: readonly (readonly number[])[]): string[] {
  const classes = confusion.map((_, i) => i);
  const part = (hits: number, all: number) => (all > 0 ? percent(hits / all) : "–");
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const rows = classes.map((i) => [
    `${i}`,
    ...confusion[i].map((count) => (count === 0 ? "·" : `${count}`)),
    part(confusion[i][i], sum(confusion[i])),
  ]);
  const precision = classes.map((j) => {
    const said = sum(confusion.map((row) => row[j]));
    // Short, because it widens all columns.
    return said > 0 ? `${((confusion[j][j] / said) * 100).toFixed(1)}%` : "–";
  });
  return [
    "Confusion matrix: rows are the true digits, columns the predicted ones",
    ...table([
      ["", ...classes.map((i) => `${i}`.padStart(4)), "recall"],
      ...rows,
      ["precision", ...precision, ""],
    ]),
  ];
}

/** Timing of a run, in seconds. */
export interface Timing {
  readonly data: number;
  /** Adapter and device. */
  readonly device: number;
  /** From the call of `fit` to the first results. */
  readonly compile: number;
  /** Steps after the first results. */
  readonly training: number;
  readonly evaluation: number;
  readonly total: number;
}

export function timingTable(timing: Timing): string[] {
  const { data, device, compile, training, evaluation, total } = timing;
  const other = Math.max(0, total - data - device - compile - training - evaluation);
  const parts: [string, number][] = [
    ["data", data],
    ["adapter and device", device],
    ["compile and first steps", compile],
    ["training", training],
    ["evaluation", evaluation],
    ["other", other],
    ["total", total],
  ];
  const share = (value: number) => `${((value / total) * 100).toFixed(1)} %`;
  return [
    "Where the time went",
    ...table(parts.map(([what, value]) => [`  ${what}`, seconds(value), share(value)])),
  ];
}

export interface Result {
  readonly dataset: string;
  readonly trainSamples: number;
  readonly testSamples: number;
  readonly parameters: number;
  readonly device: "gpu" | "wasm" | "cpu";
  readonly adapter: string;
  readonly testLoss: number;
  readonly testAccuracy: number;
  readonly confusion: readonly (readonly number[])[];
  /** Number of samples in training steps; below, samples a second of all epochs' training time. */
  readonly samples: number;
  readonly samplesPerSecond: number;
  readonly timing: Timing;
  readonly saved?: string;
}

/** The last object of `--json`. */
export function resultObject(result: Result, options: TrainOptions) {
  const { summary, describe, json, datasetGiven, ...given } = options;
  return {
    event: "result",
    seconds: result.timing.total,
    seed: options.seed,
    ...result,
    options: given,
  };
}

/** The end of a run, for people. */
export function resultLines(result: Result): string[] {
  const { testAccuracy, testSamples, testLoss, confusion, samples, samplesPerSecond, timing, saved } = result;
  const right = Math.round(testAccuracy * testSamples);
  return [
    "",
    `Test accuracy ${percent(testAccuracy)} (${grouped(right)} of ${grouped(testSamples)}), loss ${testLoss.toFixed(4)}`,
    "",
    ...confusionTable(confusion),
    "",
    ...timingTable(timing),
    "",
    ...(samples === 0
      ? []
      : [
          `${grouped(samples)} samples trained on in ${seconds(samples / samplesPerSecond)}: ${grouped(samplesPerSecond)} a second, first steps included`,
        ]),
    ...(saved ? [`Weights saved to ${saved}`] : []),
  ];
}

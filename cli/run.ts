/** One training run: `fit` under the progress bar, measured. */
import { describe, type Engine, type Epoch, type Evaluation, type FitRun, fit, summary } from "wgrad";
import { augment } from "wgrad/augment";
import {
  type Callback,
  checkpoints,
  csvHistory,
  type EarlyStopping,
  earlyStopping,
  jsonHistory,
} from "wgrad/callbacks";
import type { TrainingData } from "./data.ts";
import type { Interruption } from "./interruption.ts";
import { buildModel } from "./model.ts";
import type { TrainOptions } from "./options.ts";
import type { Output } from "./output.ts";
import { TrainingBar } from "./progress.ts";
import { epochLine, epochObject, headLines, type Result, type Timing } from "./report.ts";
import { buildTraining } from "./training.ts";

/** A result, but for the time that went before and after the run. */
export interface RunResult extends Omit<Result, "timing"> {
  readonly timing: Pick<Timing, "compile" | "training" | "evaluation">;
}

export async function runTraining(
  engine: Engine,
  data: TrainingData,
  options: TrainOptions,
  output: Output,
  interruption: Interruption,
): Promise<RunResult> {
  const { train, test } = data;
  const model = buildModel(options, train.classes as number);
  const bar = new TrainingBar(process.stderr, options.epochs);
  const { earlyStopping: patience } = options;
  const stopping = patience === undefined ? undefined : earlyStopping({ patience });
  const began = performance.now();
  let firstResults = began;
  const run = fit(engine, model, train, {
    ...buildTraining(options),
    batchSize: options.batch,
    epochs: options.epochs,
    seed: options.seed,
    dropLast: options.dropLast,
    validation: test,
    augment: options.augment && augment(...options.augment),
    resume: options.resume,
    callbacks: callbacksOf(options, stopping),
    onCompiled: (program) => {
      if (options.describe) bar.around(() => output.line(describe(program)));
    },
    onProgress: (progress) => {
      if (firstResults === began) firstResults = performance.now();
      bar.update(progress);
    },
  });
  const parameters = run.trainer.parameterCount;
  for (const text of headLines(data, parameters, engine, options)) output.line(text);
  if (options.summary) output.line(summary(model, { inputShape: train.inputs.shape }));
  const epochs = await eachEpoch(run, bar, interruption, (epoch) => {
    if (options.json) output.json(epochObject(epoch, options.epochs));
    else output.line(epochLine(epoch, options.epochs));
  });
  const ended = performance.now();
  // Its weights were put back at the end.
  const kept = epochs.find(({ epoch }) => epoch === stopping?.best?.epoch) ?? epochs[epochs.length - 1];
  if (stopping && kept) output.line(`early stopping kept the weights of epoch ${kept.epoch}`);
  if (options.save !== undefined) await save(run, options.save, interruption);
  return {
    dataset: data.name,
    trainSamples: train.count,
    testSamples: test.count,
    parameters,
    device: engine.kind,
    adapter: engine.info.adapter,
    saved: options.save,
    ...totals(epochs, kept, (firstResults - began) / 1000, (ended - began) / 1000),
  };
}

function callbacksOf({ checkpoint, history }: TrainOptions, stopping: EarlyStopping | undefined): Callback[] {
  return [
    ...(stopping ? [stopping] : []),
    ...(checkpoint === undefined ? [] : [checkpoints(checkpoint)]),
    ...(history === undefined
      ? []
      : [history.endsWith(".jsonl") ? jsonHistory(history) : csvHistory(history)]),
  ];
}

/** Runs all epochs under the bar; `tell` prints each. */
async function eachEpoch(
  run: FitRun,
  bar: TrainingBar,
  interruption: Interruption,
  tell: (epoch: Epoch) => void,
): Promise<Epoch[]> {
  const epochs: Epoch[] = [];
  const leave = interruption.cleanUp(() => bar.hide());
  bar.show();
  try {
    for await (const epoch of run) {
      epochs.push(epoch);
      bar.around(() => tell(epoch));
    }
  } finally {
    bar.hide();
    leave();
  }
  return epochs;
}

/** What the epochs come to; `kept` is the one whose weights remain. `compile` and `total` are seconds, from the start of the run. */
function totals(epochs: readonly Epoch[], kept: Epoch, compile: number, total: number) {
  const sum = (value: (epoch: Epoch) => number) => epochs.reduce((part, epoch) => part + value(epoch), 0);
  const samples = Math.round(sum(({ samplesPerSecond, seconds }) => samplesPerSecond * seconds));
  const evaluation = sum(({ validationSeconds }) => validationSeconds);
  const { loss, accuracy, confusion } = kept.validation as Required<Evaluation>;
  return {
    testLoss: loss,
    testAccuracy: accuracy,
    confusion,
    samples,
    samplesPerSecond: samples / sum(({ seconds }) => seconds),
    timing: { compile, training: total - compile - evaluation, evaluation },
  };
}

/** Not to be interrupted: the file is written whole or not at all. */
async function save(run: FitRun, path: string, interruption: Interruption): Promise<void> {
  const release = interruption.hold();
  try {
    await run.save(path);
  } finally {
    release();
  }
}

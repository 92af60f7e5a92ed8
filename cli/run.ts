/** One training run: `fit` under the progress bar, measured. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
import { oneLine } from "./errors.ts";
import type { Interruption } from "./interruption.ts";
import { buildModel } from "./model.ts";
import type { TrainOptions } from "./options.ts";
import type { Output } from "./output.ts";
import { TrainingBar } from "./progress.ts";
import { epochLine, epochObject, headLines, type Result, type Timing } from "./report.ts";
import { buildTraining } from "./training.ts";

/** A result without the time before and after the run. */
interface RunResult extends Omit<Result, "timing"> {
  /** Why the weights could not be saved. */
  readonly failure?: unknown;
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
  const epochs: Epoch[] = [];
  const tell = (epoch: Epoch) => {
    epochs.push(epoch);
    if (options.json) output.json(epochObject(epoch, options.epochs));
    else output.line(epochLine(epoch, options.epochs));
  };
  try {
    await eachEpoch(run, bar, interruption, tell);
  } catch (error) {
    await saveDone(run, epochs.at(-1), options, output, interruption);
    throw error;
  }
  const ended = performance.now();
  // Early stopping restored the weights of its best epoch.
  const kept = epochs.find(({ epoch }) => epoch === stopping?.best?.epoch) ?? epochs[epochs.length - 1];
  if (stopping && kept) output.line(`early stopping kept the weights of epoch ${kept.epoch}`);
  const failure = options.save === undefined ? undefined : await save(run, options.save, interruption);
  return {
    dataset: data.name,
    trainSamples: train.count,
    testSamples: test.count,
    parameters,
    device: engine.kind,
    adapter: engine.info.adapter,
    saved: failure === undefined ? options.save : undefined,
    failure,
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
): Promise<void> {
  const leave = interruption.cleanUp(() => bar.hide());
  bar.show();
  try {
    for await (const epoch of run) bar.around(() => tell(epoch));
  } finally {
    bar.hide();
    leave();
  }
}

/** Saves the weights of a trained epoch whose files, such as a checkpoint, could not be written. */
async function saveDone(
  run: FitRun,
  told: Epoch | undefined,
  { save: path }: TrainOptions,
  { note }: Output,
  interruption: Interruption,
): Promise<void> {
  const last = run.history.at(-1);
  if (path === undefined || last === undefined || last === told) return;
  const failure = await save(run, path, interruption);
  note(failure === undefined ? `Weights of epoch ${last.epoch} saved to ${path}` : oneLine(failure));
}

/**
 * Totals of the epochs; `kept` is the epoch whose weights remain. `compile` and `total` are seconds from the start of
 * the run.
 */
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

/**
 * Saves without interruption: the file is written whole or not at all. Where the file cannot be written, the weights go
 * into a temporary file.
 * @returns the failure and the path of the weights
 */
async function save(run: FitRun, path: string, interruption: Interruption): Promise<unknown> {
  const release = interruption.hold();
  try {
    await run.save(path);
    return undefined;
  } catch (error) {
    try {
      const elsewhere = join(await mkdtemp(join(tmpdir(), "wgrad-")), "weights.safetensors");
      await run.save(elsewhere);
      return new Error(`${oneLine(error)}; the weights are in ${elsewhere} instead`, { cause: error });
    } catch {
      return error;
    }
  } finally {
    release();
  }
}

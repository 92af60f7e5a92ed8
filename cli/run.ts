/** One training run: `fit` under the progress bar, measured. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  DivergenceError,
  describe,
  type Engine,
  type Epoch,
  type Evaluation,
  type FitRun,
  fit,
  summary,
} from "wgrad";
import { augment } from "wgrad/augment";
import {
  type Callback,
  type Checkpoints,
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

/** What a training run talks to. */
interface Surroundings {
  readonly output: Output;
  readonly interruption: Interruption;
  /** The command line. */
  readonly args: readonly string[];
}

/** The options, with the checkpoint's path. */
type RunOptions = TrainOptions & { readonly resume?: string };

export async function runTraining(
  engine: Engine,
  data: TrainingData,
  options: RunOptions,
  { output, interruption, args }: Surroundings,
): Promise<RunResult> {
  const { train, test } = data;
  const model = buildModel(options, train.classes as number);
  const bar = new TrainingBar(process.stderr, options.epochs);
  const { earlyStopping: patience } = options;
  const stopping = patience === undefined ? undefined : earlyStopping({ patience });
  const { checkpoint, checkpointSteps: everySteps, keep } = options;
  const files = checkpoint === undefined ? undefined : checkpoints(checkpoint, { everySteps, keep });
  const controller = new AbortController();
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
    signal: controller.signal,
    callbacks: callbacksOf(options, stopping, files),
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
  // With checkpoints, the run ends by itself, and writes a last one.
  const leave = files && interruption.endBy(() => controller.abort());
  try {
    await eachEpoch(run, bar, interruption, tell);
  } catch (error) {
    if (interruption.code === undefined)
      await saveDone(run, error, epochs.at(-1), options, output, interruption);
    else if (files) output.note(goingOn(run, files, args));
    throw error;
  } finally {
    leave?.();
  }
  const ended = performance.now();
  const { history } = run;
  if (epochs.length === 0)
    output.note(`The run is complete: ${completeness(run, options.epochs)}. Nothing is left to train`);
  // Early stopping restored the weights of its best epoch, which may lie before the checkpoint.
  const kept = history.find(({ epoch }) => epoch === stopping?.best?.epoch) ?? history[history.length - 1];
  if (stopping) output.line(`early stopping kept the weights of epoch ${kept.epoch}`);
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

function callbacksOf(
  { history }: TrainOptions,
  stopping: EarlyStopping | undefined,
  files: Checkpoints | undefined,
): Callback[] {
  return [
    ...(stopping ? [stopping] : []),
    ...(files ? [files] : []),
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

/** What an interrupted run left, and how to go on. */
function goingOn({ place }: FitRun, { last, failure }: Checkpoints, args: readonly string[]): string {
  const written = last && `${last.path}, of step ${last.step} in epoch ${last.epoch}`;
  if (failure !== undefined) {
    return `The last checkpoint could not be written: ${oneLine(failure)}${written ? `; there is ${written}` : ""}`;
  }
  if (!last || !written)
    return place.steps === 0 ? "No step was taken" : "The run is as its checkpoint has it";
  const others = args.filter(
    (arg, i) => !arg.startsWith("--resume") && (args[i - 1] !== "--resume" || arg.startsWith("-")),
  );
  const words = [...others, "--resume"].map((arg) =>
    /^[\w./:=,@+-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`,
  );
  return `Checkpoint ${written}. To go on: npm run train -- ${words.join(" ")}`;
}

/** Saves the weights where the run failed behind the last epoch that was told, as at a checkpoint that could not be written. */
async function saveDone(
  run: FitRun,
  error: unknown,
  told: Epoch | undefined,
  { save: path }: TrainOptions,
  { note }: Output,
  interruption: Interruption,
): Promise<void> {
  const { steps, epoch, stepsOfEpoch } = run.place;
  const isNew = stepsOfEpoch > 0 || run.history.at(-1) !== told;
  if (path === undefined || steps === 0 || !isNew) return;
  const failure = await save(run, path, interruption);
  const at = stepsOfEpoch === 0 ? `of epoch ${epoch - 1}` : `of step ${steps}, in epoch ${epoch},`;
  if (failure === undefined) note(`Weights ${at} saved to ${path}`);
  else if (!(error instanceof DivergenceError)) note(oneLine(failure));
}

/** Why a run that goes on from a checkpoint has nothing left to train. */
function completeness({ stoppedBy, history }: FitRun, epochs: number): string {
  if (history.length < epochs) return `${stoppedBy} ended it after epoch ${history.length}`;
  return `its checkpoint has all ${epochs} epochs; for more, give --epochs, which counts from the beginning`;
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
    samplesPerSecond: samples === 0 ? 0 : samples / sum(({ seconds }) => seconds),
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

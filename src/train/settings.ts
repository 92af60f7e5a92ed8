/** Settings of training: options, checked, with functions resolved to their results. */
import { checkSignal } from "../abort.ts";
import { checkOptions, checkWhole, inWords, type OptionKinds } from "../checks.ts";
import { checkData, checkTargets } from "../data/dataset.ts";
import { asLayer, type Model } from "../nn/model/model.ts";
import { asLoss, type Loss } from "../nn/training/losses.ts";
import { checkOptimizer } from "../nn/training/optimizer.ts";
import { adam } from "../nn/training/optimizers.ts";
import { asSchedule, type Schedule } from "../nn/training/schedules.ts";
import { checkTrainingOptions } from "../nn/training/step.ts";
import type { Engine } from "../runtime/engine.ts";
import { checkEngine, checkMetrics } from "./arguments.ts";
import { defaultLoss } from "./defaults.ts";
import { checkConfusion } from "./evaluate.ts";
import { modeOf, monitorable } from "./monitor.ts";
import { checkNumbers, warnOfLargeTargets } from "./numbers.ts";
import { checkPolicies } from "./policy.ts";
import { checkSchema, schemaOf } from "./schema.ts";
import type { StepOptions } from "./session.ts";
import type { Data } from "./source.ts";
import { createTrainer, type Trainer } from "./trainer.ts";

/** Options with functions resolved to their results. */
export interface Settings extends StepOptions {
  readonly loss: Loss;
  readonly schedule?: Schedule;
}

/** Model, data and settings of training. */
export interface TrainingParts {
  /** `fit` or `session`, for messages. */
  readonly owner: string;
  readonly trainer: Trainer;
  readonly dataset: Data;
  readonly options: Settings;
  readonly batchSize: number;
  readonly epochs: number;
}

/**
 * Checks the options of training and opens the model, without memory on the engine yet.
 * @param most number of epochs where the options give none (default: unlimited)
 * @throws RangeError where an option is out of range; TypeError where an argument is of another kind, or the data has
 *   no targets
 */
export function settled<Options extends StepOptions>(
  owner: string,
  engine: Engine,
  model: Model,
  dataset: Data,
  options: Options,
  kinds: OptionKinds<Options>,
  most = Number.POSITIVE_INFINITY,
): TrainingParts & { readonly options: Omit<Options, keyof Settings> & Settings } {
  checkEngine(owner, engine);
  const layer = asLayer(model, owner);
  checkData(owner, "the data", dataset);
  checkTargets(owner, dataset);
  checkOptions(owner, options, kinds);
  const { batchSize = Math.min(128, dataset.count), epochs = most, seed = 0, optimizer = adam() } = options;
  const { accumulate = 1, augment, signal, validation, validationBatchSize } = options;
  checkWhole(`${owner}: batchSize`, batchSize);
  if (options.epochs !== undefined) checkWhole(`${owner}: epochs`, epochs);
  checkWhole(`${owner}: seed`, seed, 0);
  checkOptimizer(owner, optimizer);
  checkMetrics(owner, options.metrics ?? []);
  if (validation !== undefined) {
    checkData(owner, "validation", validation);
    checkTargets(`${owner}: validation`, validation);
  }
  if (validationBatchSize !== undefined) checkWhole(`${owner}: validationBatchSize`, validationBatchSize);
  checkConfusion(owner, options.confusion, validation ?? dataset);
  if (dataset.count < batchSize) {
    throw new RangeError(
      `${owner}: ${dataset.name} has ${dataset.count} samples, fewer than one batch of ${batchSize}; use a batchSize of at most ${dataset.count}`,
    );
  }
  checkTrainingOptions(owner, options);
  checkPolicies(owner, options);
  if (batchSize % accumulate !== 0) {
    throw new RangeError(
      `${owner}: accumulate is ${accumulate}; give a divisor of the batchSize ${batchSize}`,
    );
  }
  if (augment !== undefined && (typeof augment !== "object" || typeof augment.apply !== "function")) {
    throw new TypeError(
      `${owner}: augment is ${inWords(augment)}; give the result of augment(…) of wgrad/augment, such as augment(rotate(…), …)`,
    );
  }
  checkSignal(owner, signal);
  const loss = options.loss === undefined ? defaultLoss(owner, dataset) : asLoss(owner, options.loss);
  const schedule = scheduleOf(owner, dataset, options, batchSize, epochs);
  if (!("open" in dataset)) checkNumbers(owner, dataset);
  const schema = schemaOf(dataset);
  if (validation) checkSchema(`${owner}: validation`, validation, schema);
  const trainer = createTrainer(engine, layer, { inputShape: dataset.inputs.shape, optimizer, seed, schema });
  if (!("open" in dataset)) warnOfLargeTargets(owner, dataset, trainer);
  return { owner, trainer, dataset, options: { ...options, loss, schedule }, batchSize, epochs };
}

/** @throws RangeError where the schedule needs a number of epochs, or monitors a number that is not evaluated */
function scheduleOf(
  owner: string,
  dataset: Data,
  options: StepOptions,
  batchSize: number,
  epochs: number,
): Schedule | undefined {
  if (options.schedule === undefined) return undefined;
  if (epochs === Number.POSITIVE_INFINITY) {
    throw new RangeError(
      `${owner}: there is a schedule, which runs over all steps, and epochs is not given; give the passes over the data, epochs: 5`,
    );
  }
  const stepsPerEpoch = Math.ceil(dataset.count / batchSize);
  const begin = { step: 0, total: stepsPerEpoch * epochs, stepsPerEpoch, history: [] };
  const schedule = asSchedule(owner, options.schedule, begin);
  const { monitor, name, mode } = schedule;
  if (monitor === undefined) return { ...schedule, mode: undefined };
  return {
    ...schedule,
    mode: modeOf(`${owner}: the schedule ${name}`, monitor, mode, monitorable(dataset, options)),
  };
}

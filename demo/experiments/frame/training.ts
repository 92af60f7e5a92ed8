/** Training as experiments need it: to the end, with its curve, whether it went well or diverged. */
import {
  DivergenceError,
  type Engine,
  type Epoch,
  type FitOptions,
  fit,
  type Model,
  type Session,
  type Trainer,
} from "wgrad";
import type { Dataset } from "wgrad/data";

interface Trained {
  /** The epochs that ended; fewer than were asked for where training diverged. */
  readonly epochs: readonly Epoch[];
  /** Whether the loss became infinite or NaN. */
  readonly diverged: boolean;
}

/** Trains a model, and frees it. `use` sees it when it is trained, if it did not diverge. */
export async function train(
  engine: Engine,
  model: Model,
  data: Dataset,
  options: FitOptions,
  use?: (trainer: Trainer) => Promise<void>,
): Promise<Trained> {
  const run = fit(engine, model, data, options);
  const epochs: Epoch[] = [];
  try {
    for await (const epoch of run) epochs.push(epoch);
    await use?.(run.trainer);
    return { epochs, diverged: false };
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error;
    return { epochs, diverged: true };
  } finally {
    run.trainer.release();
  }
}

/** The losses of the next steps; undefined where training diverged. */
export async function nextLosses(training: Session, steps: number): Promise<readonly number[] | undefined> {
  try {
    return (await training.advance(steps)).losses;
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error;
    return undefined;
  }
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The accuracy on the validation set after an epoch, in percent. @throws Error where there was none */
export function validationAccuracy({ validation }: Epoch): number {
  if (validation?.accuracy === undefined)
    throw new Error("the epoch has no validation accuracy; give fit a validation set");
  return 100 * validation.accuracy;
}

export function last<T>(values: readonly T[]): T {
  const value = values[values.length - 1];
  if (value === undefined) throw new Error("there is no last value of none");
  return value;
}

/** "95.31 %". */
export function percent(value: number): string {
  return `${value.toFixed(2)} %`;
}

/**
 * Finds the first number of a training step that is not finite. This module is loaded where a loss or a weight has become
 * NaN or infinite.
 */
import { DeviceLostError, EngineError } from "../../runtime/engine.ts";
import type { TrainingParts } from "../settings.ts";
import type { BatchSource } from "../source.ts";
import type { TrainerState } from "../state.ts";
import { inBatch } from "./batch.ts";
import { Launches } from "./launches.ts";
import type { DivergenceReport } from "./report.ts";
import { type Finding, inState } from "./state.ts";
import { inScalars, type TracedStep } from "./step.ts";

export { reportInWords } from "./report.ts";
export type { TracedStep } from "./step.ts";

/**
 * Takes a step again, launch by launch, and says where its first number that is not finite comes from. The trainer is in the
 * state before the step, as it is again afterwards; the source holds the step's batch. Nothing else may run on the trainer
 * meanwhile.
 * @throws DeviceLostError where the device is lost meanwhile; the trainer's state is lost with it
 */
export async function traceNonFinite(
  parts: TrainingParts,
  source: BatchSource,
  step: TracedStep,
): Promise<DivergenceReport> {
  const tracer = new Tracer(parts, source, step.size);
  try {
    return await tracer.trace(step);
  } finally {
    tracer.release();
  }
}

/** Traces any number of steps with batches of one size: they share what is compiled. */
export class Tracer {
  readonly #launches: Launches;

  constructor(
    readonly parts: TrainingParts,
    readonly source: BatchSource,
    size: number,
  ) {
    this.#launches = new Launches(parts, source, size);
  }

  /** As {@link traceNonFinite}. */
  async trace(step: TracedStep): Promise<DivergenceReport> {
    const { trainer } = this.parts;
    const moment = { step: trainer.steps + 1, epoch: step.epoch };
    const state = await trainer.state();
    const found = await this.#find(step, state).catch((error) => {
      // That numbers went wrong is known; where they did is worth no other error, such as one of memory.
      if (error instanceof EngineError && !(error instanceof DeviceLostError)) return undefined;
      throw error;
    });
    return { ...moment, ...(found ?? { place: "unknown" }) };
  }

  async #find(step: TracedStep, state: TrainerState): Promise<Finding | undefined> {
    const { trainer } = this.parts;
    return (
      inState(trainer, state) ??
      (await inBatch(trainer, this.source, step)) ??
      inScalars(trainer, step) ??
      this.#launches.find(step, state)
    );
  }

  /** Frees the memory of what was compiled. */
  release(): void {
    this.#launches.release();
  }
}

/** A step that is traced: what it read, besides the trainer's state. */
import { BATCH_START } from "../../program.ts";
import type { StepScalars } from "../compiledStep.ts";

export interface TracedStep {
  readonly epoch: number;
  /** Number of samples in its batch. */
  readonly size: number;
  /** Where its batch begins in the source's order of samples, which is that of its epoch. */
  readonly start: number;
  /** With the schedule's factor. */
  readonly learningRate: number;
}

export function scalarsOf({ epoch, start, learningRate }: TracedStep): StepScalars {
  return { [BATCH_START]: start, epoch, learningRate };
}

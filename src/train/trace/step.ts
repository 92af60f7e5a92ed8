/** A step that is traced: what it reads besides the trainer's state and its batch. */
import { BATCH_START } from "../../program.ts";
import type { StepScalars } from "../compiledStep.ts";
import type { Trainer } from "../trainer.ts";
import type { Finding } from "./state.ts";

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

/** The first of the step's own numbers that is not finite in 32 bits; undefined where all are. */
export function inScalars({ optimizer, steps }: Trainer, { learningRate }: TracedStep): Finding | undefined {
  const own = Object.entries(optimizer?.scalars ?? {}).map(([name, at]) => [name, at(steps + 1)] as const);
  for (const [name, value] of [["learningRate", learningRate] as const, ...own]) {
    const rounded = Math.fround(value);
    if (!Number.isFinite(rounded)) return { place: "scalar", tensor: name, value: rounded };
  }
  return undefined;
}

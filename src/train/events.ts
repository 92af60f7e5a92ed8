/** Events of training that goes on although something went wrong, or ends because of it. */
import type { DeviceLostError, Engine } from "../runtime/engine.ts";
import type { DivergenceReport } from "./trace/report.ts";

/** Where in the training an event happened. */
export interface EventPlace {
  /** Number of the step, from 1, as the session counts. */
  readonly step: number;
  readonly epoch: number;
}

/** The device is gone; another is connected to. */
export interface LostEvent extends EventPlace {
  readonly kind: "lost";
  readonly error: DeviceLostError;
  /** Number of the attempt, from 1: of devices in a row that were lost before a step came back. */
  readonly attempt: number;
}

/** Training goes on, on `engine`. */
export interface RecoveredEvent extends EventPlace {
  readonly kind: "recovered";
  readonly engine: Engine;
  /** Number of steps of the state that training went back to, from which the others are taken again. */
  readonly from: number;
  /** Seconds from the news of the loss. */
  readonly seconds: number;
}

/** A step whose loss or gradients are not finite was not taken. */
export interface SkippedEvent extends EventPlace {
  readonly kind: "skipped";
  /** Such steps in a row, this one included. */
  readonly inARow: number;
}

/** Steps are taken again, at a lower learning rate. */
export interface RolledBackEvent extends EventPlace {
  readonly kind: "rolledBack";
  /** Number of steps that stay; those behind are taken again. */
  readonly to: number;
  /** The session's learning rate from here on, without the schedule's factor. */
  readonly learningRate: number;
  /** Number of the attempt, from 1. */
  readonly attempt: number;
}

/** Training ended before the step, because numbers went wrong in it; or behind it, where it was the last of too many skipped ones. */
export interface StoppedEvent extends EventPlace {
  readonly kind: "stopped";
  /** Where the first such number came from; none for steps that were skipped. */
  readonly report?: DivergenceReport | undefined;
}

export type TrainingEvent = LostEvent | RecoveredEvent | SkippedEvent | RolledBackEvent | StoppedEvent;

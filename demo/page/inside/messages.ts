/** Messages of the worker to the view about a step, as plain data. */
import type { Ceiling, LaunchTimes, programCost } from "wgrad";
import type { LaunchDetails, MemoryLayout } from "wgrad/inspect";
import type { Device } from "../device.tsx";
import type { LaunchTime } from "./times.ts";

/** A training step, taken apart. */
export interface Recording {
  readonly device: Device;
  readonly parameters: number;
  readonly batchSize: number;
  /** Random images that stand for the data set. */
  readonly images: number;
  readonly launches: readonly LaunchDetails[];
  readonly memory: MemoryLayout;
  readonly cost: ReturnType<typeof programCost>;
}

export interface LaunchMeasurement extends LaunchTime {
  /** The part of the time that the device would need at least, by its ceiling. */
  readonly share?: number;
}

/** The results so far. */
export interface Measurement {
  readonly ceiling?: Ceiling;
  /** A step as training runs it, many in one submit, by the clock. */
  readonly stepMs?: number;
  readonly method?: LaunchTimes["method"];
  /** Steps that were timed launch by launch. */
  readonly steps: number;
  /** In the order of the recording's; none before the first is timed. */
  readonly launches: readonly LaunchMeasurement[];
}

/** Progress of a measurement. */
export interface MeasurementNews {
  readonly words: string;
  readonly measurement: Measurement;
}

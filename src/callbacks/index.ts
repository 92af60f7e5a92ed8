/** The public surface of `wgrad/callbacks`. */
export type { Callback } from "../train/callback.ts";
export {
  type Checkpoints,
  type CheckpointsOptions,
  checkpoints,
  type WrittenCheckpoint,
} from "./checkpoints.ts";
export { bestCheckpoint, csvHistory, type History, jsonHistory } from "./files.ts";
export type { MonitorOptions } from "./monitor.ts";
export { type EarlyStopping, type EarlyStoppingOptions, earlyStopping } from "./stopping.ts";

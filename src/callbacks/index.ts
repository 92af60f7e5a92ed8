/** The public surface of `wgrad/callbacks`. */
export type { Callback } from "../train/callback.ts";
export { bestCheckpoint, checkpoints, csvHistory, type History, jsonHistory } from "./files.ts";
export type { MonitorOptions } from "./monitor.ts";
export { type EarlyStopping, type EarlyStoppingOptions, earlyStopping } from "./stopping.ts";

/** All readers of bytes and texts from outside. */
import { gz, idx, packedIdx } from "./binary.ts";
import type { Reader } from "./reader.ts";
import { checkpoint, mnistFolder, record, tuning, weights } from "./state.ts";
import { csv, csvNumbers, safetensors, scaler } from "./text.ts";

export const READERS: readonly Reader[] = [
  idx,
  packedIdx,
  gz,
  csv,
  csvNumbers,
  safetensors,
  scaler,
  weights,
  checkpoint,
  record,
  tuning,
  mnistFolder,
];

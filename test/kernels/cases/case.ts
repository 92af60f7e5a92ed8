/** A kernel's case: one run, and how close its twin must come. */
import type { Tolerance } from "../../helpers/compare.ts";
import type { KernelRun } from "../../helpers/kernel-run.ts";

export interface KernelCase {
  readonly name: string;
  readonly run: KernelRun;
  readonly tolerance: Tolerance;
  /** Positions of what is updated that belong to nobody: they start at zero, and must stay there. */
  readonly padding?: readonly number[];
  /** Whether what is updated should stay as it is; otherwise it must not. */
  readonly unchanged?: boolean;
}

/** Both sides round each result to 32 bits; the GPU also rounds in between, over a few operations. */
export const TIGHT: Tolerance = { rtol: 1e-5, atol: 1e-6 };
/** Indices, counts, and numbers that are only moved. */
export const EXACT: Tolerance = { rtol: 0, atol: 0 };

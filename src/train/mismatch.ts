/** The error of a checkpoint of another run. */
import type { ResumeAspect } from "./fingerprint.ts";

/** One difference between a checkpoint's run and this one. */
export interface CheckpointDifference {
  /** Its name in the option `allow`. */
  readonly aspect: ResumeAspect;
  /** The difference in words: "seed is 1, this run's 2". */
  readonly words: string;
}

/** A checkpoint is of another run. Nothing was changed. */
export class CheckpointMismatchError extends Error {
  override readonly name = "CheckpointMismatchError";

  constructor(
    message: string,
    /** All differences that are not allowed. */
    readonly differences: readonly CheckpointDifference[],
  ) {
    super(message);
  }
}

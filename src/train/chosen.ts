/** The policies that options choose, with their numbers: for training, which is loaded later than the checks of options. */
import type { PolicyOptions, RecoverOptions } from "./policy.ts";

/** Undefined where a lost device ends the training. */
export function recoveryOf({ recover }: PolicyOptions): RecoverOptions | undefined {
  return recover === true ? {} : recover || undefined;
}

/** The policy with its numbers. */
export function rollbackOf({ onNonFinite }: PolicyOptions, stepsPerEpoch: number) {
  const given = typeof onNonFinite === "object" ? onNonFinite : onNonFinite === "rollback" ? {} : undefined;
  const every = Math.min(stepsPerEpoch, 1000);
  return given && { attempts: 3, factor: 0.5, every, ...given };
}

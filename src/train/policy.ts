/** What training does when something goes wrong: options, and their checks. */
import { checkOptions, checkWhole, inWords, type OptionKinds } from "../checks.ts";
import type { Engine } from "../runtime/engine.ts";

/** How training goes on after the loss of its device. */
export interface RecoverOptions {
  /**
   * Number of steps from one snapshot to the next (default: as many as keep the cost of snapshots below 0.5 % of the
   * time). Steps since the last snapshot are taken again on the new device, with the same results.
   */
  readonly every?: number;
  /** Most devices that may be lost in a row, before a step comes back (default 3). */
  readonly attempts?: number;
  /** Opens the new engine (default: `connect()` again, with the options of the engine that was lost). */
  readonly connect?: () => Promise<Engine>;
}

/** Goes back and takes the steps again, at a lower learning rate. */
export interface RollbackPolicy {
  readonly policy: "rollback";
  /** Most times in one run (default 3); then training stops. */
  readonly attempts?: number;
  /** Factor of the learning rate, each time (default 0.5). */
  readonly factor?: number;
  /**
   * Steps from one mark to the next that training can go back to (default: an epoch, at most 1000). Training goes back to the
   * last mark before the step that went wrong.
   */
  readonly every?: number;
}

/** What to do about a loss, gradient or weight that is not finite. */
export type NonFinitePolicy = "stop" | "skip" | "rollback" | RollbackPolicy;

/** The options of training that concern what goes wrong. */
export interface PolicyOptions {
  readonly onNonFinite?: NonFinitePolicy;
  readonly recover?: boolean | RecoverOptions;
  readonly onEvent?: unknown;
}

const RECOVER: OptionKinds<RecoverOptions> = { every: "number", attempts: "number", connect: "function" };
const ROLLBACK: OptionKinds<RollbackPolicy> = {
  policy: "string",
  attempts: "number",
  factor: "number",
  every: "number",
};

/** @throws RangeError where an option is out of range; TypeError where one is unknown or of another kind */
export function checkPolicies(owner: string, { onNonFinite, recover }: PolicyOptions): void {
  if (recover !== undefined && typeof recover !== "boolean") {
    const { every = 1, attempts = 1 } = checkOptions(`${owner}: recover`, recover, RECOVER);
    checkWhole(`${owner}: recover.every`, every);
    checkWhole(`${owner}: recover.attempts`, attempts);
  }
  const name = `${owner}: onNonFinite`;
  if (typeof onNonFinite === "object") checkOptions(name, onNonFinite, ROLLBACK);
  const {
    policy = onNonFinite,
    attempts = 1,
    factor = 0.5,
    every = 1,
  } = Object(onNonFinite) as Partial<RollbackPolicy>;
  const allowed = typeof onNonFinite === "object" ? ["rollback"] : ["stop", "skip", "rollback", undefined];
  if (!allowed.includes(policy as string)) {
    throw new RangeError(
      `${name} is ${inWords(onNonFinite)}; give "stop", "skip", "rollback", or { policy: "rollback", attempts, factor, every }`,
    );
  }
  checkWhole(`${name}.attempts`, attempts);
  checkWhole(`${name}.every`, every);
  if (factor > 0 && factor < 1) return;
  throw new RangeError(`${name}.factor is ${factor}; give a number between 0 and 1`);
}

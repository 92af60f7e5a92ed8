/** A trainer's state as plain data, and its checks before it is restored. */
import { inWords } from "../checks.ts";
import { checkNonFinite, firstNonFinite, type NonFinite } from "./finite.ts";

/** Metadata key of a checkpoint, by which its file is told from one of weights. */
export const CHECKPOINT_KEY = "wgrad.checkpoint";

/** State that determines a trainer's next steps, as plain data: it can be sent to workers, and outlives the engine. */
export interface TrainerState {
  readonly steps: number;
  /** Names and shapes of the tensors; below, the optimizer's name. A trainer restores only an equal state. */
  readonly model: string;
  readonly optimizer: string;
  /** Parameters, running statistics and the optimizer's moments, each as one array. */
  readonly arenas: Readonly<Record<string, Float32Array>>;
}

export interface RestoreOptions {
  /** Whether the state may hold NaN and infinities (default "refuse": they would spread to all later numbers). */
  readonly nonFinite?: NonFinite;
}

/** A trainer's arenas, by name and length. */
interface Expected extends Pick<TrainerState, "model" | "optimizer"> {
  readonly names: readonly string[];
  readonly arenas: Readonly<Record<string, { readonly length: number }>>;
}

/** Letters of a state's own words that a message shows. */
const MOST_SHOWN = 500;

/** @throws Error, TypeError or RangeError naming the part that does not fit; `what` opens the message */
export function checkState(
  what: string,
  state: TrainerState,
  expected: Expected,
  nonFinite: NonFinite = "refuse",
): void {
  checkNonFinite(what, nonFinite);
  if (
    typeof state !== "object" ||
    state === null ||
    typeof state.arenas !== "object" ||
    state.arenas === null
  ) {
    throw new TypeError(`${what} is ${inWords(state)}; give the result of snapshot()`);
  }
  const { steps, arenas } = state;
  if (!Number.isSafeInteger(steps) || steps < 0) {
    throw new RangeError(`${what}'s steps are ${inWords(steps)}; expected a whole number from 0 to 2^53 - 1`);
  }
  for (const key of ["model", "optimizer"] as const) {
    const given: unknown = state[key];
    if (given === expected[key]) continue;
    const words = typeof given === "string" ? given.slice(0, MOST_SHOWN) : inWords(given);
    throw new Error(`${what}'s ${key} is ${words}, this one's ${expected[key]}; use the same`);
  }
  const { names } = expected;
  const extra = Object.keys(arenas).filter((name) => !names.includes(name));
  if (extra.length > 0)
    throw new Error(
      `${what} holds ${extra.join(", ").slice(0, MOST_SHOWN)}, which this model and optimizer do not have`,
    );
  for (const name of names)
    checkArena(`${what}'s ${name}`, arenas[name], expected.arenas[name].length, nonFinite);
}

function checkArena(what: string, arena: unknown, length: number, nonFinite: NonFinite): void {
  if (arena === undefined)
    throw new Error(`${what} are missing; was it cut off, or taken with another optimizer?`);
  if (!(arena instanceof Float32Array))
    throw new TypeError(`${what} are ${inWords(arena)}; expected a Float32Array`);
  if (arena.length !== length)
    throw new Error(`${what} are ${arena.length} numbers, the model has ${length}; was it changed?`);
  const at = nonFinite === "allow" ? -1 : firstNonFinite(arena);
  if (at < 0) return;
  throw new RangeError(
    `${what} hold ${arena[at]} at element ${at}; take a state from before the run diverged, or pass nonFinite: "allow"`,
  );
}

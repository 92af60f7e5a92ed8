/** The newest state of a session that is known to be good, on the host: training can be taken up again from there. */
import type { SessionState } from "./session.ts";

/** Part of the time that snapshots may take. */
const MOST_COST = 1 / 200;
/** Milliseconds that the first snapshot waits for, while nobody knows what one costs. */
const FIRST_MS = 1000;
/** Least milliseconds that a snapshot counts as. */
const LEAST_MS = 1;

/** A state without its place. */
export type SafeState = Pick<SessionState, "trainer" | "learningRate" | "history">;

/** A snapshot that is being read, or whose steps have not all come back. */
interface Candidate {
  readonly steps: number;
  state?: SafeState;
}

export class Safe {
  #state: SafeState | (() => SafeState);
  #candidate: Candidate | undefined;
  #taken = performance.now();
  #wait = FIRST_MS;

  constructor(
    /** Number of steps of the state. */
    public steps: number,
    /** The state, or what makes it. */
    state: SafeState | (() => SafeState),
    /** Steps from one snapshot to the next, where that was asked for. */
    readonly every: number | undefined,
    /** Snapshots are taken where the number of steps is a multiple. */
    readonly multiple: number,
    /** Steps behind a snapshot that must have come back before the state before it is given up. */
    readonly behind: number,
  ) {
    this.#state = state;
  }

  get state(): SafeState {
    return typeof this.#state === "function" ? this.#state() : this.#state;
  }

  /** Puts another state in its place, whatever was before. */
  set(steps: number, state: SafeState | (() => SafeState)): void {
    this.steps = steps;
    this.#state = state;
    this.#candidate = undefined;
  }

  /** Most steps of the next bunch: a snapshot that is due comes between two of them. */
  most(taken: number): number {
    return this.#due(taken) ? this.multiple - (taken % this.multiple) : Number.POSITIVE_INFINITY;
  }

  #due(taken: number): boolean {
    if (this.#candidate || taken === this.steps) return false;
    if (this.every !== undefined) return taken >= this.steps + this.every;
    return performance.now() - this.#taken > this.#wait;
  }

  /**
   * Takes a snapshot where one is due: `read` enqueues it behind the steps so far, which have come back with `before`.
   * Nobody waits for it.
   */
  offer(taken: number, read: () => Promise<SafeState>, before: Promise<unknown>): void {
    if (!this.#due(taken) || taken % this.multiple !== 0) return;
    const candidate: Candidate = { steps: taken };
    this.#candidate = candidate;
    let began = performance.now();
    const state = read();
    const enqueueing = performance.now() - began;
    // What the engine does before it comes to the snapshot is no cost of the snapshot.
    before.then(() => {
      began = performance.now();
    });
    state.then(
      (state) => {
        candidate.state = state;
        this.#taken = performance.now();
        this.#wait = Math.max(LEAST_MS, enqueueing + this.#taken - began) / MOST_COST;
      },
      () => {
        // There is no room for it, or the device is gone, of which the next step tells.
        if (this.#candidate === candidate) this.#candidate = undefined;
        this.#taken = performance.now();
        this.#wait *= 2;
      },
    );
  }

  /** Told of the number of steps that came back well. @returns whether the snapshot took the place of the state before */
  advance(good: number): boolean {
    const { state, steps } = this.#candidate ?? {};
    if (!state || steps === undefined || good < steps + this.behind) return false;
    this.set(steps, state);
    return true;
  }

  /** Gives up the snapshot that is being read: the steps before it are taken again. */
  drop(): void {
    this.#candidate = undefined;
  }
}

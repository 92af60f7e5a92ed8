/** Steps that were enqueued together, and what came back of them. */
import { NonFiniteCode } from "../nn/training/guard.ts";
import type { Outputs } from "../runtime/engine.ts";

/** What came back of the first steps of a bunch: of all of them, unless there is an error. */
export interface Results {
  readonly losses: readonly number[];
  readonly correct: readonly number[];
  /** Signs of numbers that are not finite. */
  readonly signs: readonly number[];
  readonly error?: unknown;
}

/** Kept until a later state is safe: until then the steps may have to be taken again, and give the same. */
export class Bunch {
  /** Resolves once, however often the steps are taken. */
  readonly results: Promise<Results>;
  settled = false;
  #settle: (results: Results) => void = () => {};
  readonly #losses: number[] = [];
  readonly #correct: number[] = [];
  readonly #signs: number[] = [];
  /** What is reported of the first steps, however they come out when they are taken again. */
  #kept: readonly (readonly number[])[] = [[], [], []];

  constructor(
    /** Number of steps before. */
    readonly first: number,
    /** Samples in a step. */
    readonly size: number,
    readonly epoch: number,
    /** Learning rate of each step. */
    public rates: readonly number[],
  ) {
    this.results = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get end(): number {
    return this.first + this.rates.length;
  }

  get #came(): number[][] {
    return [this.#losses, this.#correct, this.#signs];
  }

  /** What came back, with what was kept in its place. */
  get #reported(): number[][] {
    return this.#came.map((list, i) => [...this.#kept[i], ...list.slice(this.#kept[i].length)]);
  }

  /**
   * Keeps what came back of steps before that one: it was right, and so what is reported does not depend on how many steps
   * are in a bunch.
   */
  keep(step: number): void {
    const kept = Math.max(this.#kept[0].length, step - this.first);
    this.#kept = this.#reported.map((list) => list.slice(0, kept));
  }

  /** Forgets what came back: the steps are taken again. */
  again(): void {
    for (const list of this.#came) list.length = 0;
  }

  /**
   * Takes in the outputs of its next steps, and settles with the last of them.
   * @returns the first step in which numbers went wrong, if any, from 0
   */
  came({ loss, correct, nonFinite }: Outputs): number | undefined {
    for (let i = 0; i < loss.length; i++) {
      this.#losses.push(loss[i]);
      if (correct) this.#correct.push(correct[i]);
      this.#signs.push(nonFinite[i]);
    }
    const wrong = this.#signs.findIndex((sign) => sign !== 0 && (sign & NonFiniteCode.skipped) === 0);
    if (wrong >= 0) return this.first + wrong;
    if (this.#losses.length === this.rates.length) this.settle();
    return undefined;
  }

  lossOf(step: number): number {
    return this.#losses[step - this.first];
  }

  rateOf(step: number): number {
    return this.rates[step - this.first];
  }

  /** Nothing more comes; with an error, only the steps before `end` count. */
  settle(error?: unknown, end = error === undefined ? this.end : this.first): void {
    if (this.settled) return;
    this.settled = true;
    const [losses, correct, signs] = this.#reported.map((list) => list.slice(0, end - this.first));
    this.#settle({ losses, correct, signs, error });
  }
}

/** Totals of steps so far, and checks that loss and weights are finite. */
import { sum } from "../nn/graph/ops/reduce.ts";
import { mul } from "../nn/graph/ops/scalar.ts";
import { dataSource } from "../nn/graph/ops/source.ts";
import { reshape } from "../nn/graph/ops/view.ts";
import type { BufferReader, EngineBuffer } from "../runtime/engine.ts";
import type { CompiledStep } from "./compiledStep.ts";
import { DivergenceError } from "./divergence.ts";
import { firstNonFinite } from "./finite.ts";
import type { Advance, Place } from "./session.ts";
import type { Trainer } from "./trainer.ts";

/** Sums over the steps of an epoch so far: each step is added by itself, so that they are the same for any submits. */
export interface Sums {
  readonly samples: number;
  /** Sum of the samples' losses. */
  readonly loss: number;
  /** Number of samples predicted correctly; 0 where targets are no classes. */
  readonly correct: number;
}

/** Totals of some steps. */
export class Totals {
  samples: number;
  readonly losses: number[] = [];
  learningRate = 0;
  hostMilliseconds = 0;
  #loss: number;
  #correct: number;

  /** @param from sums of the epoch's steps before */
  constructor(
    readonly owner: string,
    readonly counts: boolean,
    from: Sums = { samples: 0, loss: 0, correct: 0 },
  ) {
    this.samples = from.samples;
    this.#loss = from.loss;
    this.#correct = from.correct;
  }

  add(losses: ArrayLike<number>, correct: ArrayLike<number> | undefined, batchSize: number): void {
    for (let i = 0; i < losses.length; i++) {
      this.samples += batchSize;
      this.losses.push(losses[i]);
      this.#loss += losses[i] * batchSize;
      this.#correct += correct?.[i] ?? 0;
    }
  }

  get loss(): number {
    return this.#loss / this.samples;
  }

  get accuracy(): number | undefined {
    return this.counts ? this.#correct / this.samples : undefined;
  }

  get sums(): Sums {
    return { samples: this.samples, loss: this.#loss, correct: this.#correct };
  }

  /** @throws DivergenceError as soon as the loss is not finite: further steps would waste time */
  check(epoch: number): void {
    if (this.samples > 0 && !Number.isFinite(this.#loss)) {
      throw new DivergenceError(
        `${this.owner}: the loss became ${this.#loss} in epoch ${epoch}; use a lower learning rate, or look for NaN in the data`,
      );
    }
  }

  advance(place: Place): Advance {
    const { samples, losses, loss, accuracy, learningRate, hostMilliseconds } = this;
    const steps = losses.length;
    return { steps, samples, losses, loss, accuracy, learningRate, hostMilliseconds, place };
  }
}

/** Largest size of an arena that is read faster than a program over it is compiled. */
const FEW = 2 ** 18;
/** Number of partial sums that keeps a device busy; arenas divide into whole parts. */
const PARTS = 64;
/** Scale of the summed numbers: their sums cannot overflow, however many and large they are. */
const SCALE = 2 ** -64;

/**
 * Checks that weights are finite. The loss reveals divergence one step late, because it precedes its step's update;
 * after an epoch's last update, only the weights show it.
 */
export class FiniteWeights {
  private constructor(
    readonly trainer: Trainer,
    /** Readers of small arenas. */
    readonly readers: readonly BufferReader[],
    /** Sums large arenas on the engine: a sum is finite exactly where all terms are. */
    readonly sums: CompiledStep | undefined,
  ) {}

  static async open(trainer: Trainer): Promise<FiniteWeights> {
    const { parameters, statistics } = trainer.memory;
    const data = Object.fromEntries(
      Object.entries({ parameters, statistics }).filter(([, memory]) => memory !== undefined),
    );
    const all = Object.values(data);
    if (all.reduce((sum, { length }) => sum + length, 0) <= FEW) {
      const readers = all.map((memory) => memory.reader());
      return new FiniteWeights(trainer, readers, undefined);
    }
    const sumOf = ([name, { length }]: [string, EngineBuffer]) => {
      const parts = reshape(dataSource(name, [length], "f32"), [PARTS, length / PARTS]);
      return [name, sum(mul(parts, SCALE), 1)];
    };
    const trace = () => Object.fromEntries(Object.entries(data).map(sumOf));
    const sums = await trainer.compile(trace, { name: "sums of weights", training: false, data });
    return new FiniteWeights(trainer, [], sums);
  }

  /** Whether weights are finite after all steps enqueued so far. */
  async areFinite(): Promise<boolean> {
    const values = this.sums
      ? Object.values(await this.sums.run())
      : await Promise.all(this.readers.map((reader) => reader.read()));
    return values.every((numbers) => firstNonFinite(numbers as Float32Array) < 0);
  }

  async divergence(owner: string, epoch: number): Promise<DivergenceError> {
    const weights = Object.entries(await this.trainer.weights({ nonFinite: "allow" }));
    const bad = weights.map(([name, { data }]) => ({ name, at: firstNonFinite(data), data }));
    const { name, at, data } = bad.find(({ at }) => at >= 0) ?? {
      name: "a weight",
      at: 0,
      data: [Number.NaN],
    };
    return new DivergenceError(
      `${owner}: ${name} became ${data[at]} in the last step of epoch ${epoch}; use a lower learning rate, or clip gradients`,
    );
  }

  release(): void {
    for (const one of [...this.readers, this.sums]) one?.release();
  }
}

/** Compiled steps kept for later calls: a bounded number, the least recently used dropped first. */
import type { Engine } from "../runtime/engine.ts";
import type { CompiledStep } from "./compiledStep.ts";

/** Limit of kept steps: powers of two up to 256 samples, for outputs, probabilities and one or two custom batch sizes. */
const MOST = 24;

interface Entry {
  readonly step: Promise<CompiledStep>;
  /** The settled step, for calls as quick as a small step. */
  compiled?: CompiledStep;
  /** Number of calls that use the step. */
  users: number;
  /** Whether the step is freed after its last use. */
  dropped: boolean;
}

export class KeptSteps {
  /** By key, the most recently used last. */
  readonly #entries = new Map<string, Entry>();
  /** Most samples of a step, as far as the device's limit is known. */
  most = 256;

  #engine: Engine | undefined;

  /** The steps on that engine: those on another are freed. */
  on(engine: Engine): this {
    if (this.#engine !== engine) this.release();
    this.#engine = engine;
    return this;
  }

  /** Runs `use` with the step of that key, compiled by `make` where missing. */
  async use<T>(
    key: string,
    make: () => Promise<CompiledStep>,
    use: (step: CompiledStep) => Promise<T>,
  ): Promise<T> {
    const entry = this.#entries.get(key) ?? { step: make(), users: 0, dropped: false };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.users++;
    try {
      return await use(entry.compiled ?? (await this.#compiled(key, entry)));
    } finally {
      entry.users--;
      if (entry.dropped && entry.users === 0) await freed(entry);
      if (this.#entries.size > MOST) this.#drop(this.#entries.keys().next().value as string);
    }
  }

  async #compiled(key: string, entry: Entry): Promise<CompiledStep> {
    try {
      entry.compiled = await entry.step;
      return entry.compiled;
    } catch (error) {
      // A later call may succeed, with other inputs or more free memory.
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    }
  }

  /** Frees all steps, those in use after their use. */
  release(): void {
    for (const key of [...this.#entries.keys()]) this.#drop(key);
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key) as Entry;
    this.#entries.delete(key);
    entry.dropped = true;
    if (entry.users === 0) void freed(entry);
  }
}

/** A step that failed to compile has no memory; its error was reported. */
async function freed({ step }: Entry): Promise<void> {
  await step.then(
    (compiled) => compiled.release(),
    () => {},
  );
}

/** Compiled steps that are kept for later calls: a bounded number, of which those go that were not used for longest. */
import type { CompiledStep } from "./compiledStep.ts";

/** Samples in powers of two up to 256, for outputs, probabilities and a batch size or two of one's own. */
const MOST = 24;

interface Entry {
  readonly step: Promise<CompiledStep>;
  /** The same once it is there, for calls that are as quick as a small step. */
  compiled?: CompiledStep;
  /** Calls that are using it. */
  users: number;
  /** It is no longer kept, and goes with its last user. */
  dropped: boolean;
}

export class KeptSteps {
  /** By what they were compiled for, the most recently used last. */
  readonly #entries = new Map<string, Entry>();
  /** How many samples a step may take, as far as is known of what the device can hold. */
  most = 256;

  /** Runs `use` with the step of that key, which `make` compiles where there is none. */
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
      // Another call may do better: with other inputs, or on an engine that has room again.
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    }
  }

  /** Frees them all, those in use when that is over. */
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

/** A step that was never compiled has nothing to free: its error has been told. */
async function freed({ step }: Entry): Promise<void> {
  await step.then(
    (compiled) => compiled.release(),
    () => {},
  );
}

/** Work that outlasts the engine it began on: after trouble, all of it waits until that is put right. */
import { DeviceLostError } from "../runtime/engine.ts";
import { recoveryOf } from "./chosen.ts";
import type { Mended, Mender } from "./mend.ts";
import type { OnEngine } from "./onEngine.ts";
import type { StepQueue } from "./queue.ts";
import type { Safe } from "./safe.ts";

export class Lasting {
  /** Errors that ended the steps enqueued before. */
  readonly failures: unknown[] = [];
  /** Ends with the last work that nothing may interrupt: reading and enqueueing steps, and going back. */
  #alone: Promise<unknown> = Promise.resolve();
  #mending: Promise<void> | undefined;

  constructor(
    readonly queue: StepQueue,
    readonly safe: Safe,
    readonly session: Mended,
    public mender: Mender | undefined,
  ) {
    queue.tell = () => void this.#mend();
  }

  /** Whether something is being put right. */
  get mending(): boolean {
    return this.#mending !== undefined;
  }

  /** Does it while nothing else touches the queue. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#alone.then(work);
    this.#alone = done.catch(() => {});
    return done;
  }

  /** Does it, again on another engine where the device is lost meanwhile. */
  async does<T>(work: (on: OnEngine) => Promise<T>): Promise<T> {
    for (;;) {
      const { on } = this.queue;
      try {
        return await work(on);
      } catch (error) {
        await this.recovered(error, this.queue.on === on);
      }
    }
  }

  /**
   * Waits until another engine stands in for one whose device is lost.
   * @param current whether it is the engine on which training goes on
   * @throws the error, where it is another, or no engine is to be had
   */
  async recovered(error: unknown, current: boolean): Promise<void> {
    this.session.checkHeld();
    if (!(error instanceof DeviceLostError)) throw error;
    if (!recoveryOf(this.queue.parts.options)) throw this.withState(error);
    const failed = this.failures.length;
    if (current) this.queue.trouble = { lost: error };
    await this.#mend();
    if (this.failures.length > failed) throw this.failures[failed];
  }

  /** Puts right what went wrong, unless that is under way. Never rejects. */
  #mend(): Promise<void> {
    this.#mending ??= this.alone(() => this.#mended()).finally(() => {
      this.#mending = undefined;
    });
    return this.#mending;
  }

  async #mended(): Promise<void> {
    const { queue, safe, session } = this;
    try {
      const { lost } = queue.trouble ?? {};
      if (lost && !recoveryOf(queue.parts.options)) throw this.withState(lost);
      if (!this.mender) {
        const { Mender } = await import("./mend.ts");
        this.mender = new Mender(queue.parts, safe, queue.firstEpoch);
      }
      await this.mender.mend(queue, session);
    } catch (error) {
      await queue.idle();
      queue.trouble = undefined;
      queue.fail(error);
      this.failures.push(error);
    }
  }

  /** Without another engine, people get what is known to be good. */
  withState({ message, cause }: DeviceLostError): DeviceLostError {
    return new DeviceLostError(message, { cause, state: this.session.safeState });
  }
}

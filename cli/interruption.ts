/**
 * Interruptions: Ctrl-C, and a reader of the output that ends. Work that can end in good order, such as a training with
 * checkpoints, is asked to; a second signal ends the process at once. The terminal stays whole, and no file half-written.
 */

/** Exit codes as shells define them: 128 plus the signal's number. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
const SIGPIPE = 128 + 13;

export class Interruption {
  readonly #cleanUps = new Set<() => void>();
  #stop: (() => void) | undefined;
  #holds = 0;
  #code: number | undefined;
  #lostOutput = false;

  constructor() {
    for (const [signal, exitCode] of Object.entries(SIGNALS))
      process.on(signal, () => this.#interrupt(exitCode, "interrupted"));
    // As in `npm run train | head`: nobody reads the output any more.
    for (const stream of [process.stdout, process.stderr]) {
      stream.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code !== "EPIPE") this.#tellLost(error);
        else if (this.#code === undefined) this.#interrupt(SIGPIPE);
      });
    }
  }

  /** The exit code of an interruption, once there was one. */
  get code(): number | undefined {
    return this.#code;
  }

  /** Whether printed text was lost, as on a full disk. Training continues: its files may lie elsewhere. */
  get lostOutput(): boolean {
    return this.#lostOutput;
  }

  #tellLost(error: Error): void {
    if (!this.#lostOutput) process.stderr.write(`train: the output cannot be written: ${error.message}\n`);
    this.#lostOutput = true;
  }

  #interrupt(code: number, word?: string): void {
    const again = this.#code !== undefined;
    this.#code ??= code;
    for (const work of this.#cleanUps) work();
    const stop = again ? undefined : this.#stop;
    if (word) process.stderr.write(stop ? `${word}: the next time, it ends at once\n` : `${word}\n`);
    if (stop) stop();
    else if (again || this.#holds === 0) process.exit(this.#code);
  }

  /**
   * Runs `work` when the process is interrupted.
   * @returns a function that cancels this
   */
  cleanUp(work: () => void): () => void {
    this.#cleanUps.add(work);
    return () => void this.#cleanUps.delete(work);
  }

  /**
   * At a first interruption, `stop` is called in place of the end of the process, which then ends by itself.
   * @returns a function that cancels this
   */
  endBy(stop: () => void): () => void {
    this.#stop = stop;
    return () => {
      this.#stop = undefined;
    };
  }

  /** Delays the end of the process, at a first interruption, until the returned function is called. */
  hold(): () => void {
    this.#holds++;
    return () => {
      this.#holds--;
      if (this.#code !== undefined && this.#holds === 0) process.exit(this.#code);
    };
  }
}

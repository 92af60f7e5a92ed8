/** Interruptions: Ctrl-C, and a reader of the output that ends. The terminal stays whole, and no file half-written. */

/** Exit codes as shells define them: 128 plus the signal's number. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

export class Interruption {
  readonly #cleanUps = new Set<() => void>();
  #holds = 0;
  #pending: number | undefined;
  #lostOutput = false;

  constructor() {
    for (const [signal, exitCode] of Object.entries(SIGNALS)) {
      process.on(signal, () => {
        this.#cleanAll();
        process.stderr.write("interrupted\n");
        this.#exit(exitCode);
      });
    }
    // As in `npm run train | head`: nobody reads the output any more.
    for (const stream of [process.stdout, process.stderr]) {
      stream.on("error", (error: NodeJS.ErrnoException) => {
        if (error.code !== "EPIPE") return this.#tellLost(error);
        this.#cleanAll();
        this.#exit(128 + 13);
      });
    }
  }

  /** Whether printed text was lost, as on a full disk. Training continues: its files may lie elsewhere. */
  get lostOutput(): boolean {
    return this.#lostOutput;
  }

  #tellLost(error: Error): void {
    if (!this.#lostOutput) process.stderr.write(`train: the output cannot be written: ${error.message}\n`);
    this.#lostOutput = true;
  }

  /**
   * Runs `work` when the process is interrupted.
   * @returns a function that cancels this
   */
  cleanUp(work: () => void): () => void {
    this.#cleanUps.add(work);
    return () => void this.#cleanUps.delete(work);
  }

  /** Delays the end of the process until the returned function is called. */
  hold(): () => void {
    this.#holds++;
    return () => {
      this.#holds--;
      if (this.#pending !== undefined) this.#exit(this.#pending);
    };
  }

  #cleanAll(): void {
    for (const work of this.#cleanUps) work();
  }

  #exit(code: number): void {
    this.#pending ??= code;
    if (this.#holds === 0) process.exit(this.#pending);
  }
}

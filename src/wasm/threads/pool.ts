/** The threads of a wasm engine. */

/** A module's exports, in one thread. */
export interface Running {
  /** Takes part in the steps from `from` up to, not including, `to`. */
  run(thread: number, from: number, to: number): void;
  /** Takes part in one launch of a step. */
  launch(thread: number, step: number, index: number): void;
}

/** A module that all threads have. */
export interface Loaded {
  /** Runs steps on all threads, the calling one among them. */
  run(from: number, to: number): Promise<void>;
  launch(step: number, index: number): Promise<void>;
  /** Frees what threads hold of it. */
  unload(): void;
}

export interface ThreadPool {
  /** Most threads of a run. */
  readonly most: number;
  /** Threads that are ready to run now. */
  readonly ready: number;
  /**
   * Gives the module to all threads.
   * @param scratch addresses of the threads' own memory, `most` of them
   */
  load(bytes: Uint8Array<ArrayBuffer>, scratch: readonly number[]): Loaded;
  end(): Promise<void>;
}

/** The calling thread alone. */
export class SingleThread implements ThreadPool {
  readonly most = 1;
  readonly ready = 1;

  constructor(readonly memory: WebAssembly.Memory) {}

  load(bytes: Uint8Array<ArrayBuffer>, [scratch]: readonly number[]): Loaded {
    const { run, launch } = instantiate(bytes, this.memory, scratch);
    return {
      run: async (from, to) => run(0, from, to),
      launch: async (step, index) => launch(0, step, index),
      unload() {},
    };
  }

  async end(): Promise<void> {}
}

/** An instance over the memory, for the thread whose own memory is at `scratch`. */
export function instantiate(
  bytes: Uint8Array<ArrayBuffer>,
  memory: WebAssembly.Memory,
  scratch: number,
): Running {
  const module = new WebAssembly.Module(bytes);
  return new WebAssembly.Instance(module, { wgrad: { memory, scratch } }).exports as unknown as Running;
}

/** The type of a candidate: a module that does the same work as all others, with one library. */
import type { Products, Workload } from "./workload.ts";

/** `wasm` is the processor by WebAssembly; `cpu` is plain JavaScript: of wgrad, its CPU engine. */
export type Backend = "webgpu" | "wasm" | "cpu";

/** Work, ready to be done again and again. */
export interface Runner {
  /** Does the work `count` times. Ends when the device has finished, and the last run's result is on the host. */
  run(count: number): Promise<Run>;
}

export interface Run {
  /** Result of the last run: a step's loss, or the row sums of a chain of products. */
  readonly result: readonly number[];
  readonly milliseconds: number;
  /** The part of these spent in the calls that enqueue the work; absent where the calls do the work themselves. */
  readonly hostMilliseconds?: number;
}

/** `threads` bounds those of a backend that lets itself be told. */
export interface Candidate {
  /** A step of training. Each time takes the next batch, and goes on from the weights of the time before. */
  trainingStep(backend: Backend, workload: Workload, threads?: number): Promise<Runner>;
  /** A chain of products of matrices. */
  matmul(backend: Backend, products: Products, threads?: number): Promise<Runner>;
}

/** What a candidate is: a module that does the same work as all others, with one library. */
import type { Products, Workload } from "./workload.ts";

/** `cpu` is plain JavaScript: of wgrad, its CPU engine. */
export type Backend = "webgpu" | "wasm" | "cpu";

/** Work, ready to be done again and again. */
export interface Runner {
  /** Does it `count` times, and ends when the device has: the result of the last time is on the host then. */
  run(count: number): Promise<Run>;
}

export interface Run {
  /** Of the last time: a step's loss, or the row sums of a chain of products. */
  readonly result: readonly number[];
  readonly milliseconds: number;
  /** Of these, spent in the calls that enqueue the work; absent where they do it themselves. */
  readonly hostMilliseconds?: number;
}

export interface Candidate {
  /** A step of training. Each time takes the next batch, and goes on from the weights of the time before. */
  trainingStep(backend: Backend, workload: Workload): Promise<Runner>;
  /** A chain of products of matrices. */
  matmul(backend: Backend, products: Products): Promise<Runner>;
}

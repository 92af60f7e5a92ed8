/** Hosts of candidates: each candidate runs in a process or a page of its own, so that none disturbs another. */
import type { Library } from "../bundle.ts";
import type { Backend, Run } from "../candidate.ts";
import type { Task } from "../task.ts";

/** Who computes, and by what. */
export interface Contender {
  readonly library: Library;
  readonly backend: Backend;
  /** Most threads of wgrad's wasm (default: as many as there are cores). */
  readonly threads?: number;
}

/** A candidate's process or page. It is idle unless called. */
export interface Guest {
  /** The name of the WebGPU adapter that it gets. @throws Error when there is none */
  adapter(): Promise<string>;
  /** Makes a task ready to be run. */
  prepare(task: Task): Promise<void>;
  run(count: number): Promise<Run>;
  close(): Promise<void>;
}

export interface Host {
  /** "Node v20.1.2" */
  readonly name: string;
  open(contender: Contender): Promise<Guest>;
  /** Ends all that was opened. */
  close(): Promise<void>;
}

/** Calls a function of `calls.ts` over there. */
export type Call = (name: string, ...args: unknown[]) => Promise<unknown>;

/** `module` is the library's address over there. */
export function guestOf(
  call: Call,
  module: string,
  { backend, threads }: Contender,
  close: () => Promise<void>,
): Guest {
  return {
    adapter: () => inTime(call("adapter")) as Promise<string>,
    // Left out rather than undefined, which messages in JSON turn into null.
    prepare: (task) =>
      inTime(
        call("prepare", module, backend, task, ...(threads === undefined ? [] : [threads])),
      ) as Promise<void>,
    run: (count) => inTime(call("run", count)) as Promise<Run>,
    close,
  };
}

/** Longer than any single call should take: a candidate that hangs is one that fails. */
const PATIENCE_MS = 180_000;

/** @throws Error when `answer` does not come in time */
export async function inTime<T>(answer: Promise<T>, patience = PATIENCE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${patience / 1000} s`)), patience);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Functions that a host calls in a candidate's process or page, bundled beside the candidates. */
import type { Backend, Run, Runner } from "../candidate.ts";
import { runnerOf, type Task } from "../task.ts";
import { adapterName, findAdapter } from "./adapter.ts";

let runner: Runner | undefined;

/** Answers as soon as calls do. */
export function ready(): void {}

export async function prepare(module: string, backend: Backend, task: Task, threads?: number): Promise<void> {
  runner = await runnerOf(await import(/* @vite-ignore */ module), backend, task, threads);
}

export function run(count: number): Promise<Run> {
  if (!runner) throw new Error("run: nothing was prepared");
  return runner.run(count);
}

/** @throws Error when there is none */
export async function adapter(): Promise<string> {
  return adapterName(await findAdapter());
}

/** What a host calls in a candidate's process or page. It is bundled beside the candidates, and runs where they do. */
import type { Backend, Candidate, Run, Runner } from "../candidate.ts";
import { createProducts, createWorkload } from "../workload.ts";
import type { Task } from "./host.ts";

let runner: Runner | undefined;

/** Answers as soon as calls do. */
export function ready(): void {}

export async function prepare(module: string, backend: Backend, task: Task): Promise<void> {
  const candidate: Candidate = await import(/* @vite-ignore */ module);
  runner =
    task.kind === "step"
      ? await candidate.trainingStep(backend, createWorkload(task.options))
      : await candidate.matmul(backend, createProducts(task.options));
}

export function run(count: number): Promise<Run> {
  if (!runner) throw new Error("run: nothing was prepared");
  return runner.run(count);
}

/** @throws Error when there is none */
export async function adapter(): Promise<string> {
  const found = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!found) throw new Error("there is no WebGPU adapter");
  const { description, vendor, architecture, device } = found.info;
  return description || [vendor, architecture, device].filter(Boolean).join(" ") || "unknown adapter";
}

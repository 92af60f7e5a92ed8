/** Candidates' tasks, and their preparation. Hosts decide where a candidate runs. */
import type { Backend, Candidate, Runner } from "./candidate.ts";
import { createProducts, createWorkload, type ProductOptions, type WorkloadOptions } from "./workload.ts";

export type Task =
  | { readonly kind: "step"; readonly options: WorkloadOptions }
  | { readonly kind: "matmul"; readonly options: ProductOptions };

export function runnerOf(
  candidate: Candidate,
  backend: Backend,
  task: Task,
  threads?: number,
): Promise<Runner> {
  return task.kind === "step"
    ? candidate.trainingStep(backend, createWorkload(task.options), threads)
    : candidate.matmul(backend, createProducts(task.options), threads);
}

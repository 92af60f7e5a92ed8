/** The service of the view's workers: one contender in each, so that none disturbs another. */
import type { Library } from "../../../bench/peers/bundle.ts";
import type { Backend, Candidate, Run, Runner } from "../../../bench/peers/candidate.ts";
import { adapterName, findAdapter } from "../../../bench/peers/hosts/adapter.ts";
import { runnerOf, type Task } from "../../../bench/peers/task.ts";

/** Loaded when one enters: who compares without the other libraries does not fetch them. */
const CANDIDATES: Readonly<Record<Library, () => Promise<Candidate>>> = {
  wgrad: () => import("../../../bench/peers/wgrad.ts"),
  tensorflow: () => import("../../../bench/peers/others/tensorflow.ts"),
  jax: () => import("../../../bench/peers/others/jax.ts"),
};

export interface AdapterReport {
  readonly name: string;
  readonly features: readonly string[];
  readonly limits: readonly (readonly [name: string, value: number])[];
}

export class CompareService {
  #runner: Runner | undefined;

  /** @throws Error when there is no adapter */
  async adapter(): Promise<AdapterReport> {
    const adapter = await findAdapter();
    const limits: [string, number][] = [];
    // They are getters of a prototype, which only this loop finds.
    for (const name in adapter.limits) {
      const value: unknown = adapter.limits[name as keyof GPUSupportedLimits];
      if (typeof value === "number") limits.push([name, value]);
    }
    return {
      name: adapterName(adapter),
      features: [...adapter.features].sort(),
      limits: limits.sort(([a], [b]) => a.localeCompare(b)),
    };
  }

  async prepare(library: Library, backend: Backend, task: Task, threads?: number): Promise<void> {
    this.#runner = await runnerOf(await CANDIDATES[library](), backend, task, threads);
  }

  async run(count: number): Promise<Run> {
    if (!this.#runner) throw new Error("run: nothing was prepared");
    return this.#runner.run(count);
  }
}

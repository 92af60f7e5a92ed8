/** The host of contenders in a page: a worker for each. */
import { type Guest, type Host, inTime } from "../../../bench/peers/hosts/host.ts";
import { type Opened, openService } from "../services.ts";
import type { CompareService } from "./service.ts";

/** Longer than any call should take, with the library fetched over a slow line. */
const PATIENCE_MS = 90_000;

/** @param signal ends all workers at once, whatever they do; pending calls then fail */
export function workerHost(signal: AbortSignal): Host {
  const workers = new Set<Opened<CompareService>>();
  const end = (worker: Opened<CompareService>) => {
    if (workers.delete(worker)) worker.close();
  };
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => {
      workers.forEach(end);
      reject(signal.reason);
    });
  });
  // With no call pending, nobody handles this rejection.
  stopped.catch(() => {});
  const answer = <T>(asked: Promise<T>): Promise<T> => inTime(Promise.race([asked, stopped]), PATIENCE_MS);
  const start = async () => {
    const worker = await openService("compare");
    workers.add(worker);
    // The signal aborted while the worker started.
    if (signal.aborted) end(worker);
    return worker;
  };
  return {
    name: "this page",
    async open({ library, backend, threads }): Promise<Guest> {
      const worker = await answer(start());
      const { service } = worker;
      return {
        adapter: async () => (await answer(service.adapter())).name,
        prepare: (task) => answer(service.prepare(library, backend, task, threads)),
        run: (count) => answer(service.run(count)),
        close: async () => end(worker),
      };
    },
    close: async () => workers.forEach(end),
  };
}

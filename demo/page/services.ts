/**
 * Services off the main thread. Each view that computes opens a service: a worker of its own, so that the page never
 * waits, and two views do not get into each other's way. The views' code imports only types of the services.
 */
import { type Remote, releaseProxy, wrap } from "comlink";
import type { CompareService } from "./compare/service.ts";
import type { ExperimentsService } from "./experiments/service.ts";
import type { InsideService } from "./inside/service.ts";
import type { TrainingService } from "./train/service.ts";

export interface Services {
  readonly training: TrainingService;
  readonly compare: CompareService;
  readonly inside: InsideService;
  readonly experiments: ExperimentsService;
}

/** A worker's one answer to all views: opens the service that it is to be. */
export interface Opener {
  open(name: keyof Services): Promise<unknown>;
}

export interface Opened<Service> {
  readonly service: Remote<Service>;
  /** Ends the worker, whatever it is doing. The browser frees the worker's memory on the GPU. */
  close(): void;
}

/** Starts a worker. Calls to it wait until it is there. @throws Error when its modules do not load */
export async function openService<Name extends keyof Services>(name: Name): Promise<Opened<Services[Name]>> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name });
  const opener = wrap<Opener>(worker);
  const failed = new Promise<never>((_, reject) => {
    worker.addEventListener("error", ({ message }) => {
      reject(new Error(`the page's worker does not start: ${message || "its modules do not load"}`));
    });
  });
  const close = () => {
    opener[releaseProxy]();
    worker.terminate();
  };
  try {
    const service = (await Promise.race([opener.open(name), failed])) as Remote<Services[Name]>;
    return { service, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Starts workers, in Node and Deno as in pages. */
import { builtinModule } from "../environment.ts";
import { type WorkerStart, workUntilEnd } from "./worker.ts";

/** A started worker. */
export interface Worker {
  /** Ends it, whatever it is doing. */
  end(): unknown;
}

/** What a worker tells. */
export interface WorkerEvents {
  /** A run is over, or failed: only where the worker reports. */
  reported(): void;
  /** The worker could not start, or has ended. */
  lost(reason: string): void;
}

/**
 * Starts a worker. It keeps no process from ending.
 * @throws Error where the host refuses at once; others refuse later, by `lost`
 */
export function startWorker(start: WorkerStart, events: WorkerEvents): Worker {
  const node = builtinModule("node:worker_threads");
  if (node) {
    const script = `const { parentPort, workerData } = require("node:worker_threads");
(${workUntilEnd})(workerData, (command) => parentPort.postMessage(command));`;
    // Options of the process are not the worker's: a loader of modules would only delay it.
    const worker = new node.Worker(script, { eval: true, workerData: start, execArgv: [], name: "wgrad" });
    worker.on("message", () => events.reported());
    worker.on("error", (error) => events.lost(String(error)));
    worker.on("exit", () => events.lost("it ended"));
    // At last: who listens to messages keeps the process waiting for them.
    worker.unref();
    return { end: () => worker.terminate() };
  }
  const worker = new globalThis.Worker(scriptUrl(), { name: "wgrad" });
  worker.onmessage = () => events.reported();
  worker.onerror = (event) => {
    event.preventDefault();
    events.lost(event.message || "its script was refused");
  };
  worker.postMessage(start);
  return { end: () => worker.terminate() };
}

/** Whether starting a worker takes this thread tens of milliseconds, as in Deno, where it waits for the worker's own start. */
export function startsSlowly(): boolean {
  return "Deno" in globalThis;
}

let url: string | undefined;

/** The script's address in a page: one for all workers, which may start at any time. */
function scriptUrl(): string {
  const script = `onmessage = ({ data }) => (${workUntilEnd})(data, (command) => postMessage(command));`;
  url ??= URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  return url;
}

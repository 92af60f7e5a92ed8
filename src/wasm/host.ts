/** The part of a wasm engine that buffers and executables use. */
import type { Elements } from "../dtypes.ts";
import { EngineError } from "../runtime/engine.ts";
import { InOrder } from "../runtime/turns.ts";
import type { Features } from "./kernels/kernel.ts";
import type { WasmMemory } from "./memory.ts";
import type { ThreadPool } from "./threads/pool.ts";

export class WasmHost {
  /** Runs, and the reads and writes that must not overtake them. */
  readonly order = new InOrder();
  #destroyed = false;

  constructor(
    readonly memory: WasmMemory,
    readonly pool: ThreadPool,
    readonly features: Features,
  ) {}

  /** @throws EngineError where the engine was destroyed */
  check(): void {
    if (this.#destroyed) throw new EngineError("this wasm engine was destroyed; make a new one with wasm()");
  }

  /** Does something with elements after the runs under way: at once, where there is none. */
  afterRuns(data: Elements, work: (data: Elements) => void): void {
    if (this.order.busy) {
      const own = data.slice();
      void this.order.do(async () => work(own));
    } else work(data);
  }

  /** Does something once the work enqueued so far is done: at once, where there is none. */
  whenIdle(work: () => void): void {
    if (!this.order.busy) work();
    else void this.order.do(async () => work());
  }

  async destroy(): Promise<void> {
    this.#destroyed = true;
    await this.order.idle();
    await this.pool.end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }
}

/** The part of a wasm engine that buffers and executables use. */
import type { Elements } from "../dtypes.ts";
import { freeWhenDropped, released } from "../runtime/dropped.ts";
import { EngineError } from "../runtime/engine.ts";
import { type EngineMemory, Ledger } from "../runtime/ledger.ts";
import { InOrder } from "../turns.ts";
import type { Features } from "./kernels/kernel.ts";
import type { WasmMemory } from "./memory.ts";
import type { ThreadPool } from "./threads/pool.ts";

export class WasmHost {
  /** Runs, and the reads and writes that must not overtake them. */
  readonly order = new InOrder();
  #destruction: Promise<void> | undefined;

  constructor(
    readonly space: WasmMemory,
    readonly pool: ThreadPool,
    readonly features: Features,
  ) {
    freeWhenDropped(this, () => void end(pool, space));
  }

  /** Bytes of the pieces in use, each with the gap behind it; 0 once the engine is destroyed. */
  memory(): EngineMemory {
    return (this.#destruction ? new Ledger() : this.space.ledger).read();
  }

  /** @throws EngineError where the engine was destroyed */
  check(): void {
    if (this.#destruction)
      throw new EngineError("this wasm engine was destroyed; make a new one with wasm()");
  }

  /** Does something with elements after the runs under way: at once, where there is none. */
  afterRuns(data: Elements, work: (data: Elements) => void): void {
    if (this.order.busy) {
      const own = data.slice();
      void this.order.do(async () => work(own));
    } else work(data);
  }

  destroy(): Promise<void> {
    this.#destruction ??= this.#end();
    return this.#destruction;
  }

  async #end(): Promise<void> {
    released(this);
    await Promise.all([end(this.pool, this.space), this.order.idle()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }
}

/** Threads end before another engine gets their memory. */
async function end(pool: ThreadPool, memory: WasmMemory): Promise<void> {
  if (await pool.end()) memory.abandon();
}

/** Does something once the work enqueued so far is done: at once, where there is none. */
export function whenIdle(order: InOrder, work: () => void): void {
  if (!order.busy) work();
  else void order.do(async () => work());
}

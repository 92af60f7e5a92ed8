/** A WebGPU device, with what buffers and executables need of it: memory, errors, answers, and its end. */

import { freeWhenDropped, released } from "../dropped.ts";
import { EngineError } from "../engine.ts";
import { type EngineMemory, Ledger } from "../ledger.ts";
import { ByteWriter } from "./bytes.ts";
import { MapMode } from "./constants.ts";
import { Health } from "./health.ts";
import { GpuMemory } from "./memory.ts";
import type { PipelineCache } from "./pipelines.ts";
import type { Rest } from "./rest.ts";
import { type Scoped, scoped } from "./scopes.ts";
import type { StallOptions, StallWatch } from "./stalls.ts";

/**
 * Milliseconds to wait for the news that the device is lost, which may follow its consequences: in browsers, the news
 * crosses processes. Errors that WebGPU itself reports seldom follow from a loss.
 */
const SOON_MS = 20;
const LATEST_MS = 500;

export class GpuDevice {
  readonly info;
  /** @internal Made by the first program. */
  pipelines: PipelineCache | undefined;
  /** @internal */
  readonly ledger: GpuMemory;
  /** @internal */
  readonly bytes: ByteWriter;
  readonly #health: Health;
  /** @internal Likewise. */
  stalls: StallWatch | undefined;
  /** @internal Names of the operations under way: compilations, runs, reads. */
  readonly underWay: string[] = [];
  /** Called once no operation is under way. */
  #whenIdle: () => void = () => {};
  #destruction: Promise<void> | undefined;

  /** @internal */
  constructor(
    readonly device: GPUDevice,
    adapter: string,
    /** @internal Present where waiting would keep a core busy. */
    readonly rest: Rest | undefined,
    /** @internal */
    readonly stallOptions: StallOptions = {},
  ) {
    const { features, limits } = device;
    this.info = {
      adapter,
      features: [...features].sort(),
      maxBufferBytes: limits.maxStorageBufferBindingSize,
    };
    this.ledger = new GpuMemory(device);
    this.bytes = new ByteWriter(this.ledger);
    this.#health = new Health(device);
    freeWhenDropped(this, device.destroy.bind(device));
  }

  /** Bytes of the device's memory that this engine has allocated, by role; 0 once it is destroyed. */
  memory(): EngineMemory {
    return (this.#destruction ? new Ledger() : this.ledger).read();
  }

  /** @internal @throws EngineError where the device is gone */
  check(): void {
    if (this.#destruction) throw new EngineError("this GPU engine was destroyed; connect() again");
    this.#health.check();
  }

  /**
   * Runs `work`; `destroy` waits for it. Where the device is lost, the failure says so.
   * @throws EngineError naming `what`, with the reason
   * @internal
   */
  async attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.check();
    this.underWay.push(what);
    try {
      const result = await work();
      this.check();
      return result;
    } catch (cause) {
      await this.#health.news(cause instanceof EngineError ? SOON_MS : LATEST_MS);
      this.check();
      if (cause instanceof EngineError) throw cause;
      throw new EngineError(`${what}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    } finally {
      this.underWay.splice(this.underWay.indexOf(what), 1);
      if (this.underWay.length === 0) this.#whenIdle();
    }
  }

  /** @internal Runs `work` inside error scopes. */
  scoped<T>(work: () => T): Scoped<T> {
    return scoped(this.device, work);
  }

  /**
   * Runs `work` as {@link scoped}.
   * @throws EngineError naming `what`, with WebGPU's error
   * @internal
   */
  async validated<T>(what: string, work: () => T): Promise<T> {
    this.check();
    const { value, error } = this.scoped(work);
    const refused = await error;
    if (refused instanceof EngineError) throw refused;
    if (refused) throw new EngineError(`${what}: ${refused.message}`, { cause: refused });
    return value as T;
  }

  /**
   * Resolves once all enqueued work is done.
   * @throws EngineError where the device is gone
   * @internal
   */
  async done(): Promise<void> {
    await this.attempt("waiting for the device", () => this.answer(this.device.queue.onSubmittedWorkDone()));
  }

  /**
   * Resolves once all enqueued work is done and `staging` can be read.
   * @throws EngineError where the device is gone
   * @internal
   */
  async mapped(staging: GPUBuffer): Promise<void> {
    await this.answer(staging.mapAsync(MapMode.READ));
  }

  /** @internal Waits for the device's answer without keeping a core busy. */
  answer<T>(question: Promise<T>): Promise<T> {
    this.stalls?.watch(question);
    return this.rest ? this.rest.during(question) : question;
  }

  /** Frees the device and all memory on it. */
  destroy(): Promise<void> {
    this.#destruction ??= this.#destroy();
    return this.#destruction;
  }

  async #destroy(): Promise<void> {
    // Code resumed by the next steps must find the engine destroyed.
    await undefined;
    released(this);
    // Drivers crash when their device goes away during a compilation.
    await this.pipelines?.settled();
    this.device.destroy();
    if (this.underWay.length > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    await this.#health.news(LATEST_MS);
  }

  /** `destroy`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }
}

/** A WebGPU device, with what buffers and executables need of it: pipelines, errors, answers, and its end. */

import { freeWhenDropped, released } from "../dropped.ts";
import { EngineError } from "../engine.ts";
import { ByteWriter } from "./bytes.ts";
import { MapMode } from "./constants.ts";
import { Health } from "./health.ts";
import { PipelineCache } from "./pipelines.ts";
import type { Rest } from "./rest.ts";

/**
 * Milliseconds to wait for the news that the device is lost, which may follow its consequences: in browsers, the news
 * crosses processes. Errors that WebGPU itself reports seldom follow from a loss.
 */
const SOON_MS = 20;
const LATEST_MS = 500;

/** The result of work in error scopes. */
export interface Scoped<T> {
  readonly value: T;
  /** WebGPU's error, if any. Never rejects. */
  readonly error: Promise<GPUError | undefined>;
}

export class GpuDevice {
  readonly info;
  /** @internal */
  readonly pipelines: PipelineCache;
  /** @internal */
  readonly bytes: ByteWriter;
  readonly #health: Health;
  /** Number of operations under way: compilations, runs, reads. */
  #open = 0;
  /** Called once no operation is under way. */
  #whenIdle: () => void = () => {};
  #destruction: Promise<void> | undefined;

  /** @internal */
  constructor(
    readonly device: GPUDevice,
    adapter: string,
    /** @internal Present where waiting would keep a core busy. */
    readonly rest: Rest | undefined,
  ) {
    const { features, limits } = device;
    this.info = {
      adapter,
      features: [...features].sort(),
      maxBufferBytes: limits.maxStorageBufferBindingSize,
    };
    this.pipelines = new PipelineCache(device);
    this.bytes = new ByteWriter(device);
    this.#health = new Health(device);
    freeWhenDropped(this, device.destroy.bind(device));
  }

  /** @internal @throws EngineError where the device is gone */
  check(): void {
    if (this.#destruction) throw new EngineError("this GPU engine was destroyed; connect() again");
    this.#health.check();
  }

  /**
   * Runs `work`; `destroy` waits for it. Where the device is lost, the failure says so. An error of WebGPU outside all
   * scopes fails the work as well.
   * @throws EngineError naming `what`, with the reason
   * @internal
   */
  async attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.check();
    this.#open++;
    const strays = this.#health.strays;
    try {
      const result = await work();
      this.check();
      this.#health.checkStrays(what, strays);
      return result;
    } catch (cause) {
      await this.#health.news(cause instanceof EngineError ? SOON_MS : LATEST_MS);
      this.check();
      if (cause instanceof EngineError) throw cause;
      throw new EngineError(`${what}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    } finally {
      if (--this.#open === 0) this.#whenIdle();
    }
  }

  /**
   * Runs `work` inside error scopes. `work` is synchronous, because scopes are a stack of the device: other work in
   * between would fall into them.
   * @internal
   */
  scoped<T>(work: () => T): Scoped<T> {
    const { device } = this;
    device.pushErrorScope("out-of-memory");
    device.pushErrorScope("validation");
    let error: Promise<GPUError | undefined>;
    let value: T;
    try {
      value = work();
    } finally {
      error = firstError(device.popErrorScope(), device.popErrorScope());
    }
    return { value, error };
  }

  /**
   * Runs `work` as {@link scoped}.
   * @throws EngineError naming `what`, with WebGPU's error
   * @internal
   */
  async validated<T>(what: string, work: () => T): Promise<T> {
    this.check();
    let failed: { readonly thrown: unknown } | undefined;
    const { value, error } = this.scoped(() => {
      try {
        return work();
      } catch (thrown) {
        failed = { thrown };
      }
    });
    const refused = await error;
    // WebGPU's own message says more than its consequence.
    if (refused) throw new EngineError(`${what}: ${refused.message}`);
    if (failed) throw failed.thrown;
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
    await this.pipelines.settled();
    this.device.destroy();
    if (this.#open > 0) {
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

/** The error of the inner scope, or of the outer. A lost device reports none: its scopes end with it. */
async function firstError(...scopes: Promise<GPUError | null>[]): Promise<GPUError | undefined> {
  const errors = await Promise.all(scopes.map((scope) => scope.catch(() => null)));
  return errors.find((error) => error !== null) ?? undefined;
}

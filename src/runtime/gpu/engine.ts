/** The WebGPU engine: a device, the memory on it, and the pipelines compiled so far. */
import type { DType, Elements } from "../../dtypes.ts";
import type { DeviceTraits } from "../../kernels/kernel.ts";
import { variantsOf, withVariants } from "../../kernels/variants.ts";
import type { Dispatch, Program } from "../../program.ts";
import {
  type CompileOptions,
  checkBuffer,
  checkMaxSteps,
  type Engine,
  EngineError,
  type Executable,
} from "../engine.ts";
import { checkLimits } from "../limits.ts";
import { GpuBuffer } from "./buffer.ts";
import { ByteWriter } from "./bytes.ts";
import { MapMode } from "./constants.ts";
import { freeWhenDropped, released } from "./dropped.ts";
import { GpuExecutable } from "./executable.ts";
import { Health } from "./health.ts";
import { PipelineCache } from "./pipelines.ts";
import type { Rest } from "./rest.ts";
import type { Tuner } from "./tune.ts";

/**
 * How long the news of a lost device are waited for, which may come behind what follows from it: in browsers, by way of
 * another process. What WebGPU itself found wrong seldom follows from that.
 */
const SOON_MS = 20;
const LATEST_MS = 500;

/** What WebGPU said of work that was done in error scopes. */
export interface Scoped<T> {
  readonly value: T;
  /** What it found wrong, if anything. Never rejects. */
  readonly error: Promise<GPUError | undefined>;
}

export class GpuEngine implements Engine {
  readonly kind = "gpu";
  readonly info;
  readonly pipelines: PipelineCache;
  readonly bytes: ByteWriter;
  readonly #health: Health;
  /** What is under way: compilations, runs, reads. */
  #open = 0;
  /** Called once nothing is under way any more. */
  #whenIdle: () => void = () => {};
  #destruction: Promise<void> | undefined;

  constructor(
    readonly device: GPUDevice,
    adapter: string,
    readonly traits: DeviceTraits,
    readonly tuner: Tuner | undefined,
    /** Where waiting would keep a core busy. */
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

  buffer(label: string, dtype: DType, length: number, data?: Elements): GpuBuffer {
    this.check();
    checkBuffer(label, dtype, length, data);
    const buffer = new GpuBuffer(this, label, dtype, length);
    if (data) buffer.write(data);
    return buffer;
  }

  async compile(program: Program, options: CompileOptions = {}): Promise<Executable> {
    this.check();
    checkMaxSteps(options.maxSteps);
    const { maxStorageBufferBindingSize: binding, maxBufferSize: buffer } = this.device.limits;
    checkLimits(program, { binding, buffer }, options.maxSteps);
    if (options.asWritten) return GpuExecutable.compile(this, program, options);
    const { tuner } = this;
    const choose = tuner
      ? await tuner.tune(program, (whole, dispatch) => tuner.measure(this, whole, dispatch, options))
      : (dispatch: Dispatch) => variantsOf(dispatch, this.traits)[0];
    return GpuExecutable.compile(this, withVariants(program, choose), options);
  }

  /** @throws EngineError when the device is gone. */
  check(): void {
    if (this.#destruction) throw new EngineError("this GPU engine was destroyed; connect() again");
    this.#health.check();
  }

  /**
   * Does `work`, which the engine waits for before it is destroyed. Whatever fails because the device is gone fails
   * saying so; what WebGPU refused meanwhile, outside of all scopes, fails it, too.
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
   * Does `work` so that whatever WebGPU finds wrong with it is found out. `work` is synchronous, as error scopes are a
   * stack of the device: what others do meanwhile would fall into them.
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

  /** Does `work` as {@link scoped} does. @throws EngineError naming `what`, with what WebGPU found wrong */
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
    // WebGPU's own message says more than what it led to.
    if (refused) throw new EngineError(`${what}: ${refused.message}`);
    if (failed) throw (failed as { thrown: unknown }).thrown;
    return value as T;
  }

  /** Resolves once all that was enqueued is done. @throws EngineError when it never will */
  async done(): Promise<void> {
    await this.attempt("waiting for the device", () => this.answer(this.device.queue.onSubmittedWorkDone()));
  }

  /** Resolves once all that was enqueued is done and `staging` can be read. */
  async mapped(staging: GPUBuffer): Promise<void> {
    await this.answer(staging.mapAsync(MapMode.READ));
  }

  /** Waits for the device's answer, without keeping a core busy. */
  answer<T>(question: Promise<T>): Promise<T> {
    return this.rest ? this.rest.during(question) : question;
  }

  destroy(): Promise<void> {
    this.#destruction ??= this.#destroy();
    return this.#destruction;
  }

  async #destroy(): Promise<void> {
    // Whoever is woken by what follows is to find the engine destroyed.
    await undefined;
    released(this);
    // Drivers crash when their device goes away in the midst of a compilation.
    await this.pipelines.settled();
    this.device.destroy();
    if (this.#open > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    await this.#health.news(LATEST_MS);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }
}

/** The error of the inner scope, or of the outer. Where the device is gone there is none: scopes end with it. */
async function firstError(...scopes: Promise<GPUError | null>[]): Promise<GPUError | undefined> {
  const errors = await Promise.all(scopes.map((scope) => scope.catch(() => null)));
  return errors.find((error) => error !== null) ?? undefined;
}

/** The WebGPU engine: a device, the memory on it, and the pipelines compiled so far. */
import type { DeviceTraits } from "../../kernels/kernel.ts";
import { variantsOf, withVariants } from "../../kernels/variants.ts";
import type { Dispatch, DType, Elements, Program } from "../../program.ts";
import {
  type CompileOptions,
  DeviceLostError,
  type Engine,
  EngineError,
  type Executable,
} from "../engine.ts";
import { checkLimits } from "../limits.ts";
import { GpuBuffer } from "./buffer.ts";
import { MapMode } from "./constants.ts";
import { GpuExecutable } from "./executable.ts";
import { measureDispatch } from "./measure.ts";
import { PipelineCache } from "./pipelines.ts";
import type { Rest } from "./rest.ts";
import type { Tuner } from "./tune.ts";

/** How long the news of a lost device are waited for, once something failed as if it were lost. */
const LOSS_NEWS_MS = 500;

export class GpuEngine implements Engine {
  readonly kind = "gpu";
  readonly info;
  readonly pipelines: PipelineCache;
  #failure: EngineError | undefined;
  #destroyed = false;

  constructor(
    readonly device: GPUDevice,
    adapter: string,
    readonly traits: DeviceTraits,
    readonly tuner: Tuner | undefined,
    /** Where waiting would keep a core busy. */
    readonly rest: Rest | undefined,
    readonly letGo: () => void,
  ) {
    const { features, limits } = device;
    this.info = {
      adapter,
      features: [...features].sort(),
      maxBufferBytes: limits.maxStorageBufferBindingSize,
    };
    this.pipelines = new PipelineCache(device);
    device.addEventListener("uncapturederror", (event) => {
      this.#failure ??= new EngineError(
        `WebGPU refused a command: ${(event as GPUUncapturedErrorEvent).error.message}`,
      );
    });
    device.lost.then(({ reason, message }) => {
      // Whoever lost it: where it was this engine's own doing, check() says so instead.
      this.#failure ??= new DeviceLostError(`the GPU device was lost: ${message || reason}; connect() again`);
    });
  }

  buffer(label: string, dtype: DType, length: number, data?: Elements): GpuBuffer {
    this.check();
    const buffer = new GpuBuffer(this, label, dtype, length);
    if (data) buffer.write(data);
    return buffer;
  }

  async compile(program: Program, options: CompileOptions = {}): Promise<Executable> {
    this.check();
    const { maxStorageBufferBindingSize: binding, maxBufferSize: buffer } = this.device.limits;
    checkLimits(program, { binding, buffer }, options.maxSteps);
    if (options.asWritten) return GpuExecutable.compile(this, program, options);
    const choose = this.tuner
      ? await this.tuner.tune(program, (whole, dispatch) => measureDispatch(this, whole, dispatch, options))
      : (dispatch: Dispatch) => variantsOf(dispatch, this.traits)[0];
    return GpuExecutable.compile(this, withVariants(program, choose), options);
  }

  /** @throws EngineError when the device is gone, or refused something since the last check. */
  check(): void {
    if (this.#destroyed) throw new EngineError("this GPU engine was destroyed; connect() again");
    if (this.#failure) throw this.#failure;
  }

  /**
   * Runs `work` so that whatever WebGPU finds wrong with it becomes an exception that names `what`; `undo` takes back
   * what it did. `work` is synchronous, as error scopes are a stack of the device: what others do meanwhile would fall
   * into them.
   */
  async validated<T>(what: string, work: () => T, undo: () => void): Promise<T> {
    this.check();
    this.device.pushErrorScope("out-of-memory");
    this.device.pushErrorScope("validation");
    let result: { readonly value: T } | { readonly thrown: unknown };
    try {
      result = { value: work() };
    } catch (thrown) {
      result = { thrown };
    }
    const errors = await Promise.all([this.device.popErrorScope(), this.device.popErrorScope()]);
    const error = errors.find((found) => found !== null);
    if (!error && "value" in result) return result.value;
    undo();
    // WebGPU's own message says more than what it led to.
    throw error ? new EngineError(`${what}: ${error.message}`) : (result as { thrown: unknown }).thrown;
  }

  /** Resolves once all that was enqueued is done. @throws EngineError when it never will */
  async done(): Promise<void> {
    const done = this.device.queue.onSubmittedWorkDone();
    await (this.rest ? this.rest.during(done) : done);
    this.check();
  }

  /** Resolves once all that was enqueued is done and `staging` can be read. @throws EngineError when it never will */
  async mapped(staging: GPUBuffer, what: string): Promise<void> {
    try {
      const mapped = staging.mapAsync(MapMode.READ);
      await (this.rest ? this.rest.during(mapped) : mapped);
    } catch (cause) {
      // The news that the device is lost may come behind what follows from it, in browsers by way of another process.
      await Promise.race([this.device.lost, new Promise((resolve) => setTimeout(resolve, LOSS_NEWS_MS))]);
      this.check();
      throw new EngineError(`${what} could not be read: ${cause}`, { cause });
    }
  }

  async destroy(): Promise<void> {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.device.destroy();
    this.letGo();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }
}

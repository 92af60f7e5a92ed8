/** The WebGPU engine: a device, the memory on it, and the pipelines compiled so far. */
import type { DType, Elements, Program } from "../../program.ts";
import { type CompileOptions, type Engine, EngineError, type Executable } from "../engine.ts";
import { GpuBuffer } from "./buffer.ts";
import { GpuExecutable } from "./executable.ts";
import { PipelineCache } from "./pipelines.ts";

export class GpuEngine implements Engine {
  readonly kind = "gpu";
  readonly info;
  readonly pipelines: PipelineCache;
  #failure: EngineError | undefined;
  #destroyed = false;

  constructor(
    readonly device: GPUDevice,
    adapter: string,
    readonly letGo: () => void,
  ) {
    this.info = { adapter, features: [...device.features].sort() };
    this.pipelines = new PipelineCache(device);
    device.addEventListener("uncapturederror", (event) => {
      this.#failure ??= new EngineError(
        `WebGPU refused a command: ${(event as GPUUncapturedErrorEvent).error.message}`,
      );
    });
    device.lost.then(({ reason, message }) => {
      if (reason !== "destroyed")
        this.#failure ??= new EngineError(`the GPU device was lost: ${message || reason}`);
    });
  }

  buffer(label: string, dtype: DType, length: number, data?: Elements): GpuBuffer {
    this.check();
    const buffer = new GpuBuffer(this, label, dtype, length);
    if (data) buffer.write(data);
    return buffer;
  }

  compile(program: Program, options: CompileOptions = {}): Promise<Executable> {
    this.check();
    return GpuExecutable.compile(this, program, options);
  }

  /** @throws EngineError when the device is gone, or refused something since the last check. */
  check(): void {
    if (this.#destroyed) throw new EngineError("this GPU engine was destroyed; connect() again");
    if (this.#failure) throw this.#failure;
  }

  /** Runs `work` so that whatever WebGPU finds wrong with it becomes an exception that names `what`. */
  async validated<T>(what: string, work: () => Promise<T> | T): Promise<T> {
    this.device.pushErrorScope("out-of-memory");
    this.device.pushErrorScope("validation");
    let result: T;
    try {
      result = await work();
    } finally {
      const errors = await Promise.all([this.device.popErrorScope(), this.device.popErrorScope()]);
      const error = errors.find((found) => found !== null);
      // biome-ignore lint/correctness/noUnsafeFinally: WebGPU's own message says more than what it led to.
      if (error) throw new EngineError(`${what}: ${error.message}`);
    }
    return result;
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

/** The WebGPU engine: memory and programs on a device, each dispatch in the variant that suits the device. */
import type { DType, Elements } from "../../dtypes.ts";
import type { DeviceTraits } from "../../kernels/kernel.ts";
import { variantsOf, withImmediates, withVariants } from "../../kernels/variants.ts";
import type { Dispatch, Program } from "../../program.ts";
import {
  type CompileOptions,
  checkBuffer,
  checkMaxSteps,
  type Engine,
  type EngineBuffer,
  type Executable,
  filled,
} from "../engine.ts";
import type { MemoryRole } from "../ledger.ts";
import { checkLimits } from "../limits.ts";
import { GpuBuffer } from "./buffer.ts";
import { GpuDevice } from "./device.ts";
import type { Rest } from "./rest.ts";
import type { StallOptions } from "./stalls.ts";
import type { Tuner } from "./tune.ts";

/** Programs on a GPU, and what writes their shaders: loaded as soon as there is a device. */
const loadExecutables = async () =>
  (await Promise.all([import("./executable.ts"), import("../../kernels/specialise.ts")]))[0];

export class GpuEngine extends GpuDevice implements Engine {
  readonly kind = "gpu";
  /** Stands in for this engine after the loss of its device. */
  #next: Promise<GpuEngine> | undefined;

  /** @internal */
  constructor(
    device: GPUDevice,
    adapter: string,
    /** @internal */
    readonly traits: DeviceTraits,
    /** @internal */
    readonly tuner: Tuner | undefined,
    rest: Rest | undefined,
    /** @internal Connects with the same options. */
    readonly again: () => Promise<GpuEngine>,
    stalls?: StallOptions,
  ) {
    super(device, adapter, rest, stalls);
    // Should it fail, the first program tries it again, and fails by it.
    loadExecutables().catch(() => {});
  }

  /**
   * Connects again with the same options, for all that were on this engine.
   * @throws EngineError as `connect`
   */
  reconnect(): Promise<GpuEngine> {
    this.#next ??= this.again().catch((error) => {
      this.#next = undefined;
      throw error;
    });
    return this.#next;
  }

  /** Frees the device and all memory on it, and likewise the engine that stands in for this one. */
  override async destroy(): Promise<void> {
    await Promise.all([super.destroy(), this.#next?.then((next) => next.destroy())]);
  }

  /**
   * Allocates memory on the device.
   * @throws EngineError and MemoryLimitError as `Engine.buffer`
   */
  buffer(label: string, dtype: DType, length: number, data?: Elements, role?: MemoryRole): EngineBuffer {
    this.check();
    checkBuffer(label, dtype, length, data);
    return filled(new GpuBuffer(this, label, dtype, length, role), data);
  }

  /**
   * Compiles a program for the device.
   * @throws EngineError and MemoryLimitError as `Engine.compile`
   */
  async compile(program: Program, options: CompileOptions = {}): Promise<Executable> {
    this.check();
    checkMaxSteps(options.maxSteps);
    const { maxStorageBufferBindingSize: binding, maxBufferSize: buffer } = this.device.limits;
    checkLimits(program, { binding, buffer }, options.maxSteps);
    const { GpuExecutable } = await loadExecutables();
    if (options.asWritten) return GpuExecutable.compile(this, program, options);
    const { traits, tuner } = this;
    const own = traits.immediates ? withImmediates(program) : program;
    const choose = tuner
      ? await tuner.tune(own, (whole, dispatch) => tuner.measure(this, whole, dispatch, options))
      : (dispatch: Dispatch) => variantsOf(dispatch, traits)[0];
    return GpuExecutable.compile(this, withVariants(own, choose), options);
  }
}

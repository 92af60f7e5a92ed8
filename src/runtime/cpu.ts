/** The CPU engine: runs each dispatch of a program through its kernel's twin. It is the reference and the fallback. */

import { arrayOf, type DType, type Elements } from "../dtypes.ts";
import type { Program } from "../program.ts";
import {
  type BufferReader,
  type CompileOptions,
  checkBuffer,
  checkMaxSteps,
  checkUsable,
  checkWrite,
  type Engine,
  type EngineBuffer,
  EngineError,
  type Executable,
  RELEASED,
} from "./engine.ts";
import { checkLimits } from "./limits.ts";
import { InOrder } from "./turns.ts";

/** Creates a CPU reference engine, whose results check the GPU's. It takes no argument. */
export function cpu(): Engine {
  return new CpuEngine();
}

export class CpuEngine implements Engine {
  readonly kind = "cpu";
  readonly info = {
    adapter: "CPU reference (JavaScript)",
    features: [],
    maxBufferBytes: Number.POSITIVE_INFINITY,
  };
  /**
   * Runs, and the reads and writes that must not overtake them: a run uses the memory as it was when the run was
   * enqueued.
   */
  readonly order = new InOrder();
  #destroyed = false;

  buffer(label: string, dtype: DType, length: number, data?: Elements): EngineBuffer {
    this.check();
    checkBuffer(label, dtype, length, data);
    const buffer = new CpuBuffer(this, label, dtype, length);
    if (data) buffer.write(data);
    return buffer;
  }

  async compile(program: Program, options: CompileOptions = {}): Promise<Executable> {
    this.check();
    checkMaxSteps(options.maxSteps);
    const unlimited = Number.POSITIVE_INFINITY;
    checkLimits(program, { binding: unlimited, buffer: unlimited });
    const { CpuExecutable } = await import("./cpuExecutable.ts");
    this.check();
    return new CpuExecutable(this, program, options);
  }

  /** @throws EngineError where the engine was destroyed; a GPU engine refuses then, too */
  check(): void {
    if (this.#destroyed) throw new EngineError("this CPU engine was destroyed; make a new one with cpu()");
  }

  /** Copies elements after the runs under way. */
  copy(source: Elements, target: Elements, offset = 0): void {
    if (this.order.busy) {
      const own = source.slice();
      void this.order.do(async () => target.set(own, offset));
    } else target.set(source, offset);
  }

  async destroy(): Promise<void> {
    this.#destroyed = true;
    await this.order.idle();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }
}

export class CpuBuffer implements EngineBuffer {
  elements: Elements;
  unusable: string | undefined;

  constructor(
    readonly engine: CpuEngine,
    readonly label: string,
    readonly dtype: DType,
    readonly length: number,
  ) {
    this.elements = allocated(label, () => new (arrayOf(dtype))(length));
  }

  write(data: Elements, offset = 0): void {
    this.#check();
    checkWrite(this, data, offset);
    this.engine.copy(data, this.elements, offset);
  }

  async read(): Promise<Elements> {
    this.#check();
    const { engine, elements } = this;
    return engine.order.do(async () => {
      engine.check();
      return elements.slice();
    });
  }

  reader(): BufferReader {
    return { read: () => this.read(), release() {} };
  }

  #check(): void {
    this.engine.check();
    checkUsable(`buffer "${this.label}"`, this);
  }

  release(): void {
    this.unusable ??= RELEASED;
    this.elements = new (arrayOf(this.dtype))(0);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** @throws EngineError where the process cannot allocate that much memory in one piece */
export function allocated<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw new EngineError(`${what}: not enough memory; use a smaller batch or model`, { cause });
  }
}

/** The CPU engine: runs each dispatch of a program through its kernel's twin. It is the reference and the fallback. */

import type { DType, Elements } from "../dtypes.ts";
import type { Program } from "../program.ts";
import { CpuBuffer, CpuHost } from "./cpuMemory.ts";
import {
  type CompileOptions,
  checkBuffer,
  checkMaxSteps,
  type Engine,
  type EngineBuffer,
  type Executable,
  filled,
} from "./engine.ts";
import type { MemoryRole } from "./ledger.ts";
import { checkLimits } from "./limits.ts";

/** Creates a CPU reference engine, whose results check the GPU's. It takes no argument. */
export function cpu(): Engine {
  return new CpuEngine();
}

export class CpuEngine extends CpuHost implements Engine {
  readonly kind = "cpu";
  readonly info = {
    adapter: "CPU reference (JavaScript)",
    features: [],
    maxBufferBytes: Number.POSITIVE_INFINITY,
  };

  buffer(label: string, dtype: DType, length: number, data?: Elements, role?: MemoryRole): EngineBuffer {
    this.check();
    checkBuffer(label, dtype, length, data);
    return filled(new CpuBuffer(this, label, dtype, length, role), data);
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
}

/** The wasm engine: runs programs as WebAssembly, with SIMD and threads. */
import type { DType, Elements } from "../dtypes.ts";
import type { Program } from "../program.ts";
import {
  type CompileOptions,
  checkBuffer,
  checkMaxSteps,
  type Engine,
  type EngineBuffer,
  type EngineInfo,
  type Executable,
  filled,
} from "../runtime/engine.ts";
import type { MemoryRole } from "../runtime/ledger.ts";
import { checkLimits } from "../runtime/limits.ts";
import { WasmBuffer } from "./buffer.ts";
import { WasmExecutable } from "./executable.ts";
import { WasmHost } from "./host.ts";
import { kernelsFor } from "./kernels/index.ts";
import { WasmRoom } from "./room.ts";

export class WasmEngine extends WasmHost implements Engine {
  readonly kind = "wasm";
  /** @internal */
  readonly room = new WasmRoom(this);

  get info(): EngineInfo {
    const threads = this.pool.present;
    const { relaxed } = this.features;
    return {
      adapter: `WebAssembly, 128-bit SIMD${relaxed ? ", relaxed" : ""}, ${threads} thread${threads === 1 ? "" : "s"}`,
      features: ["simd", ...(relaxed ? ["relaxed-simd"] : []), ...(threads > 1 ? ["threads"] : [])],
      maxBufferBytes: this.space.maxBytes,
    };
  }

  buffer(label: string, dtype: DType, length: number, data?: Elements, role?: MemoryRole): EngineBuffer {
    this.check();
    checkBuffer(label, dtype, length, data);
    return filled(new WasmBuffer(this, label, dtype, length, role), data);
  }

  async compile(program: Program, options: CompileOptions = {}): Promise<Executable> {
    this.check();
    checkMaxSteps(options.maxSteps);
    const { maxBytes } = this.space;
    checkLimits(program, { binding: maxBytes, buffer: maxBytes }, options.maxSteps);
    const kernels = await kernelsFor(program);
    this.check();
    return new WasmExecutable(this, program, kernels, options);
  }
}

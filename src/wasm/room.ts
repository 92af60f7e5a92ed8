/** The whole memory of a wasm engine, by which a program is weighed before it takes any. */

import type { Program } from "../program.ts";
import type { EngineRoom, MemoryPiece } from "../runtime/engine.ts";
import { programPieces } from "../runtime/plan.ts";
import { compileProgram } from "./compile.ts";
import { ROW_BYTES } from "./hooks/line.ts";
import type { WasmHost } from "./host.ts";
import { kernelsFor } from "./kernels/index.ts";

export class WasmRoom implements EngineRoom {
  constructor(readonly owner: WasmHost) {}

  get bytes(): number {
    return this.owner.space.maxBytes;
  }

  get free(): number {
    return this.owner.space.left;
  }

  /** With the memory of its kernels, which writing them tells. */
  async pieces(program: Program, maxSteps: number): Promise<readonly MemoryPiece[]> {
    const { space, pool, features } = this.owner;
    const kernels = await kernelsFor(program);
    const scratch: MemoryPiece[] = [];
    compileProgram(program, {
      kernels,
      memory: program.buffers.map(({ dtype, length }) => ({ address: 0, stepBytes: 0, dtype, length })),
      table: 0,
      shared: space.shared,
      threads: pool.numbers,
      features,
      allocate: (bytes) => {
        scratch.push({ role: "activations", bytes });
        return 0;
      },
    });
    return [
      { role: "staging", bytes: maxSteps * ROW_BYTES },
      ...programPieces(program, maxSteps),
      ...scratch,
    ];
  }

  fits(pieces: readonly MemoryPiece[]): boolean {
    return this.owner.space.fits(pieces.map(({ bytes }) => bytes));
  }
}

/** The memory layout of a program. */
import type { DType } from "../dtypes.ts";
import { type BufferKind, byteLength, type Program } from "../program.ts";
import { planMemory } from "../runtime/plan.ts";
import { checkGiven } from "./given.ts";

/** A buffer of a program. */
export interface BufferMemory {
  readonly name: string;
  readonly kind: BufferKind;
  readonly dtype: DType;
  /** Number of elements. */
  readonly length: number;
  readonly bytes: number;
  /** For a temporary: index of its storage in `slots`. */
  readonly slot?: number;
  /** For a temporary: the first and the last launch that use it, from 0. */
  readonly life?: readonly [first: number, last: number];
}

/** Memory needed by one step of a program. */
export interface MemoryLayout {
  /** In the program's order. */
  readonly buffers: readonly BufferMemory[];
  /** Bytes of each piece of storage that temporaries share; temporaries in one piece are never live together. */
  readonly slots: readonly number[];
  /** Total bytes, with shared temporaries. */
  readonly bytes: number;
}

/**
 * The buffers of a program, as both engines lay them out. Outputs count for one step; each further step of a run adds
 * as much again.
 * @throws TypeError where `program` is none
 */
export function memoryLayout(program: Program): MemoryLayout {
  checkGiven("memoryLayout", program);
  const { slots, slotOf, lives } = planMemory(program);
  const buffers = program.buffers.map((buffer, index): BufferMemory => {
    const { name, kind, dtype, length } = buffer;
    const life = lives.get(index);
    return {
      name,
      kind,
      dtype,
      length,
      bytes: byteLength(buffer),
      ...(life && { slot: slotOf.get(index), life: [life.first, life.last] }),
    };
  });
  const own = buffers.filter(({ slot }) => slot === undefined);
  const bytes = [...own.map((buffer) => buffer.bytes), ...slots].reduce((sum, size) => sum + size, 0);
  return { buffers, slots, bytes };
}

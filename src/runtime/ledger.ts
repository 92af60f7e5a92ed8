/** The books of an engine's memory: bytes by role. */

import type { BufferKind } from "../program.ts";

/** What memory of an engine is for. */
export const MEMORY_ROLES = [
  "parameters",
  "gradients",
  "optimizer",
  "statistics",
  "data",
  "inputs",
  "constants",
  "activations",
  "outputs",
  "staging",
  "other",
] as const;

export type MemoryRole = (typeof MEMORY_ROLES)[number];

/** Bytes of an engine's memory that are allocated now, by role, and in all. */
export type EngineMemory = Readonly<Record<MemoryRole | "total", number>>;

/** Roles of a program's buffers, but for those that outlive it and have their own. */
export const ROLE_OF: Readonly<Record<BufferKind, MemoryRole>> = {
  state: "other",
  data: "data",
  constant: "constants",
  input: "inputs",
  temporary: "activations",
  output: "outputs",
};

export class Ledger {
  readonly #bytes = Object.fromEntries(MEMORY_ROLES.map((role) => [role, 0])) as Record<MemoryRole, number>;

  add(role: MemoryRole, bytes: number): void {
    this.#bytes[role] += bytes;
  }

  read(): EngineMemory {
    return { ...this.#bytes, total: Object.values(this.#bytes).reduce((sum, bytes) => sum + bytes) };
  }
}

/** What a step needs of an engine whose whole memory is known, added up before any is taken. Loaded for such engines. */
import type { Program } from "../program.ts";
import type { Engine, EngineBuffer, EngineRoom, Executable, MemoryPiece } from "../runtime/engine.ts";
import { MEMORY_ROLES } from "../runtime/ledger.ts";
import { MemoryLimitError } from "../runtime/limits.ts";
import { programPieces } from "../runtime/plan.ts";
import { InOrder } from "../turns.ts";
import type { StepOwner } from "./compileStep.ts";
import { roleOf } from "./memory.ts";

/**
 * Compiles a program where all that it takes, with the owner's memory, finds room.
 * @throws MemoryLimitError saying what is needed and what is free, by role; nothing is then taken
 */
export function compileWithin(
  owner: StepOwner,
  program: Program,
  maxSteps: number,
  data: Readonly<Record<string, EngineBuffer>>,
): Promise<Executable> {
  const { engine } = owner;
  const turn = turns.get(engine) ?? new InOrder();
  turns.set(engine, turn);
  return turn.do(async () => {
    const room = engine.room as EngineRoom;
    let pieces = [...pendingPieces(owner), ...programPieces(program, maxSteps)];
    // What kernels take is known once they are written, which takes time, and is small beside the rest.
    if (total(pieces) * 2 > room.free)
      pieces = [...pendingPieces(owner), ...(await room.pieces(program, maxSteps))];
    if (!room.fits(pieces)) throw tooLarge(owner, program, pieces);
    return engine.compile(program, { maxSteps, state: owner.memory, data });
  });
}

/** One program after the other takes memory: none comes between the look and the taking. */
const turns = new WeakMap<Engine, InOrder>();

/** Arenas that have no memory yet, in the order in which they take it. */
export function pendingPieces({ pending = [] }: StepOwner): MemoryPiece[] {
  return pending.map((arena) => ({ role: roleOf(arena), bytes: arena.length * 4 }));
}

function total(pieces: readonly MemoryPiece[]): number {
  return pieces.reduce((sum, { bytes }) => sum + bytes, 0);
}

function tooLarge({ engine }: StepOwner, program: Program, pieces: readonly MemoryPiece[]): MemoryLimitError {
  const { bytes, free } = engine.room as EngineRoom;
  const temporaries = program.buffers.filter(({ kind }) => kind === "temporary");
  const largest = temporaries.reduce((a, b) => (b.length > a.length ? b : a), temporaries[0]);
  const named = largest
    ? `the largest tensor of activations is "${largest.name}", of ${largest.length * 4}; `
    : "";
  return new MemoryLimitError(
    `program ${program.name}`,
    total(pieces),
    free,
    `${named}use a smaller batch or model, or release what is not in use`,
    `has ${free} of ${bytes} free: needed are ${inRoles(rolesOf(pieces))}; in use are ${inRoles(engine.memory())}`,
  );
}

function rolesOf(pieces: readonly MemoryPiece[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { role, bytes } of pieces) sums[role] = (sums[role] ?? 0) + bytes;
  return sums;
}

/** `parameters 4096, activations 8192`. */
function inRoles(bytes: Readonly<Record<string, number>>): string {
  const some = MEMORY_ROLES.filter((role) => (bytes[role] ?? 0) > 0).map((role) => `${role} ${bytes[role]}`);
  return some.join(", ") || "none";
}

/** The memory plan: which temporaries of a program share storage. A pure function of the program. */
import { byteLength, type Dispatch, launchesOf, type Program } from "../program.ts";
import type { MemoryPiece } from "./engine.ts";
import { ROLE_OF } from "./ledger.ts";

export interface MemoryPlan {
  /** Bytes of each piece of storage. */
  readonly slots: readonly number[];
  /** Piece of storage of each temporary, by buffer index. */
  readonly slotOf: ReadonlyMap<number, number>;
  /** First and last launch that uses each temporary, by buffer index. */
  readonly lives: ReadonlyMap<number, { readonly first: number; readonly last: number }>;
}

/** First and last launch that uses each temporary. */
function lifetimes(program: Program): Map<number, { first: number; last: number }> {
  const lives = new Map<number, { first: number; last: number }>();
  launchesOf(program).forEach((launch, position) => {
    for (const buffer of touchedBy(launch)) {
      if (program.buffers[buffer].kind !== "temporary") continue;
      const life = lives.get(buffer);
      if (life) life.last = position;
      else lives.set(buffer, { first: position, last: position });
    }
  });
  return lives;
}

/**
 * Temporaries share a whole piece of storage where their lives do not overlap: WebGPU tracks whole buffers, so that one
 * dispatch could not read one part of a buffer and write another. The best fit comes first; where no free piece is
 * large enough, the largest one grows.
 */
export function planMemory(program: Program): MemoryPlan {
  const lives = lifetimes(program);
  const slots: number[] = [];
  const slotOf = new Map<number, number>();
  const free = new FreeSlots(slots);
  launchesOf(program).forEach((launch, position) => {
    const touched = touchedBy(launch);
    for (const buffer of touched) {
      if (lives.get(buffer)?.first !== position) continue;
      const bytes = byteLength(program.buffers[buffer]);
      const slot = free.take(bytes) ?? slots.push(0) - 1;
      slots[slot] = Math.max(slots[slot], bytes);
      slotOf.set(buffer, slot);
    }
    for (const buffer of touched) {
      const slot = slotOf.get(buffer);
      if (slot !== undefined && lives.get(buffer)?.last === position) free.add(slot);
    }
  });
  return { slots, slotOf, lives };
}

/** The memory of a program's own buffers, in the order in which engines take it. */
export function programPieces(program: Program, maxSteps: number): MemoryPiece[] {
  const { slots, slotOf } = planMemory(program);
  const shared = slots.map((bytes): MemoryPiece => ({ role: "activations", bytes }));
  const own = program.buffers.flatMap((buffer, index): MemoryPiece[] => {
    const { kind } = buffer;
    if (kind === "state" || kind === "data" || slotOf.has(index)) return [];
    return [{ role: ROLE_OF[kind], bytes: byteLength(buffer) * (kind === "output" ? maxSteps : 1) }];
  });
  return [...shared, ...own];
}

function touchedBy(launch: readonly Dispatch[]): Set<number> {
  return new Set(launch.flatMap(({ bindings }) => Object.values(bindings).map(({ buffer }) => buffer)));
}

/** Free pieces of storage, the smallest first. */
class FreeSlots {
  readonly #free: number[] = [];

  /** @param sizes bytes of each piece, by its number */
  constructor(readonly sizes: readonly number[]) {}

  add(slot: number): void {
    this.#free.splice(this.#behind(this.sizes[slot] + 1), 0, slot);
  }

  /** The smallest piece that is large enough, or else the largest. */
  take(bytes: number): number | undefined {
    const at = Math.min(this.#behind(bytes), this.#free.length - 1);
    return at < 0 ? undefined : this.#free.splice(at, 1)[0];
  }

  /** Position of the first piece with at least `bytes`. */
  #behind(bytes: number): number {
    let [low, high] = [0, this.#free.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.sizes[this.#free[middle]] >= bytes) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

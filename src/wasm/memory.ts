/** The memory of a wasm engine: one WebAssembly.Memory, and pieces of it. */
import { EngineError } from "../runtime/engine.ts";
import { MemoryLimitError } from "../runtime/limits.ts";
import { MAX_PAGES } from "./assembler/module.ts";
import { CONTROL_BYTES } from "./control.ts";

const PAGE = 65_536;
/** Pieces begin at multiples of this many bytes, and this many behind each can be read. */
const GRAIN = 64;

/** Bytes that all pieces of a memory can take. */
export const MAX_BYTES = MAX_PAGES * PAGE;

export interface Piece {
  readonly address: number;
  readonly bytes: number;
}

export class WasmMemory {
  readonly memory: WebAssembly.Memory;
  /** Free pieces by address; no two of them touch. */
  #free: Piece[] = [];
  /** Address behind the last piece that was ever taken. */
  #end = CONTROL_BYTES;

  constructor(shared: boolean) {
    this.memory = new WebAssembly.Memory({ initial: 1, maximum: MAX_PAGES, shared });
  }

  /**
   * A piece of `bytes`, filled with zeros, with {@link GRAIN} bytes behind it that may be read.
   * @throws MemoryLimitError where that exceeds what a memory can hold; EngineError where the host has no more
   */
  take(what: string, bytes: number): Piece {
    const size = (Math.ceil(bytes / GRAIN) + 1) * GRAIN;
    const fits = this.#free.filter((piece) => piece.bytes >= size);
    const best = fits.reduce<Piece | undefined>((a, b) => (a && a.bytes <= b.bytes ? a : b), undefined);
    if (!best) return this.#append(what, size);
    const rest = { address: best.address + size, bytes: best.bytes - size };
    this.#free = this.#free.flatMap((piece) => (piece !== best ? [piece] : rest.bytes > 0 ? [rest] : []));
    new Uint8Array(this.memory.buffer, best.address, size).fill(0);
    return { address: best.address, bytes: size };
  }

  #append(what: string, size: number): Piece {
    const address = this.#end;
    const end = address + size;
    if (end > MAX_BYTES)
      throw new MemoryLimitError(what, size, MAX_BYTES - address, "use a smaller batch or model");
    const pages = Math.ceil((end - this.memory.buffer.byteLength) / PAGE);
    if (pages > 0) {
      try {
        this.memory.grow(pages);
      } catch (cause) {
        throw new EngineError(`${what}: not enough memory; use a smaller batch or model`, { cause });
      }
    }
    this.#end = end;
    new Uint8Array(this.memory.buffer, address, size).fill(0);
    return { address, bytes: size };
  }

  /** Gives a piece back. */
  free(piece: Piece): void {
    const all = [...this.#free, piece].sort((a, b) => a.address - b.address);
    this.#free = [];
    for (const next of all) {
      const last = this.#free.at(-1);
      if (last && last.address + last.bytes === next.address)
        this.#free[this.#free.length - 1] = { address: last.address, bytes: last.bytes + next.bytes };
      else this.#free.push(next);
    }
    const last = this.#free.at(-1);
    if (last && last.address + last.bytes === this.#end) {
      this.#end = last.address;
      this.#free.pop();
    }
  }
}

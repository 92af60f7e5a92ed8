/** The memory of a wasm engine: one WebAssembly.Memory, and pieces of it. */
import { EngineError } from "../runtime/engine.ts";
import { Ledger, type MemoryRole } from "../runtime/ledger.ts";
import { MemoryLimitError } from "../runtime/limits.ts";
import { MAX_PAGES } from "./assembler/module.ts";
import { CONTROL_BYTES } from "./control.ts";

const PAGE = 65_536;
/** Pieces begin at multiples of this many bytes, and this many behind each can be read. */
const GRAIN = 64;
/** Pages by which a memory grows at least. */
const GROWTH = 16;

/** Bytes of the memory. */
interface Span {
  readonly address: number;
  readonly bytes: number;
}

export interface Piece extends Span {
  readonly role: MemoryRole;
}

/** What a host gave. */
interface Region {
  readonly memory: WebAssembly.Memory;
  /** Bytes to which it can grow. */
  readonly limit: number;
  /** Address behind all bytes that may not be 0: pages that the host has just made are. */
  touched: number;
}

/**
 * Memories of engines that are gone. Browsers refuse the hundredth or so of a page, and touch pages of a new one slowly;
 * so the next engine takes an old one that the garbage collector has not found yet.
 */
const spare: Readonly<Record<"shared" | "own", WeakRef<Region>[]>> = { shared: [], own: [] };

export class WasmMemory {
  readonly memory: WebAssembly.Memory;
  /** Bytes that one piece can take, where no other is taken. */
  readonly maxBytes: number;
  /** What the pieces are for. */
  readonly ledger = new Ledger();
  readonly #region: Region;
  /** Free pieces by address; no two of them touch. */
  readonly #free: Span[] = [];
  /** Address behind the last piece. */
  #end = CONTROL_BYTES;

  /**
   * @param pages limit of its size (default: the host's), of 64 KiB each
   * @throws EngineError where the host gives no memory
   */
  constructor(
    readonly shared: boolean,
    readonly pages?: number,
  ) {
    this.#region = (pages === undefined ? reused(shared) : undefined) ?? newRegion(shared, pages);
    this.memory = this.#region.memory;
    this.maxBytes = this.#region.limit - CONTROL_BYTES - GRAIN;
    this.#clear(0, CONTROL_BYTES);
  }

  /** Number of bytes from the beginning of the memory to the end of its last piece. */
  get end(): number {
    return this.#end;
  }

  /** Bytes that no piece takes. */
  get left(): number {
    return this.#free.reduce((sum, { bytes }) => sum + bytes, this.#region.limit - this.#end);
  }

  /** Whether pieces of these sizes would find room, {@link take}n in that order. */
  fits(sizes: readonly number[]): boolean {
    const free = this.#free.map(({ bytes }) => bytes);
    let left = this.#region.limit - this.#end;
    for (const bytes of sizes) {
      const size = withGap(bytes);
      const at = smallest(free, size);
      if (at >= 0) free[at] -= size;
      else left -= size;
    }
    return left >= 0;
  }

  /**
   * A piece of `bytes`, with {@link GRAIN} bytes behind it that may be read.
   * @param isClear whether it is filled with zeros; else its bytes are of no meaning
   * @throws MemoryLimitError where that exceeds what is left of the memory; EngineError where the host has no more
   */
  take(what: string, bytes: number, isClear: boolean, role: MemoryRole = "other"): Piece {
    const size = withGap(bytes);
    const at = smallest(
      this.#free.map((piece) => piece.bytes),
      size,
    );
    const address = at < 0 ? this.#append(what, bytes, size) : this.#free[at].address;
    if (at >= 0) {
      const rest = { address: address + size, bytes: this.#free[at].bytes - size };
      this.#free.splice(at, 1, ...(rest.bytes > 0 ? [rest] : []));
    }
    if (isClear) this.#clear(address, size);
    const region = this.#region;
    region.touched = Math.max(region.touched, address + size);
    this.ledger.add(role, size);
    return { address, bytes: size, role };
  }

  #clear(address: number, bytes: number): void {
    const used = Math.min(bytes, this.#region.touched - address);
    if (used > 0) new Uint8Array(this.memory.buffer, address, used).fill(0);
  }

  /** The address of so many bytes behind all others. */
  #append(what: string, bytes: number, size: number): number {
    const address = this.#end;
    if (address + size > this.#region.limit) throw this.#full(what, bytes);
    const missing = address + size - this.memory.buffer.byteLength;
    if (missing > 0) {
      const most = (this.#region.limit - this.memory.buffer.byteLength) / PAGE;
      const least = Math.ceil(missing / PAGE);
      try {
        this.memory.grow(Math.min(most, Math.max(least, GROWTH)));
      } catch (cause) {
        throw new EngineError(
          `${what} takes ${bytes} bytes, and the host has no more memory; use a smaller batch or model`,
          { cause },
        );
      }
    }
    this.#end = address + size;
    return address;
  }

  #full(what: string, bytes: number): MemoryLimitError {
    const pieces = [...this.#free.map((piece) => piece.bytes), this.#region.limit - this.#end];
    const most = Math.max(0, Math.max(...pieces) - GRAIN);
    const advice =
      bytes > this.maxBytes
        ? "use a smaller batch or model"
        : "release others, or use a smaller batch or model";
    return new MemoryLimitError(what, bytes, most, advice);
  }

  /** Gives a piece back. */
  free({ address, bytes, role }: Piece): void {
    this.ledger.add(role, -bytes);
    const next = this.#free.findIndex((piece) => piece.address > address);
    const at = next < 0 ? this.#free.length : next;
    const [before, after] = [this.#free[at - 1], this.#free[at]];
    const [joinsBefore, joinsAfter] = [
      before !== undefined && before.address + before.bytes === address,
      after !== undefined && address + bytes === after.address,
    ];
    const start = joinsBefore ? before.address : address;
    const end = joinsAfter ? after.address + after.bytes : address + bytes;
    const replaced = Number(joinsBefore) + Number(joinsAfter);
    const isLast = end === this.#end;
    if (isLast) this.#end = start;
    const merged = isLast ? [] : [{ address: start, bytes: end - start }];
    this.#free.splice(joinsBefore ? at - 1 : at, replaced, ...merged);
  }

  /** Leaves the memory to the next engine: nobody uses it any more. */
  abandon(): void {
    if (this.pages === undefined) spare[this.shared ? "shared" : "own"].push(new WeakRef(this.#region));
  }
}

/** Bytes of a piece with the gap behind it. */
export function withGap(bytes: number): number {
  return (Math.ceil(bytes / GRAIN) + 1) * GRAIN;
}

/** Position of the smallest that is large enough, or −1. */
function smallest(sizes: readonly number[], size: number): number {
  return sizes.reduce(
    (best, bytes, i) => (bytes >= size && (best < 0 || bytes < sizes[best]) ? i : best),
    -1,
  );
}

/** The memory of an engine that is gone. */
function reused(shared: boolean): Region | undefined {
  const regions = spare[shared ? "shared" : "own"];
  for (let ref = regions.pop(); ref; ref = regions.pop()) {
    const region = ref.deref();
    if (region) return region;
  }
}

/** Pages of the smallest memory that is worth a try: 64 MiB. */
const LEAST_PAGES = 1024;

/** A memory that can grow to 4 GiB, or to half, a quarter … where the host has not as many addresses. */
function newRegion(shared: boolean, pages = MAX_PAGES): Region {
  for (let maximum = pages; ; maximum /= 2) {
    try {
      const memory = new WebAssembly.Memory({ initial: GROWTH, maximum, shared });
      return { memory, limit: maximum * PAGE, touched: 0 };
    } catch (cause) {
      if (maximum > LEAST_PAGES) continue;
      throw new EngineError(
        `wasm: the host gives no memory: ${(cause as Error)?.message ?? cause}; destroy() engines that are done with`,
        { cause },
      );
    }
  }
}

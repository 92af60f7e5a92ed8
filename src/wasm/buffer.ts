/** Buffers of a wasm engine: pieces of its memory. */
import { arrayOf, bytesPerElement, type DType, type Elements } from "../dtypes.ts";
import { freeWhenDropped, released } from "../runtime/dropped.ts";
import {
  type BufferReader,
  checkUsable,
  checkWrite,
  type EngineBuffer,
  RELEASED,
} from "../runtime/engine.ts";
import type { MemoryRole } from "../runtime/ledger.ts";
import { type WasmHost, whenIdle } from "./host.ts";

export class WasmBuffer implements EngineBuffer {
  readonly address: number;
  unusable: string | undefined;
  readonly #free: () => void;

  constructor(
    readonly owner: WasmHost,
    readonly label: string,
    readonly dtype: DType,
    readonly length: number,
    role?: MemoryRole,
  ) {
    const { space, order } = owner;
    const piece = space.take(`buffer "${label}"`, length * bytesPerElement(dtype), true, role);
    this.address = piece.address;
    this.#free = () => whenIdle(order, () => space.free(piece));
    freeWhenDropped(this, this.#free);
  }

  /** The elements where they lie; only until memory grows. */
  get elements(): Elements {
    return viewOf(this.owner, this.address, this.dtype, this.length);
  }

  write(data: Elements, offset = 0): void {
    this.#check();
    checkWrite(this, data, offset);
    this.owner.afterRuns(data, (own) => this.elements.set(own, offset));
  }

  async read(): Promise<Elements> {
    this.#check();
    const { owner } = this;
    return owner.order.do(async () => {
      owner.check();
      return this.elements.slice();
    });
  }

  reader(): BufferReader {
    return { read: () => this.read(), release() {} };
  }

  #check(): void {
    this.owner.check();
    checkUsable(`buffer "${this.label}"`, this);
  }

  release(): void {
    if (this.unusable !== undefined) return;
    this.unusable = RELEASED;
    released(this);
    this.#free();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** Elements at an address of the engine's memory; only until memory grows. */
export function viewOf(
  { space }: Pick<WasmHost, "space">,
  address: number,
  dtype: DType,
  length: number,
): Elements {
  return new (arrayOf(dtype))(space.memory.buffer as ArrayBuffer, address, length);
}

/** Buffers of a wasm engine: pieces of its memory. */
import { arrayOf, bytesPerElement, type DType, type Elements } from "../dtypes.ts";
import {
  type BufferReader,
  checkUsable,
  checkWrite,
  type EngineBuffer,
  RELEASED,
} from "../runtime/engine.ts";
import type { WasmHost } from "./host.ts";
import type { Piece } from "./memory.ts";

export class WasmBuffer implements EngineBuffer {
  readonly piece: Piece;
  unusable: string | undefined;

  constructor(
    readonly owner: WasmHost,
    readonly label: string,
    readonly dtype: DType,
    readonly length: number,
  ) {
    this.piece = owner.memory.take(`buffer "${label}"`, length * bytesPerElement(dtype));
  }

  /** The elements where they lie; only until memory grows. */
  get elements(): Elements {
    return viewOf(this.owner, this.piece.address, this.dtype, this.length);
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
    if (this.unusable === undefined) void this.owner.whenIdle(() => this.owner.memory.free(this.piece));
    this.unusable ??= RELEASED;
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** Elements at an address of the engine's memory; only until memory grows. */
export function viewOf(
  { memory }: Pick<WasmHost, "memory">,
  address: number,
  dtype: DType,
  length: number,
): Elements {
  return new (arrayOf(dtype))(memory.memory.buffer as ArrayBuffer, address, length);
}

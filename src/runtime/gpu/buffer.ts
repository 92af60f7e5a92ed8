/** Memory on the device that outlives programs. */

import { bytesPerElement, type DType, type Elements } from "../../dtypes.ts";
import { freeWhenDropped, released } from "../dropped.ts";
import { checkUsable, checkWrite, type EngineBuffer, EngineError, RELEASED } from "../engine.ts";
import type { MemoryRole } from "../ledger.ts";
import { checkSize } from "../limits.ts";
import { alignUp, BufferUsage } from "./constants.ts";
import type { GpuDevice } from "./device.ts";
import { GpuReader } from "./reader.ts";
import type { Refusal } from "./scopes.ts";

export class GpuBuffer implements EngineBuffer {
  readonly gpu: GPUBuffer;
  unusable: string | undefined;
  /** Why the buffer has no memory, or lacks what was written, if so. */
  failure: string | undefined;
  /** Ends when WebGPU has told whether the allocation and all writes so far succeeded. */
  #told: Promise<void>;

  constructor(
    readonly owner: GpuDevice,
    readonly label: string,
    readonly dtype: DType,
    readonly length: number,
    role: MemoryRole = "other",
  ) {
    const size = alignUp(length * bytesPerElement(dtype), 4);
    checkSize(`buffer "${label}"`, size, owner.info.maxBufferBytes, "use fewer or smaller tensors");
    const usage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
    const { ledger } = owner;
    const { value, error, thrown } = owner.scoped(() => ledger.make(role, label, size, usage));
    const words = (refused: Refusal) =>
      `has no memory: its ${size} bytes are refused, beside ${ledger.read().total - size} in use: ${refused.message}`;
    if (!value || thrown) {
      if (value) ledger.free(value);
      throw new EngineError(`buffer "${label}" ${words(thrown as Refusal)}`, { cause: thrown });
    }
    this.gpu = value;
    this.#told = this.#notice(error, words).then(() => {
      if (this.failure !== undefined) ledger.free(value);
    });
    freeWhenDropped(this, ledger.free.bind(ledger, value));
  }

  /** Why the buffer cannot be used, once WebGPU has told; undefined where it can. Never rejects. */
  async refused(): Promise<string | undefined> {
    await this.#told;
    return this.failure;
  }

  /** An error in what the buffer holds fails all later uses. Never rejects. */
  async #notice(error: Promise<Refusal | undefined>, words: (refused: Refusal) => string): Promise<void> {
    const refused = await error.catch((untold: Refusal) => untold);
    if (!refused) return;
    this.failure ??= words(refused);
    this.unusable ??= this.failure;
  }

  write(data: Elements, offset = 0): void {
    this.check();
    checkWrite(this, data, offset);
    const size = bytesPerElement(this.dtype);
    const words = ({ message }: Refusal) => `could not be written: ${message}; make another`;
    const { error, thrown } = this.owner.scoped(() =>
      this.owner.bytes.write(this.gpu, offset * size, bytesIn(data), this.length * size),
    );
    // What is not wholly written is of no use.
    if (thrown) {
      this.failure ??= this.unusable ??= words(thrown);
      this.check();
    }
    this.#told = Promise.all([this.#told, this.#notice(error, words)]).then(() => {});
  }

  async read(): Promise<Elements> {
    const reader = this.reader();
    try {
      return await reader.read();
    } finally {
      reader.release();
    }
  }

  reader(): GpuReader {
    return new GpuReader(this);
  }

  /** @throws EngineError where the buffer cannot be used */
  check(): void {
    this.owner.check();
    checkUsable(`buffer "${this.label}"`, this);
  }

  release(): void {
    this.unusable ??= RELEASED;
    released(this);
    this.owner.ledger.free(this.gpu);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

export function bytesIn({ buffer, byteOffset, byteLength }: Elements): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

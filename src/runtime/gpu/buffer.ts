/** Memory on the device that outlives programs. */

import { bytesPerElement, type DType, type Elements } from "../../dtypes.ts";
import { freeWhenDropped, released } from "../dropped.ts";
import { checkUsable, checkWrite, type EngineBuffer, RELEASED } from "../engine.ts";
import { checkSize } from "../limits.ts";
import { alignUp, BufferUsage } from "./constants.ts";
import type { GpuDevice } from "./device.ts";
import { GpuReader } from "./reader.ts";

export class GpuBuffer implements EngineBuffer {
  readonly gpu: GPUBuffer;
  unusable: string | undefined;
  /** WebGPU's message where the allocation failed. Never rejects. */
  readonly refused: Promise<string | undefined>;

  constructor(
    readonly owner: GpuDevice,
    readonly label: string,
    readonly dtype: DType,
    readonly length: number,
  ) {
    const size = alignUp(length * bytesPerElement(dtype), 4);
    checkSize(`buffer "${label}"`, size, owner.info.maxBufferBytes, "use fewer or smaller tensors");
    const usage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
    const { value, error } = owner.scoped(() => owner.device.createBuffer({ label, size, usage }));
    this.gpu = value;
    this.refused = error.then((refused) => {
      if (!refused) return undefined;
      const words = `has no memory: ${refused.message}; use a smaller model or less data`;
      this.unusable ??= words;
      return words;
    });
    freeWhenDropped(this, value.destroy.bind(value));
  }

  write(data: Elements, offset = 0): void {
    this.check();
    checkWrite(this, data, offset);
    const size = bytesPerElement(this.dtype);
    this.owner.bytes.write(this.gpu, offset * size, bytesIn(data), this.length * size);
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
    this.gpu.destroy();
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

export function bytesIn({ buffer, byteOffset, byteLength }: Elements): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}

/** Memory on the device that outlives programs. */
import type { DType, Elements } from "../../program.ts";
import { arrayOf, checkElements, type EngineBuffer, EngineError } from "../engine.ts";
import { checkSize } from "../limits.ts";
import { alignUp, BufferUsage } from "./constants.ts";
import type { GpuEngine } from "./engine.ts";

export class GpuBuffer implements EngineBuffer {
  readonly gpu: GPUBuffer;

  constructor(
    readonly engine: GpuEngine,
    readonly label: string,
    readonly dtype: DType,
    readonly length: number,
  ) {
    const size = alignUp(length * bytesOf(dtype), 4);
    checkSize(`buffer "${label}"`, size, engine.info.maxBufferBytes, "use fewer or smaller tensors");
    this.gpu = engine.device.createBuffer({
      label,
      size,
      usage: BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST,
    });
  }

  write(data: Elements, offset = 0): void {
    this.engine.check();
    if (offset + data.length > this.length) {
      throw new EngineError(`${this.label}: writing ${data.length} elements at ${offset} of ${this.length}`);
    }
    checkElements(this.label, this.dtype, data.length, data);
    writePadded(this.engine.device, this.gpu, offset * bytesOf(this.dtype), data);
  }

  async read(): Promise<Elements> {
    this.engine.check();
    const { device } = this.engine;
    const staging = device.createBuffer({
      label: `${this.label} readback`,
      size: this.gpu.size,
      usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST,
    });
    const encoder = device.createCommandEncoder({ label: `read ${this.label}` });
    encoder.copyBufferToBuffer(this.gpu, 0, staging, 0, this.gpu.size);
    device.queue.submit([encoder.finish({ label: encoder.label })]);
    await this.engine.mapped(staging, this.label);
    const elements = new (arrayOf(this.dtype))(staging.getMappedRange().slice(0)).slice(0, this.length);
    staging.destroy();
    this.engine.check();
    return elements;
  }

  release(): void {
    this.gpu.destroy();
  }
}

function bytesOf(dtype: DType): number {
  return dtype === "u8" ? 1 : 4;
}

/** WebGPU writes whole words: bytes at the end that do not fill one are padded. */
export function writePadded(device: GPUDevice, target: GPUBuffer, byteOffset: number, data: Elements): void {
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  const whole = bytes.byteLength - (bytes.byteLength % 4);
  if (whole > 0) device.queue.writeBuffer(target, byteOffset, bytes, 0, whole);
  if (whole < bytes.byteLength) {
    const last = new Uint8Array(4);
    last.set(bytes.subarray(whole));
    device.queue.writeBuffer(target, byteOffset + whole, last);
  }
}

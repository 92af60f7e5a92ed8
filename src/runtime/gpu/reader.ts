/** Repeated reads of a device buffer through one piece of memory that the host can see. */

import { arrayOf, type DType, type Elements } from "../../dtypes.ts";
import { freeWhenDropped, released } from "../dropped.ts";
import { type BufferReader, checkUsable, EngineError } from "../engine.ts";
import { BufferUsage } from "./constants.ts";
import type { GpuDevice } from "./device.ts";

/** The part of a buffer that a reader uses. */
interface Source {
  readonly owner: GpuDevice;
  readonly gpu: GPUBuffer;
  readonly label: string;
  readonly dtype: DType;
  readonly length: number;
  /** WebGPU's message where the allocation failed. Never rejects. */
  readonly refused: Promise<string | undefined>;
  check(): void;
}

export class GpuReader implements BufferReader {
  /** Created by the first read. */
  #staging: GPUBuffer | undefined;

  constructor(readonly source: Source) {}

  async read(): Promise<Elements> {
    const { owner, label: name, gpu, dtype, length, refused } = this.source;
    this.source.check();
    const label = `read ${name}`;
    const { value: staging, error } = owner.scoped(() => {
      const staging = this.#made(label, gpu.size);
      const encoder = owner.device.createCommandEncoder({ label });
      encoder.copyBufferToBuffer(gpu, 0, staging, 0, gpu.size);
      owner.device.queue.submit([encoder.finish({ label })]);
      return staging;
    });
    const what = `buffer "${name}"`;
    return owner.attempt(what, async () => {
      checkUsable(what, { unusable: await refused });
      const failed = await error;
      if (failed) throw new EngineError(`${what} could not be read: ${failed.message}`);
      await owner.mapped(staging);
      const elements = new (arrayOf(dtype))(staging.getMappedRange().slice(0)).slice(0, length);
      staging.unmap();
      return elements;
    });
  }

  #made(label: string, size: number): GPUBuffer {
    if (this.#staging) return this.#staging;
    const usage = BufferUsage.MAP_READ | BufferUsage.COPY_DST;
    const staging = this.source.owner.device.createBuffer({ label, size, usage });
    this.#staging = staging;
    freeWhenDropped(this, staging.destroy.bind(staging));
    return staging;
  }

  release(): void {
    released(this);
    this.#staging?.destroy();
    this.#staging = undefined;
  }
}

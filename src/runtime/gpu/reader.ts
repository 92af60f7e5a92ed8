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
  /** Why the buffer cannot be read, once WebGPU has told. Never rejects. */
  refused(): Promise<string | undefined>;
  check(): void;
}

export class GpuReader implements BufferReader {
  /** Created by the first read. */
  #staging: GPUBuffer | undefined;

  constructor(readonly source: Source) {}

  async read(): Promise<Elements> {
    const { source } = this;
    const { owner, gpu, dtype, length } = source;
    source.check();
    const label = `read ${source.label}`;
    const refused = source.refused();
    const { error } = owner.scoped(() => {
      const staging = this.#made(label, gpu.size);
      const encoder = owner.device.createCommandEncoder({ label });
      encoder.copyBufferToBuffer(gpu, 0, staging, 0, gpu.size);
      owner.device.queue.submit([encoder.finish({ label })]);
    });
    const staging = this.#staging;
    const what = `buffer "${source.label}"`;
    try {
      return await owner.attempt(what, async () => {
        checkUsable(what, { unusable: await refused });
        const failed = await error;
        if (failed) throw new EngineError(`${what} could not be read: ${failed.message}`, { cause: failed });
        const read = staging as GPUBuffer;
        await owner.mapped(read);
        const elements = new (arrayOf(dtype))(read.getMappedRange().slice(0)).slice(0, length);
        read.unmap();
        return elements;
      });
    } catch (failure) {
      // Staging memory that failed once may be invalid: the next read makes another.
      if (this.#staging === staging) this.release();
      throw failure;
    }
  }

  #made(label: string, size: number): GPUBuffer {
    if (this.#staging) return this.#staging;
    const { ledger } = this.source.owner;
    const staging = ledger.make("staging", label, size, BufferUsage.MAP_READ | BufferUsage.COPY_DST);
    this.#staging = staging;
    freeWhenDropped(this, ledger.free.bind(ledger, staging));
    return staging;
  }

  release(): void {
    released(this);
    if (this.#staging) this.source.owner.ledger.free(this.#staging);
    this.#staging = undefined;
  }
}

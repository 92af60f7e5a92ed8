/** The buffers of a device. This module holds no engine: whoever frees a buffer may be the garbage collector. */
import { Ledger, type MemoryRole } from "../ledger.ts";

export class GpuMemory extends Ledger {
  /** The buffers that are not freed. */
  readonly #held = new WeakMap<GPUBuffer, { readonly role: MemoryRole; readonly size: number }>();

  constructor(readonly device: GPUDevice) {
    super();
  }

  make(role: MemoryRole, label: string, size: number, usage: number): GPUBuffer {
    const buffer = this.device.createBuffer({ label, size, usage });
    this.#held.set(buffer, { role, size });
    this.add(role, size);
    return buffer;
  }

  free(buffer: GPUBuffer): void {
    const held = this.#held.get(buffer);
    if (!held) return;
    this.#held.delete(buffer);
    this.add(held.role, -held.size);
    buffer.destroy();
  }
}

/** Memory of the CPU engine: its buffers, and the order in which runs, reads and writes take their turns. */
import { arrayOf, type DType, type Elements } from "../dtypes.ts";
import {
  type BufferReader,
  checkUsable,
  checkWrite,
  type EngineBuffer,
  EngineError,
  RELEASED,
} from "./engine.ts";
import { InOrder } from "./turns.ts";

/** The part of the engine that buffers and executables use. */
export class CpuHost {
  /**
   * Runs, and the reads and writes that must not overtake them: a run uses the memory as it was when the run was
   * enqueued.
   */
  readonly order = new InOrder();
  #destroyed = false;

  /** @throws EngineError where the engine was destroyed; a GPU engine refuses then, too */
  check(): void {
    if (this.#destroyed) throw new EngineError("this CPU engine was destroyed; make a new one with cpu()");
  }

  /** Copies elements after the runs under way. */
  copy(source: Elements, target: Elements, offset = 0): void {
    if (this.order.busy) {
      const own = source.slice();
      void this.order.do(async () => target.set(own, offset));
    } else target.set(source, offset);
  }

  async destroy(): Promise<void> {
    this.#destroyed = true;
    await this.order.idle();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }
}

export class CpuBuffer implements EngineBuffer {
  elements: Elements;
  unusable: string | undefined;

  constructor(
    readonly owner: CpuHost,
    readonly label: string,
    readonly dtype: DType,
    readonly length: number,
  ) {
    this.elements = allocated(label, () => new (arrayOf(dtype))(length));
  }

  write(data: Elements, offset = 0): void {
    this.#check();
    checkWrite(this, data, offset);
    this.owner.copy(data, this.elements, offset);
  }

  async read(): Promise<Elements> {
    this.#check();
    const { owner, elements } = this;
    return owner.order.do(async () => {
      owner.check();
      return elements.slice();
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
    this.unusable ??= RELEASED;
    this.elements = new (arrayOf(this.dtype))(0);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** @throws EngineError where the process cannot allocate that much memory in one piece */
export function allocated<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw new EngineError(`${what}: not enough memory; use a smaller batch or model`, { cause });
  }
}

/** Memory of the CPU engine: its buffers, and the order in which runs, reads and writes take their turns. */
import { arrayOf, type DType, type Elements } from "../dtypes.ts";
import { InOrder } from "../turns.ts";
import { freeWhenDropped, released } from "./dropped.ts";
import {
  type BufferReader,
  checkUsable,
  checkWrite,
  type EngineBuffer,
  EngineError,
  RELEASED,
} from "./engine.ts";
import { type EngineMemory, Ledger, type MemoryRole } from "./ledger.ts";

/** The part of the engine that buffers and executables use. */
export class CpuHost {
  /**
   * Runs, and the reads and writes that must not overtake them: a run uses the memory as it was when the run was
   * enqueued.
   */
  readonly order = new InOrder();
  readonly ledger = new Ledger();
  #destroyed = false;

  /** Bytes of the arrays in use; 0 once the engine is destroyed. */
  memory(): EngineMemory {
    return (this.#destroyed ? new Ledger() : this.ledger).read();
  }

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
  /** Tells the books that the memory is gone. */
  readonly #leave: () => void;

  constructor(
    readonly owner: CpuHost,
    readonly label: string,
    readonly dtype: DType,
    readonly length: number,
    role: MemoryRole = "other",
  ) {
    const { ledger } = owner;
    this.elements = allocated(label, () => new (arrayOf(dtype))(length));
    const bytes = this.elements.byteLength;
    ledger.add(role, bytes);
    this.#leave = () => ledger.add(role, -bytes);
    freeWhenDropped(this, this.#leave);
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
    if (this.unusable !== undefined) return;
    this.unusable = RELEASED;
    released(this);
    this.#leave();
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

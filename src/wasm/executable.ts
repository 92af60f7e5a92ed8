/** Programs on a wasm engine. */
import { arrayOf, bytesPerElement, type Elements } from "../dtypes.ts";
import { aligned, launchesOf, type Program, STEP_SLOTS } from "../program.ts";
import {
  boundMemory,
  type CompileOptions,
  checkedInput,
  checkStepCount,
  checkUsable,
  type EngineBuffer,
  EngineError,
  type Executable,
  type LaunchTimes,
  type Outputs,
  RELEASED,
  StepTable,
} from "../runtime/engine.ts";
import { planMemory } from "../runtime/plan.ts";
import { giveTurn, turnIsDue } from "../runtime/turns.ts";
import { viewOf, WasmBuffer } from "./buffer.ts";
import { compileProgram } from "./compile.ts";
import { ROW_BYTES } from "./hooks/line.ts";
import type { WasmHost } from "./host.ts";
import type { Memory } from "./kernels/kernel.ts";
import type { Piece } from "./memory.ts";
import type { Loaded } from "./threads/pool.ts";

export class WasmExecutable implements Executable {
  readonly table: StepTable;
  readonly #memory: readonly Memory[];
  readonly #tableAddress: number;
  readonly #bound: ReadonlyMap<number, WasmBuffer>;
  readonly #pieces: Piece[] = [];
  #loaded: Loaded | undefined;

  constructor(
    readonly owner: WasmHost,
    readonly program: Program,
    { maxSteps = 1, ...memory }: CompileOptions,
  ) {
    this.table = new StepTable(maxSteps);
    const isOwn = (buffer: EngineBuffer): buffer is WasmBuffer =>
      buffer instanceof WasmBuffer && buffer.owner === owner;
    this.#bound = boundMemory(program, memory, isOwn);
    try {
      this.#tableAddress = this.#take("the step table", maxSteps * ROW_BYTES);
      this.#memory = this.#place(maxSteps);
      const { bytes, threadBytes } = compileProgram(program, {
        memory: this.#memory,
        table: this.#tableAddress,
        shared: owner.pool.most > 1,
        features: owner.features,
        allocate: (size) => this.#take("the kernels' own memory", size),
      });
      const scratch = Array.from({ length: owner.pool.most }, () =>
        this.#take("a thread's memory", threadBytes),
      );
      this.#loaded = owner.pool.load(bytes, scratch);
    } catch (error) {
      this.#free();
      throw error;
    }
  }

  #take(what: string, bytes: number): number {
    const piece = this.owner.memory.take(`program ${this.program.name}: ${what}`, bytes);
    this.#pieces.push(piece);
    return piece.address;
  }

  /** Places all buffers; temporaries share storage by the same plan as on the GPU. */
  #place(maxSteps: number): Memory[] {
    const plan = planMemory(this.program);
    const slots = plan.slots.map((bytes) => this.#take("temporaries", bytes));
    return this.program.buffers.map((spec, index) => {
      const { dtype, length, kind, name, values } = spec;
      const given = this.#bound.get(index);
      const slot = plan.slotOf.get(index);
      const stepBytes = kind === "output" ? aligned(length) * 4 : 0;
      const address =
        given?.piece.address ??
        (slot !== undefined
          ? slots[slot]
          : this.#take(`"${name}"`, Math.max(length * bytesPerElement(dtype), stepBytes * maxSteps)));
      if (values) viewOf(this.owner, address, dtype, length).set(values);
      return { address, stepBytes, dtype, length };
    });
  }

  write(input: string, data: Elements): void {
    this.#checked();
    const { address, dtype, length } = this.#memory[checkedInput(this.program, input, data)];
    this.owner.afterRuns(data, (own) => viewOf(this.owner, address, dtype, length).set(own));
  }

  check(count: number): void {
    this.#checked();
    checkStepCount(this.program, this.table, count);
  }

  async run(count: number): Promise<Outputs> {
    this.check(count);
    const loaded = this.#checked();
    const rows = this.table.u32.slice(0, count * STEP_SLOTS);
    return this.owner.order.do(async () => {
      this.#writeTable(rows);
      // One step at first, then as many as a host may wait for.
      for (let step = 0, size = 1; step < count; ) {
        const to = Math.min(count, step + size);
        await loaded.run(step, to);
        step = to;
        if (turnIsDue()) {
          size = Math.max(1, size >> 1);
          await giveTurn();
        } else size *= 2;
        this.owner.check();
      }
      return this.#outputs(count);
    });
  }

  async profile(count: number): Promise<LaunchTimes> {
    this.check(count);
    const loaded = this.#checked();
    const rows = this.table.u32.slice(0, count * STEP_SLOTS);
    const milliseconds: number[][] = launchesOf(this.program).map(() => []);
    await this.owner.order.do(async () => {
      this.#writeTable(rows);
      for (let step = 0; step < count; step++) {
        for (const [i, times] of milliseconds.entries()) {
          const began = performance.now();
          await loaded.launch(step, i);
          times.push(performance.now() - began);
          if (turnIsDue()) await giveTurn();
          this.owner.check();
        }
      }
    });
    return { method: "clock", milliseconds };
  }

  #writeTable(rows: Uint32Array): void {
    const { buffer } = this.owner.memory.memory;
    new Uint32Array(buffer, this.#tableAddress, rows.length).set(rows);
  }

  /** The rows of all steps, without what lies between them. */
  #outputs(count: number): Outputs {
    const { outputs, buffers } = this.program;
    const entries = Object.entries(outputs).map(([name, { buffer }]) => {
      const { dtype, length } = buffers[buffer];
      const { address, stepBytes } = this.#memory[buffer];
      const rows = new (arrayOf(dtype))(length * count);
      for (let step = 0; step < count; step++)
        rows.set(viewOf(this.owner, address + step * stepBytes, dtype, length), step * length);
      return [name, rows] as const;
    });
    return Object.fromEntries(entries);
  }

  /** @throws EngineError where the program cannot run */
  #checked(): Loaded {
    this.owner.check();
    const at = `program ${this.program.name}`;
    if (!this.#loaded) throw new EngineError(`${at} ${RELEASED}`);
    for (const buffer of this.#bound.values()) checkUsable(`${at}: its memory "${buffer.label}"`, buffer);
    return this.#loaded;
  }

  release(): void {
    if (!this.#loaded) return;
    const loaded = this.#loaded;
    this.#loaded = undefined;
    this.owner.whenIdle(() => {
      loaded.unload();
      this.#free();
    });
  }

  #free(): void {
    for (const piece of this.#pieces.splice(0)) this.owner.memory.free(piece);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** Programs on a wasm engine. */
import { arrayOf, bytesPerElement, type Elements } from "../dtypes.ts";
import { launchesOf, type Program, STEP_SLOTS } from "../program.ts";
import { allocated } from "../runtime/cpuMemory.ts";
import { freeWhenDropped, released } from "../runtime/dropped.ts";
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
import { type MemoryRole, ROLE_OF } from "../runtime/ledger.ts";
import { planMemory } from "../runtime/plan.ts";
import { giveTurn, turnIsDue } from "../turns.ts";
import { viewOf, WasmBuffer } from "./buffer.ts";
import { compileProgram } from "./compile.ts";
import { ROW_BYTES } from "./hooks/line.ts";
import { type WasmHost, whenIdle } from "./host.ts";
import type { WasmKernels } from "./kernels/index.ts";
import type { Memory } from "./kernels/kernel.ts";
import type { Piece, WasmMemory } from "./memory.ts";
import type { Loaded } from "./threads/pool.ts";

/** Address of so many bytes more. */
type Take = (role: MemoryRole, what: string, bytes: number, isClear?: boolean) => number;

/** Memory of a program. */
interface Holdings {
  readonly memory: WasmMemory;
  readonly pieces: Piece[];
  loaded: Loaded | undefined;
}

function free(holdings: Holdings): void {
  holdings.loaded?.unload();
  holdings.loaded = undefined;
  for (const piece of holdings.pieces.splice(0)) holdings.memory.free(piece);
}

export class WasmExecutable implements Executable {
  readonly table: StepTable;
  readonly #memory: readonly Memory[];
  readonly #tableAddress: number;
  /** Memory given to the program. */
  readonly #bound: readonly WasmBuffer[];
  readonly #holdings: Holdings;
  readonly #launches: number;
  /** Copies of step tables that no run is using. */
  readonly #rows: Uint32Array[] = [];
  #released = false;

  constructor(
    readonly owner: WasmHost,
    readonly program: Program,
    kernels: WasmKernels,
    { maxSteps = 1, ...memory }: CompileOptions,
  ) {
    this.table = new StepTable(maxSteps);
    const isOwn = (buffer: EngineBuffer): buffer is WasmBuffer =>
      buffer instanceof WasmBuffer && buffer.owner === owner;
    const bound = boundMemory(program, memory, isOwn);
    this.#bound = [...bound.values()];
    this.#launches = launchesOf(program).length;
    const holdings: Holdings = { memory: owner.space, pieces: [], loaded: undefined };
    this.#holdings = holdings;
    const take: Take = (role, what, bytes, isClear = false) => {
      const piece = owner.space.take(`program ${program.name}: ${what}`, bytes, isClear, role);
      holdings.pieces.push(piece);
      return piece.address;
    };
    try {
      this.#tableAddress = take("staging", "the step table", maxSteps * ROW_BYTES);
      this.#memory = layBuffers(owner, program, bound, maxSteps, take);
      const compiled = compileProgram(program, {
        kernels,
        memory: this.#memory,
        table: this.#tableAddress,
        shared: owner.space.shared,
        threads: owner.pool.numbers,
        features: owner.features,
        allocate: (size) => take("activations", "memory of its kernels", size),
      });
      holdings.loaded = owner.pool.load(compiled);
    } catch (cause) {
      free(holdings);
      if (cause instanceof EngineError) throw cause;
      throw new EngineError(`program ${program.name}: ${(cause as Error)?.message ?? cause}`, { cause });
    }
    freeWhenDropped(this, free.bind(undefined, holdings));
  }

  /** Number of threads that take part in a run that begins now, and most that ever do. */
  get threads(): Pick<Loaded, "threads" | "most"> {
    return this.#checked();
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
    const outputs = this.#makeOutputs(count);
    await this.#inOrder(count, async () => {
      await loaded.run(0, count, () => this.owner.check());
      await this.#giveTurn();
      for (const [name, rows] of Object.entries(outputs)) {
        const { address, dtype } = this.#memory[this.program.outputs[name].buffer];
        rows.set(viewOf(this.owner, address, dtype, rows.length));
      }
    });
    return outputs;
  }

  async profile(count: number): Promise<LaunchTimes> {
    this.check(count);
    const loaded = this.#checked();
    const milliseconds: number[][] = Array.from({ length: this.#launches }, () => []);
    await this.#inOrder(count, async () => {
      for (let step = 0; step < count; step++) {
        for (const [i, times] of milliseconds.entries()) {
          const began = performance.now();
          await loaded.launch(step, i, () => this.owner.check());
          times.push(performance.now() - began);
          await this.#giveTurn();
        }
      }
    });
    return { method: "clock", milliseconds };
  }

  /** Does something with the step table as it is now, after the work under way. */
  #inOrder(count: number, work: () => Promise<void>): Promise<void> {
    const size = count * STEP_SLOTS;
    const rows = this.#rows.pop() ?? new Uint32Array(this.table.u32.length);
    rows.set(this.table.u32.subarray(0, size));
    return this.owner.order.do(async () => {
      this.owner.check();
      new Uint32Array(this.owner.space.memory.buffer, this.#tableAddress, size).set(rows.subarray(0, size));
      this.#rows.push(rows);
      await work();
      this.owner.check();
    });
  }

  async #giveTurn(): Promise<void> {
    if (turnIsDue()) await giveTurn();
    this.owner.check();
  }

  /** An array for each output, with a row for each step. */
  #makeOutputs(count: number): Record<string, Elements> {
    const { name, outputs, buffers } = this.program;
    return allocated(`program ${name}: the output of ${count} steps`, () =>
      Object.fromEntries(
        Object.entries(outputs).map(([output, { buffer }]) => {
          const { dtype, length } = buffers[buffer];
          return [output, new (arrayOf(dtype))(length * count)];
        }),
      ),
    );
  }

  /** @throws EngineError where the program cannot run */
  #checked(): Loaded {
    this.owner.check();
    const { loaded } = this.#holdings;
    if (this.#released || !loaded) throw new EngineError(`program ${this.program.name} ${RELEASED}`);
    for (const buffer of this.#bound) {
      if (buffer.unusable !== undefined)
        checkUsable(`program ${this.program.name}: its memory "${buffer.label}"`, buffer);
    }
    return loaded;
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    released(this);
    whenIdle(this.owner.order, free.bind(undefined, this.#holdings));
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** Places all buffers: given, shared by temporaries after the plan of a GPU, or the program's own. */
function layBuffers(
  owner: WasmHost,
  program: Program,
  bound: ReadonlyMap<number, WasmBuffer>,
  maxSteps: number,
  take: Take,
): Memory[] {
  const plan = planMemory(program);
  const slots = plan.slots.map((bytes) => take("activations", "memory of temporaries", bytes));
  return program.buffers.map((spec, index) => {
    const { dtype, length, kind, name, values } = spec;
    const bytes = length * bytesPerElement(dtype);
    const stepBytes = kind === "output" ? bytes : 0;
    const slot = plan.slotOf.get(index);
    const address =
      bound.get(index)?.address ??
      (slot !== undefined
        ? slots[slot]
        : take(ROLE_OF[kind], `${kind} "${name}"`, stepBytes > 0 ? bytes * maxSteps : bytes, true));
    if (values) viewOf(owner, address, dtype, length).set(values);
    return { address, stepBytes, dtype, length };
  });
}

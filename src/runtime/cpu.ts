/** The CPU engine: plays each dispatch of a program through its kernel's twin. The reference, and the fallback. */

import { compileHook, type StepRow } from "../kernels/hooks.ts";
import { kernelNamed } from "../kernels/index.ts";
import type { TwinCall } from "../kernels/kernel.ts";
import {
  type Dispatch,
  type DType,
  type Elements,
  elementCount,
  launchesOf,
  type Program,
  STEP_SLOTS,
} from "../program.ts";
import {
  arrayOf,
  boundMemory,
  type CompileOptions,
  checkElements,
  checkedInput,
  checkStepCount,
  type Engine,
  type EngineBuffer,
  EngineError,
  type Executable,
  type LaunchTimes,
  type Outputs,
  StepTable,
} from "./engine.ts";
import { checkLimits } from "./limits.ts";
import { planMemory } from "./plan.ts";

/** The CPU reference engine. */
export function cpu(): Engine {
  return new CpuEngine();
}

/** Longer than this, the host must not wait for its turn: timers, signals, and a page's events. */
const TURN_MS = 16;
let lastTurn = performance.now();

/** Lets the host have its turn if that is due: awaiting what is done already does not. */
async function giveTurn(): Promise<void> {
  if (performance.now() - lastTurn < TURN_MS) return;
  await new Promise((resolve) => setTimeout(resolve));
  lastTurn = performance.now();
}

class CpuEngine implements Engine {
  readonly kind = "cpu";
  readonly info = {
    adapter: "CPU reference (JavaScript)",
    features: [],
    maxBufferBytes: Number.POSITIVE_INFINITY,
  };
  #destroyed = false;

  buffer(label: string, dtype: DType, length: number, data?: Elements): EngineBuffer {
    this.check();
    const buffer = new CpuBuffer(this, label, dtype, length);
    if (data) buffer.write(data);
    return buffer;
  }

  async compile(program: Program, options: CompileOptions = {}): Promise<Executable> {
    this.check();
    const unlimited = Number.POSITIVE_INFINITY;
    checkLimits(program, { binding: unlimited, buffer: unlimited });
    return new CpuExecutable(this, program, options);
  }

  /** @throws EngineError when it was destroyed: what runs here must run the same on a GPU, which refuses then */
  check(): void {
    if (this.#destroyed) throw new EngineError("this CPU engine was destroyed; make a new one with cpu()");
  }

  async destroy(): Promise<void> {
    this.#destroyed = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }
}

class CpuBuffer implements EngineBuffer {
  readonly elements: Elements;

  constructor(
    readonly engine: CpuEngine,
    readonly label: string,
    readonly dtype: DType,
    readonly length: number,
  ) {
    this.elements = allocated(label, () => new (arrayOf(dtype))(length));
  }

  write(data: Elements, offset = 0): void {
    this.engine.check();
    if (offset + data.length > this.length) {
      throw new EngineError(`${this.label}: writing ${data.length} elements at ${offset} of ${this.length}`);
    }
    checkElements(this.label, this.dtype, data.length, data);
    this.elements.set(data, offset);
  }

  async read(): Promise<Elements> {
    this.engine.check();
    return this.elements.slice();
  }

  release(): void {}
}

class CpuExecutable implements Executable {
  readonly table: StepTable;
  readonly #row: StepRow;
  readonly #memory: Elements[];
  /** By launch. */
  readonly #launches: (() => void)[][];
  readonly #outputs: { readonly name: string; readonly elements: Elements }[];

  constructor(
    readonly engine: CpuEngine,
    readonly program: Program,
    { maxSteps = 1, ...memory }: CompileOptions,
  ) {
    this.table = new StepTable(maxSteps);
    const row = new Float32Array(STEP_SLOTS);
    this.#row = { f32: row, u32: new Uint32Array(row.buffer) };
    this.#memory = allocate(program, boundMemory(program, memory));
    this.#launches = launchesOf(program).map((launch) => launch.map((dispatch) => this.#prepare(dispatch)));
    this.#outputs = Object.entries(program.outputs).map(([name, view]) => ({
      name,
      elements: this.#memory[view.buffer],
    }));
  }

  #prepare(dispatch: Dispatch): () => void {
    const kernel = kernelNamed(dispatch.kernel);
    const memory: Record<string, Elements> = {};
    for (const [name, { buffer, offset, shape }] of Object.entries(dispatch.bindings)) {
      memory[name] = this.#memory[buffer].subarray(offset, offset + elementCount(shape));
    }
    const load: Record<string, TwinCall["load"][string]> = {};
    const store: Record<string, TwinCall["store"][string]> = {};
    for (const [name, hook] of Object.entries(dispatch.hooks)) {
      const run = compileHook(hook, memory, this.program.scalars, this.#row);
      if (kernel.hooks[name] === "load") load[name] = (index) => run(index, 0);
      else store[name] = hook.code.length > 0 ? (index, value) => void run(index, value) : () => {};
    }
    const call: TwinCall = {
      constants: dispatch.constants,
      memory,
      load,
      store,
      scalar: (slot) => this.#row.f32[slot],
    };
    return () => kernel.twin(call);
  }

  write(input: string, data: Elements): void {
    this.engine.check();
    this.#memory[checkedInput(this.program, input, data)].set(data);
  }

  check(count: number): void {
    this.engine.check();
    checkStepCount(this.program, this.table, count);
  }

  async run(count: number): Promise<Outputs> {
    this.check(count);
    const rows = this.#outputs.map(
      ({ elements }) => new (elements.constructor as Float32ArrayConstructor)(elements.length * count),
    );
    for (let step = 0; step < count; step++) {
      this.#row.u32.set(this.table.u32.subarray(step * STEP_SLOTS, (step + 1) * STEP_SLOTS));
      for (const launch of this.#launches) for (const dispatch of launch) dispatch();
      this.#outputs.forEach(({ elements }, i) => {
        rows[i].set(elements, step * elements.length);
      });
    }
    await giveTurn();
    return Object.fromEntries(this.#outputs.map(({ name }, i) => [name, rows[i]]));
  }

  async profile(count: number): Promise<LaunchTimes> {
    this.check(count);
    const milliseconds: number[][] = this.#launches.map(() => []);
    for (let step = 0; step < count; step++) {
      this.#row.u32.set(this.table.u32.subarray(step * STEP_SLOTS, (step + 1) * STEP_SLOTS));
      this.#launches.forEach((launch, i) => {
        const began = performance.now();
        for (const dispatch of launch) dispatch();
        milliseconds[i].push(performance.now() - began);
      });
      await giveTurn();
    }
    return { method: "clock", milliseconds };
  }

  release(): void {}
}

/** One array for each buffer of the program; temporaries share storage by the same plan as on the GPU. */
function allocate(program: Program, bound: ReadonlyMap<number, EngineBuffer>): Elements[] {
  const plan = planMemory(program);
  const slots = plan.slots.map((bytes) => allocated(`program ${program.name}`, () => new ArrayBuffer(bytes)));
  return program.buffers.map((spec, index) => {
    const given = bound.get(index);
    if (given) {
      if (!(given instanceof CpuBuffer))
        throw new EngineError(`"${spec.name}" was given memory of another engine`);
      return given.elements;
    }
    if (spec.values) return Float32Array.from(spec.values);
    const slot = plan.slotOf.get(index);
    const elements = arrayOf(spec.dtype);
    if (slot !== undefined) return new elements(slots[slot], 0, spec.length);
    return allocated(`program ${program.name}: "${spec.name}"`, () => new elements(spec.length));
  });
}

/** @throws EngineError where the process cannot have so much memory in one piece */
function allocated<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw new EngineError(`${what}: there is not memory enough; use a smaller batch or model`, { cause });
  }
}

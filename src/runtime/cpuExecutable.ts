/** Programs on the CPU, run by the kernels' twins. This module is loaded with the first program. */

import { arrayOf, type Elements } from "../dtypes.ts";
import { compileLoad, compileStore, type StepRow } from "../kernels/hooks.ts";
import { kernelNamed } from "../kernels/index.ts";
import type { Load, Store, Twin, TwinCall } from "../kernels/twin.ts";
import { type Dispatch, elementCount, launchesOf, type Program, STEP_SLOTS } from "../program.ts";
import { giveTurn, turnIsDue } from "../turns.ts";
import { allocated, CpuBuffer, type CpuHost } from "./cpuMemory.ts";
import { freeWhenDropped, released } from "./dropped.ts";
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
} from "./engine.ts";
import { type MemoryRole, ROLE_OF } from "./ledger.ts";
import { planMemory } from "./plan.ts";

/** A program with its memory. */
interface Played {
  readonly memory: readonly Elements[];
  /** By launch. */
  readonly launches: readonly (readonly Play[])[];
  readonly outputs: readonly { readonly name: string; readonly elements: Elements }[];
}

/** Makes an array of so many bytes. */
type Take = (role: MemoryRole, what: string, bytes: number) => ArrayBuffer;

/** A dispatch, ready to run. */
type Play = () => Twin;

export class CpuExecutable implements Executable {
  readonly table: StepTable;
  readonly #row: StepRow;
  readonly #bound: ReadonlyMap<number, CpuBuffer>;
  /** Undefined after the release; runs enqueued before keep a reference. */
  #played: Played | undefined;
  /** Tells the books that the memory is gone. */
  readonly #leave: () => void;

  constructor(
    readonly owner: CpuHost,
    readonly program: Program,
    { maxSteps = 1, ...memory }: CompileOptions,
  ) {
    this.table = new StepTable(maxSteps);
    const row = new Float32Array(STEP_SLOTS);
    this.#row = { f32: row, u32: new Uint32Array(row.buffer) };
    const isOwn = (buffer: EngineBuffer): buffer is CpuBuffer =>
      buffer instanceof CpuBuffer && buffer.owner === owner;
    this.#bound = boundMemory(program, memory, isOwn);
    const taken: { readonly role: MemoryRole; readonly bytes: number }[] = [];
    const all = allocate(program, this.#bound, (role, what, bytes) => {
      taken.push({ role, bytes });
      return allocated(what, () => new ArrayBuffer(bytes));
    });
    const { ledger } = owner;
    for (const { role, bytes } of taken) ledger.add(role, bytes);
    this.#leave = () => {
      for (const { role, bytes } of taken.splice(0)) ledger.add(role, -bytes);
    };
    freeWhenDropped(this, this.#leave);
    this.#played = {
      memory: all,
      launches: launchesOf(program).map((launch) => launch.map((dispatch) => this.#prepare(dispatch, all))),
      outputs: Object.entries(program.outputs).map(([name, { buffer }]) => ({ name, elements: all[buffer] })),
    };
  }

  #prepare(dispatch: Dispatch, all: readonly Elements[]): Play {
    const kernel = kernelNamed(dispatch.kernel);
    const memory: Record<string, Elements> = {};
    for (const [name, { buffer, offset, shape }] of Object.entries(dispatch.bindings)) {
      memory[name] = all[buffer].subarray(offset, offset + elementCount(shape));
    }
    const scope = { memory, scalars: this.program.scalars, row: this.#row };
    const load: Record<string, Load> = {};
    const store: Record<string, Store> = {};
    for (const [name, hook] of Object.entries(dispatch.hooks)) {
      if (kernel.hooks[name] === "load") load[name] = compileLoad(hook, scope);
      else store[name] = compileStore(hook, scope);
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
    const { memory } = this.#checked();
    this.owner.copy(data, memory[checkedInput(this.program, input, data)]);
  }

  check(count: number): void {
    this.#checked();
    checkStepCount(this.program, this.table, count);
  }

  async run(count: number): Promise<Outputs> {
    this.check(count);
    const { launches, outputs } = this.#checked();
    const rows = this.#rows(count);
    const results = allocated(`program ${this.program.name}: the output of ${count} steps`, () =>
      outputs.map(
        ({ elements }) => new (elements.constructor as Float32ArrayConstructor)(elements.length * count),
      ),
    );
    await this.owner.order.do(async () => {
      for (let step = 0; step < count; step++) {
        this.#row.u32.set(rows.subarray(step * STEP_SLOTS, (step + 1) * STEP_SLOTS));
        for (const launch of launches) await this.#play(launch);
        outputs.forEach(({ elements }, i) => {
          results[i].set(elements, step * elements.length);
        });
      }
      this.owner.check();
    });
    return Object.fromEntries(outputs.map(({ name }, i) => [name, results[i]]));
  }

  async profile(count: number): Promise<LaunchTimes> {
    this.check(count);
    const { launches } = this.#checked();
    const rows = this.#rows(count);
    const milliseconds: number[][] = launches.map(() => []);
    await this.owner.order.do(async () => {
      for (let step = 0; step < count; step++) {
        this.#row.u32.set(rows.subarray(step * STEP_SLOTS, (step + 1) * STEP_SLOTS));
        for (const [i, launch] of launches.entries()) {
          const began = performance.now();
          const away = await this.#play(launch);
          milliseconds[i].push(performance.now() - began - away);
        }
      }
    });
    return { method: "clock", milliseconds };
  }

  /** The rows of the step table for a run enqueued now. */
  #rows(count: number): Uint32Array {
    return this.table.u32.slice(0, count * STEP_SLOTS);
  }

  /** Runs a launch. Resolves with the milliseconds that the host's own work took in between. */
  async #play(launch: readonly Play[]): Promise<number> {
    this.owner.check();
    let away = 0;
    for (const play of launch) {
      for (const _ of play() ?? []) if (turnIsDue()) away += await this.#giveTurn();
      if (turnIsDue()) away += await this.#giveTurn();
    }
    return away;
  }

  async #giveTurn(): Promise<number> {
    const began = performance.now();
    await giveTurn();
    this.owner.check();
    return performance.now() - began;
  }

  /** @throws EngineError where the program cannot run */
  #checked(): Played {
    this.owner.check();
    const at = `program ${this.program.name}`;
    if (!this.#played) throw new EngineError(`${at} ${RELEASED}`);
    for (const buffer of this.#bound.values()) checkUsable(`${at}: its memory "${buffer.label}"`, buffer);
    return this.#played;
  }

  release(): void {
    released(this);
    this.#leave();
    this.#played = undefined;
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

/** One array for each buffer of the program; temporaries share storage by the same plan as on the GPU. */
function allocate(program: Program, bound: ReadonlyMap<number, CpuBuffer>, take: Take): Elements[] {
  const at = `program ${program.name}`;
  const plan = planMemory(program);
  const slots = plan.slots.map((bytes) => take("activations", at, bytes));
  return program.buffers.map((spec, index) => {
    const given = bound.get(index);
    if (given) return given.elements;
    const elements = arrayOf(spec.dtype);
    const slot = plan.slotOf.get(index);
    const bytes = spec.length * elements.BYTES_PER_ELEMENT;
    const memory =
      slot !== undefined ? slots[slot] : take(ROLE_OF[spec.kind], `${at}: "${spec.name}"`, bytes);
    const array = new elements(memory, 0, spec.length);
    if (spec.values) array.set(spec.values);
    return array;
  });
}

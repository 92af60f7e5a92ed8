/** A program as one WebAssembly module, which exports `work`: see `stages.ts`. */
import { kernelNamed } from "../kernels/index.ts";
import { type Dispatch, launchesOf, type Program } from "../program.ts";
import { type I32, i32 } from "./assembler/instructions.ts";
import { ModuleBuilder } from "./assembler/module.ts";
import { loadHook, storeHook } from "./hooks/hooks.ts";
import type { WasmKernels } from "./kernels/index.ts";
import type { Features, LoadHook, Memory, Phase, StoreHook } from "./kernels/kernel.ts";
import { type Stage, writeWork } from "./stages.ts";

/** Where a program lies, and what it may use. */
export interface Placement {
  readonly kernels: WasmKernels;
  /** By buffer. */
  readonly memory: readonly Memory[];
  /** Address of the step table. */
  readonly table: number;
  /** Whether threads share the memory. */
  readonly shared: boolean;
  /** Most threads that work at the same time. */
  readonly threads: number;
  readonly features: Features;
  /** Address of so many bytes that stay the program's own; at a multiple of 64. */
  allocate(bytes: number): number;
}

/** Stages that follow one another, by the number of the first and how many there are. */
export interface StageRange {
  readonly first: number;
  readonly period: number;
}

export interface CompiledProgram {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The stages of a step. */
  readonly step: StageRange;
  /** The stages of each launch of a step. */
  readonly launches: readonly StageRange[];
  /** Most parts of a stage: no more threads find something to do. */
  readonly mostParts: number;
}

export function compileProgram(program: Program, placement: Placement): CompiledProgram {
  const module = new ModuleBuilder(placement.shared);
  const scratch = new Scratch(placement.allocate);
  const threadMemory = module.global();
  let threadBytes = 0;
  const launches = launchesOf(program).map((launch) => {
    const phases = launch.map((dispatch) => {
      let own = 0;
      const threadScratch = (bytes: number): I32 => {
        const address = i32.add(threadMemory, i32.const(own));
        own += Math.ceil(bytes / 64) * 64;
        threadBytes = Math.max(threadBytes, own);
        return address;
      };
      return phasesOf(program, dispatch, placement, (bytes) => scratch.take(bytes), threadScratch);
    });
    scratch.giveBack();
    const count = Math.max(...phases.map(({ length }) => length));
    return Array.from({ length: count }, (_, k) =>
      phases.flatMap((ofDispatch): Stage[] => {
        const phase = ofDispatch[k];
        if (!phase || phase.parts === 0) return [];
        const run = module.function(["i32", "i32"], [], (f) => phase.build(f, f.parameters[1] as I32));
        return [{ parts: phase.parts, run }];
      }),
    ).flatMap((works) => sideBySide(module, works));
  });
  const stages: Stage[] = [];
  const order: number[] = [];
  const range = (members: readonly Stage[]): StageRange => {
    const first = order.length;
    for (const stage of members) {
      if (!stages.includes(stage)) stages.push(stage);
      order.push(stages.indexOf(stage));
    }
    return { first, period: members.length };
  };
  const step = range(inSequences(module, launches.flat()));
  const ranges = launches.map(range);
  const first = placement.allocate(placement.threads * threadBytes);
  writeWork(module, stages, order, (f, thread) =>
    f.setGlobal(threadMemory, i32.add(i32.const(first), i32.mul(thread, i32.const(threadBytes)))),
  );
  const mostParts = Math.max(0, ...stages.map(({ parts }) => parts));
  return { bytes: module.encode(), step, launches: ranges, mostParts };
}

/** Works that do not depend on one another, as one stage. */
function sideBySide(module: ModuleBuilder, works: readonly Stage[]): Stage[] {
  if (works.length < 2) return [...works];
  const run = module.function(["i32", "i32"], [], (f) => {
    const [step, part] = f.parameters as readonly I32[];
    let first = 0;
    for (const { parts, run } of works) {
      const start = first;
      first += parts;
      f.if(i32.lt_u(part, i32.const(first)), () => {
        f.call(run, step, i32.sub(part, i32.const(start)));
        f.return();
      });
    }
  });
  return [{ parts: works.reduce((sum, { parts }) => sum + parts, 0), run }];
}

/** Stages of one part that follow one another become one: a thread that does them anyway need not wait in between. */
function inSequences(module: ModuleBuilder, stages: readonly Stage[]): Stage[] {
  const sequences: Stage[][] = [];
  for (const stage of stages) {
    const last = sequences.at(-1);
    if (stage.parts === 1 && last?.[0].parts === 1) last.push(stage);
    else sequences.push([stage]);
  }
  return sequences.map((members) => {
    if (members.length === 1) return members[0];
    const run = module.function(["i32", "i32"], [], (f) => {
      for (const { run } of members) f.call(run, ...f.parameters);
    });
    return { parts: 1, run };
  });
}

function phasesOf(
  { scalars }: Program,
  { kernel, constants, hooks, bindings }: Dispatch,
  { kernels, memory: all, table, features }: Placement,
  scratch: (bytes: number) => number,
  threadScratch: (bytes: number) => I32,
): readonly Phase[] {
  const make = kernels[kernel];
  if (!make) throw new Error(`the wasm engine has no kernel "${kernel}"`);
  const memory: Record<string, Memory> = {};
  for (const [name, { buffer, offset, shape }] of Object.entries(bindings)) {
    const { address, ...others } = all[buffer];
    const length = shape.reduce((product, size) => product * size, 1);
    // Views begin at multiples of 64 elements.
    memory[name] = { ...others, address: address + offset * (others.dtype === "u8" ? 1 : 4), length };
  }
  const scope = { memory, scalars, table, features };
  const load: Record<string, LoadHook> = {};
  const store: Record<string, StoreHook> = {};
  const kinds = kernelNamed(kernel).hooks;
  for (const [name, hook] of Object.entries(hooks)) {
    if (kinds[name] === "load") load[name] = loadHook(hook, scope);
    else store[name] = storeHook(hook, scope);
  }
  return make({ constants, memory, load, store, features, scratch, threadScratch });
}

/** Memory of phases, which launches use one after the other. */
class Scratch {
  readonly #free: { address: number; bytes: number }[] = [];
  #taken: { address: number; bytes: number }[] = [];

  constructor(readonly allocate: (bytes: number) => number) {}

  take(bytes: number): number {
    const at = this.#free.findIndex((piece) => piece.bytes >= bytes);
    const piece = at < 0 ? { address: this.allocate(bytes), bytes } : this.#free.splice(at, 1)[0];
    this.#taken.push(piece);
    return piece.address;
  }

  /** Ends a launch. */
  giveBack(): void {
    this.#free.push(...this.#taken);
    this.#free.sort((a, b) => a.bytes - b.bytes);
    this.#taken = [];
  }
}

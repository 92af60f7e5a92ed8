/**
 * A program as one WebAssembly module. It exports `run(thread, from, to)`, which takes part in the steps from `from` up
 * to, not including, `to`, and `launch(thread, step, index)`, for a single launch. Both return once all threads are done.
 */
import { kernelNamed } from "../kernels/index.ts";
import { type Dispatch, launchesOf, type Program } from "../program.ts";
import type { FunctionRef } from "./assembler/function.ts";
import { type I32, i32 } from "./assembler/instructions.ts";
import { ModuleBuilder } from "./assembler/module.ts";
import { barrier } from "./barrier.ts";
import { CONTROL } from "./control.ts";
import { loadHook, storeHook } from "./hooks/hooks.ts";
import { wasmKernels } from "./kernels/index.ts";
import type { Features, LoadHook, Memory, Phase, StoreHook } from "./kernels/kernel.ts";

/** Where a program lies, and what it may use. */
export interface Placement {
  /** By buffer. */
  readonly memory: readonly Memory[];
  /** Address of the step table. */
  readonly table: number;
  /** Whether threads share the memory. */
  readonly shared: boolean;
  readonly features: Features;
  /** Address of so many bytes that stay the program's own; at a multiple of 64. */
  allocate(bytes: number): number;
}

export interface CompiledProgram {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes that each thread needs of its own: the imported global `scratch` is their address. */
  readonly threadBytes: number;
}

/** A phase of a launch: the parts of one dispatch. */
interface Work {
  readonly parts: number;
  readonly run: FunctionRef;
}

export function compileProgram(program: Program, placement: Placement): CompiledProgram {
  const module = new ModuleBuilder(placement.shared);
  const scratch = new Scratch(placement.allocate);
  let threadBytes = 0;
  const launches = launchesOf(program).map((launch) => {
    const phases = launch.map((dispatch) => {
      let own = 0;
      const threadScratch = (bytes: number): I32 => {
        const address = i32.add(module.importedGlobal("scratch"), i32.const(own));
        own += Math.ceil(bytes / 64) * 64;
        threadBytes = Math.max(threadBytes, own);
        return address;
      };
      return phasesOf(program, dispatch, placement, (bytes) => scratch.take(bytes), threadScratch);
    });
    scratch.giveBack();
    const count = Math.max(...phases.map(({ length }) => length));
    return Array.from({ length: count }, (_, k) =>
      phases.flatMap((ofDispatch): Work[] => {
        const phase = ofDispatch[k];
        if (!phase || phase.parts === 0) return [];
        const run = module.function(["i32", "i32"], [], (f) => phase.build(f, f.parameters[1] as I32));
        return [{ parts: phase.parts, run }];
      }),
    );
  });
  writeRuns(module, launches);
  return { bytes: module.encode(), threadBytes };
}

function phasesOf(
  { scalars }: Program,
  { kernel, constants, hooks, bindings }: Dispatch,
  { memory: all, table, features }: Placement,
  scratch: (bytes: number) => number,
  threadScratch: (bytes: number) => I32,
): readonly Phase[] {
  const make = wasmKernels[kernel];
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

/** Writes what runs launches: phases with their parts, and the barriers between them. */
function writeRuns(module: ModuleBuilder, launches: readonly (readonly (readonly Work[])[])[]): void {
  const wait = module.shared ? barrier(module) : undefined;
  const runs = launches.map((phases) =>
    module.function(["i32", "i32"], [], (f) => {
      const [thread, step] = f.parameters as readonly I32[];
      phases.forEach((works, k) => {
        const total = works.reduce((sum, { parts }) => sum + parts, 0);
        const run = (part: I32) => {
          let first = 0;
          const pick = (n: number): void => {
            const { run, parts } = works[n];
            const start = first;
            const call = () => f.call(run, step, start === 0 ? part : i32.sub(part, i32.const(start)));
            first += parts;
            if (n === works.length - 1) call();
            else f.if(i32.lt_u(part, i32.const(first)), call, () => pick(n + 1));
          };
          if (works.length > 0) pick(0);
        };
        const isSmall = (n: number) => (phases[n] ?? []).reduce((sum, { parts }) => sum + parts, 0) <= 1;
        if (total <= 1) f.if(i32.eqz(thread), () => run(i32.const(0)));
        else if (!wait) f.loop(i32.const(0), i32.const(total), 1, run);
        else {
          f.repeat((repeat) => {
            const part = f.atomicAdd(i32.const(CONTROL.nextPart), i32.const(1));
            f.if(i32.lt_u(part, i32.const(total)), () => {
              run(part);
              repeat();
            });
          });
        }
        // What one thread does alone needs no barrier before what it does alone next.
        const alone = total <= 1 && k + 1 < phases.length && isSmall(k + 1);
        if (wait && !alone) f.call(wait);
      });
    }),
  );
  module.function(
    ["i32", "i32", "i32"],
    [],
    (f) => {
      const [thread, from, to] = f.parameters as readonly I32[];
      f.loop(from, to, 1, (step) => {
        for (const run of runs) f.call(run, thread, step);
      });
    },
    "run",
  );
  module.function(
    ["i32", "i32", "i32"],
    [],
    (f) => {
      const [thread, step, index] = f.parameters as readonly I32[];
      runs.forEach((run, n) => {
        f.if(i32.eq(index, i32.const(n)), () => f.call(run, thread, step));
      });
    },
    "launch",
  );
}

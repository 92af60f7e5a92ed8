/** The barrier between phases, in WebAssembly: all threads of a run wait there for the last. */
import type { FunctionRef } from "./assembler/function.ts";
import { type I32, i32 } from "./assembler/instructions.ts";
import type { ModuleBuilder } from "./assembler/module.ts";
import { CONTROL } from "./control.ts";

/** Loads of the word before a thread goes to sleep: about as long as a short kernel takes. */
const SPINS = 2000;

/** A function without parameters. The last thread to come also begins a new phase: its first part is 0. */
export function barrier(module: ModuleBuilder): FunctionRef {
  return module.function([], [], (f) => {
    const at = (name: keyof typeof CONTROL): I32 => i32.const(CONTROL[name]);
    const passed = f.keep(i32.atomic_load(at("passed")));
    const before = f.atomicAdd(at("arrived"), i32.const(1));
    const threads = i32.atomic_load(at("threads"));
    f.if(i32.eq(i32.add(before, i32.const(1)), threads), () => {
      f.atomicStore(at("arrived"), i32.const(0));
      f.atomicStore(at("nextPart"), i32.const(0));
      f.atomicStore(at("passed"), i32.add(passed, i32.const(1)));
      f.atomicNotify(at("passed"), i32.const(-1));
      f.return();
    });
    const spins = f.variable("i32", i32.const(SPINS));
    f.repeat((repeat) => {
      f.if(i32.ne(i32.atomic_load(at("passed")), passed), () => f.return());
      f.set(spins, i32.sub(spins, i32.const(1)));
      repeat(spins);
    });
    f.repeat((repeat) => {
      f.atomicWait(at("passed"), passed);
      repeat(i32.eq(i32.atomic_load(at("passed")), passed));
    });
  });
}

/** From a kernel and a dispatch to the shader that runs, by the passes of `wgsl/passes/`: each a function of modules. */
import type { Dispatch, StepScalar } from "../program.ts";
import type { Kernel } from "./kernel.ts";
import { f32Literal, u32Literal, withConstants } from "./wgsl/passes/constants.ts";
import { type HookMemory, type HookScope, withHooks } from "./wgsl/passes/hooks.ts";
import { reachable } from "./wgsl/passes/reachable.ts";
import { withBroadcasts, withoutSubgroups } from "./wgsl/passes/subgroups.ts";
import { unrolled } from "./wgsl/passes/unroll.ts";
import { withByteVectors, withVectors } from "./wgsl/passes/vectors.ts";
import { type Module, readModule } from "./wgsl/read.ts";

/** Shaders as they were read: each once. */
const modules = new Map<string, Module>();

function moduleOf(shader: string): Module {
  const module = modules.get(shader) ?? readModule(shader);
  modules.set(shader, module);
  return module;
}

/** The kernel's shader for one dispatch: without the memory of its hooks, and the library's functions. */
export function specialise(
  kernel: Kernel,
  dispatch: Dispatch,
  memoryOf: (binding: string) => HookMemory,
  scalars: readonly StepScalar[],
): Module {
  const { constants, hooks } = dispatch;
  const scope: HookScope = { memoryOf, scalars };
  let module = withConstants(moduleOf(kernel.shader), literals(kernel, dispatch));
  module = withHooks(module, hooks, scope);
  for (const [binding, access] of Object.entries(kernel.vectors ?? {})) {
    if (constants[access.constant] !== 1) continue;
    const hook = hooks[access.element];
    module = hook ? withByteVectors(module, access, hook, scope) : withVectors(module, binding, access);
  }
  module = unrolled(reachable(module, kernel.entryPoint), constants);
  return constants.LANES === 1 ? withoutSubgroups(module) : withBroadcasts(module);
}

function literals(kernel: Kernel, { constants }: Dispatch): Record<string, string> {
  const written = Object.entries(kernel.constants).map(([name, type]) => {
    const value = constants[name];
    if (value === undefined) throw new Error(`kernel ${kernel.name}: constant ${name} has no value`);
    return [name, type === "u32" ? u32Literal(value) : f32Literal(value)];
  });
  return Object.fromEntries(written);
}

/**
 * Builds the shader of dispatches by the passes of `wgsl/passes/`, which are functions of modules. This module is
 * loaded where a program is compiled on a GPU.
 */
import { type Dispatch, flaggedBindings, type Program, type StepScalar, type View } from "../program.ts";
import { kernelNamed } from "./index.ts";
import { type Access, type Kernel, kernelBinding } from "./kernel.ts";
import { gridOf, launchGrid, runsAlone, sharedBindings, workgroupOf } from "./launch.ts";
import { shaderText } from "./shaders.ts";
import { vectorBindings } from "./vectors.ts";
import { f32Literal, u32Literal, withConstants } from "./wgsl/passes/constants.ts";
import { withVectorHooks } from "./wgsl/passes/fours.ts";
import { type HookMemory, type HookScope, withHooks } from "./wgsl/passes/hooks.ts";
import { joined } from "./wgsl/passes/join.ts";
import { withLibrary } from "./wgsl/passes/library.ts";
import { withHookMemory, withStepTable } from "./wgsl/passes/memory.ts";
import { withNeighbours } from "./wgsl/passes/neighbours.ts";
import {
  type LaunchNumber,
  Numbers,
  numbersRead,
  withNumberMemory,
  withNumbers,
} from "./wgsl/passes/numbers.ts";
import { reachable } from "./wgsl/passes/reachable.ts";
import { withBroadcasts, withoutSubgroups, withSubgroupLanes } from "./wgsl/passes/subgroups.ts";
import { unrolled } from "./wgsl/passes/unroll.ts";
import { withByteVectors, withVectors } from "./wgsl/passes/vectors.ts";
import { print } from "./wgsl/print.ts";
import { type Module, readModule } from "./wgsl/read.ts";

export { numberWords } from "./wgsl/passes/numbers.ts";

export interface LaunchBinding {
  readonly binding: number;
  /** Name in the shader. */
  readonly variable: string;
  readonly access: Access;
  readonly view: View;
}

/** A shader module with its grid and bindings. */
export interface Launch {
  readonly code: string;
  readonly entryPoint: string;
  /** In ascending order of binding numbers. */
  readonly bindings: readonly LaunchBinding[];
  /** Read from the uniform {@link NUMBERS_BINDING}, a word each; without any, there is no such uniform. */
  readonly numbers: readonly LaunchNumber[];
  readonly grid: readonly [number, number, number];
}

/** The launch of one dispatch, or of several joined ones. */
export function specialiseLaunch(program: Program, dispatches: readonly Dispatch[]): Launch {
  const grid = launchGrid(dispatches);
  return runsAlone(dispatches) ? single(program, dispatches[0], grid) : together(program, dispatches, grid);
}

function single(program: Program, dispatch: Dispatch, grid: Launch["grid"]): Launch {
  const kernel = kernelNamed(dispatch.kernel);
  const memoryOf = (name: string) => ({ dtype: dtypeOf(program, dispatch, name), offset: 0 });
  const numbers = dispatch.numbers && new Numbers();
  const module = specialise(kernel, dispatch, memoryOf, program.scalars, numbers);
  const bindings = Object.entries(dispatch.bindings)
    .map(([variable, view]) => ({ ...kernelBinding(kernel, variable), variable, view }))
    .sort((a, b) => a.binding - b.binding);
  const vectors = kernel.inVectors ? Object.values(dispatch.hooks).flatMap(vectorBindings) : [];
  const complete = withHookMemory(module, Object.keys(dispatch.bindings), vectors, flaggedBindings(dispatch));
  return { ...printed(complete, program, numbers), entryPoint: kernel.entryPoint, bindings, grid };
}

/** The module's text, with the library's functions, the step table and the memory of its numbers. */
function printed(
  module: Module,
  { immediates }: Program,
  numbers: Numbers | undefined,
): Pick<Launch, "code" | "numbers"> {
  const read = numbers ? numbersRead(module, numbers) : [];
  const complete = withNumberMemory(withStepTable(module, immediates), read);
  return { code: print(withLibrary(complete)), numbers: read };
}

function dtypeOf(program: Program, dispatch: Dispatch, name: string) {
  return program.buffers[dispatch.bindings[name].buffer].dtype;
}

/** Several dispatches as one shader, with their shared memory. */
function together(program: Program, dispatches: readonly Dispatch[], grid: Launch["grid"]): Launch {
  const shared = sharedBindings(dispatches);
  const numbers = dispatches.every((dispatch) => dispatch.numbers) ? new Numbers() : undefined;
  const parts = dispatches.map((dispatch, part) => {
    const kernel = kernelNamed(dispatch.kernel);
    const variables = new Map<string, string>();
    const offsets = new Map<string, number>();
    shared.forEach(({ users, view }, binding) => {
      for (const user of users.filter((user) => user.part === part)) {
        variables.set(user.name, memoryName(binding));
        offsets.set(user.name, user.offset - view.offset);
      }
    });
    const memoryOf = (name: string) => ({
      dtype: dtypeOf(program, dispatch, name),
      offset: offsets.get(name) ?? 0,
    });
    const module = specialise(kernel, dispatch, memoryOf, program.scalars, numbers?.ofPart(part));
    return { module, entryPoint: kernel.entryPoint, grid: gridOf(dispatch), variables };
  });
  const module = joined(parts, {
    workgroup: workgroupOf(dispatches[0]),
    grid,
    numbers,
    memory: shared.map(
      ({ access, element }, binding) =>
        `@group(1) @binding(${binding}) var<storage, ${access}> ${memoryName(binding)}: array<${element}>;`,
    ),
  });
  return {
    ...printed(module, program, numbers),
    entryPoint: "launch",
    bindings: shared.map(({ access, view }, binding) => ({
      binding,
      variable: memoryName(binding),
      access,
      view,
    })),
    grid,
  };
}

const memoryName = (binding: number) => `memory${binding}`;

/** Parsed shaders, each once. */
const modules = new Map<string, Module>();

function moduleOf(shader: string): Module {
  const module = modules.get(shader) ?? readModule(shaderText(shader));
  modules.set(shader, module);
  return module;
}

/** The kernel's shader for one dispatch, without the memory of its hooks and the library's functions. */
export function specialise(
  kernel: Kernel,
  dispatch: Dispatch,
  memoryOf: (binding: string) => HookMemory,
  scalars: readonly StepScalar[],
  numbers?: Numbers,
): Module {
  const { constants, hooks } = dispatch;
  const scope: HookScope = { memoryOf, scalars, parts: kernel.parts?.(constants), numbers };
  let module = moduleOf(kernel.shader);
  if (constants.SUBGROUP > 1) module = withSubgroupLanes(module, kernel.entryPoint, constants.SUBGROUP);
  module = withConstants(module, literals(kernel, dispatch));
  if (numbers) module = withNumbers(module, reads(kernel, dispatch, numbers), numbers);
  module = kernel.inVectors ? withVectorHooks(module, hooks, scope) : withHooks(module, hooks, scope);
  module = withNeighbours(module, kernel.neighbours ?? {}, hooks, scope);
  for (const [binding, access] of Object.entries(kernel.vectors ?? {})) {
    if (constants[access.constant] !== 1) continue;
    const hook = hooks[access.element];
    module = hook ? withByteVectors(module, access, hook, scope) : withVectors(module, binding, access);
  }
  module = unrolled(reachable(module, kernel.entryPoint));
  return constants.LANES === 1 ? withoutSubgroups(module) : withBroadcasts(module);
}

/** Reads of those constants that the dispatch gives at run time. */
function reads(kernel: Kernel, { constants, numbers: names = [] }: Dispatch, numbers: Numbers) {
  return Object.fromEntries(
    names.map((name) => [name, numbers.read(name, kernel.constants[name], constants[name])]),
  );
}

function literals(kernel: Kernel, { constants }: Dispatch): Record<string, string> {
  const written = Object.entries(kernel.constants).map(([name, type]) => {
    const value = constants[name];
    if (value === undefined) throw new Error(`kernel ${kernel.name}: constant ${name} has no value`);
    return [name, type === "u32" ? u32Literal(value) : f32Literal(value)];
  });
  return Object.fromEntries(written);
}

/** Declares memory that shaders leave out: the memory of hooks, named by a dispatch, and the step table. */
import { hookBinding } from "../../kernel.ts";
import { type Module, readModule } from "../read.ts";

/**
 * The module with the memory of its hooks, among the dispatch's bindings, and with the step table. Bindings in
 * `vectors` are read four elements at once.
 */
export function withHookMemory(
  module: Module,
  bound: readonly string[],
  vectors: readonly string[] = [],
): Module {
  const lines = bound.flatMap((name) => {
    const memory = hookBinding(name);
    const element = vectors.includes(name) ? "vec4<u32>" : "u32";
    return memory
      ? [`@group(1) @binding(${memory.binding}) var<storage, ${memory.access}> ${name}: array<${element}>;`]
      : [];
  });
  return withStepTable(declaring(module, lines.join("\n")));
}

/** The module with the step table, the uniform of group 0, where a function reads it. */
export function withStepTable(module: Module): Module {
  const known = module.some((one) => one.kind === "var" && one.name === "step");
  const read = module.some(
    (one) => one.kind === "fn" && one.body.some((token, i) => token === "step" && one.body[i + 1] === "["),
  );
  if (known || !read) return module;
  return declaring(module, "@group(0) @binding(0) var<uniform> step: array<vec4<u32>, 16>;");
}

/** The module with further declarations after the constants at the top. */
function declaring(module: Module, source: string): Module {
  const first = module.findIndex(({ kind }) => kind === "fn" || kind === "var");
  return [...module.slice(0, first), ...readModule(source), ...module.slice(first)];
}

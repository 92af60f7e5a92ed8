/** Declares memory that shaders leave out: the memory of hooks, named by a dispatch, and the step table. */
import { IMMEDIATE_SLOTS, STEP_SLOTS } from "../../../program.ts";
import { hookBinding } from "../../kernel.ts";
import { type Module, readModule, type Tokens } from "../read.ts";

/**
 * The module with the memory of its hooks, among the dispatch's bindings. Bindings in `vectors` are read four elements
 * at once, those in `flagged` are set by many invocations at the same time.
 */
export function withHookMemory(
  module: Module,
  bound: readonly string[],
  vectors: readonly string[] = [],
  flagged: ReadonlySet<string> = new Set(),
): Module {
  const lines = bound.flatMap((name) => {
    const memory = hookBinding(name);
    const element = flagged.has(name) ? "atomic<u32>" : vectors.includes(name) ? "vec4<u32>" : "u32";
    return memory
      ? [`@group(1) @binding(${memory.binding}) var<storage, ${memory.access}> ${name}: array<${element}>;`]
      : [];
  });
  return declaring(module, lines.join("\n"));
}

/**
 * The module with the current row of the step table, where a function reads it: as the uniform of group 0, or as
 * immediates. Their address space holds no arrays, so that each four slots are a member.
 */
export function withStepTable(module: Module, immediates = false): Module {
  const known = module.some((one) => one.kind === "var" && one.name === "step");
  const isRead = (body: Tokens) => body.some((token, i) => token === "step" && body[i + 1] === "[");
  if (known || !module.some((one) => one.kind === "fn" && isRead(one.body))) return module;
  if (!immediates) {
    const rows = `array<vec4<u32>, ${STEP_SLOTS / 4}>`;
    return declaring(module, `@group(0) @binding(0) var<uniform> step: ${rows};`);
  }
  const members = Array.from({ length: IMMEDIATE_SLOTS / 4 }, (_, i) => `slots${i}: vec4<u32>`);
  return declaring(
    module.map((one) => (one.kind === "fn" ? { ...one, body: withMembers(one.body) } : one)),
    `struct StepRow { ${members.join(", ")} }
    var<immediate> step: StepRow;`,
  );
}

/** `step.slots0` for `step[0]`. */
function withMembers(body: Tokens): Tokens {
  return body.flatMap((token, i) => {
    if (token === "step" && body[i + 1] === "[") return ["step", ".", `slots${body[i + 2]}`];
    const isReplaced = [1, 2, 3].some((back) => body[i - back] === "step" && body[i - back + 1] === "[");
    return isReplaced ? [] : [token];
  });
}

/** The module with further declarations after the constants at the top. */
function declaring(module: Module, source: string): Module {
  const first = module.findIndex(({ kind }) => kind === "fn" || kind === "var");
  return [...module.slice(0, first), ...readModule(source), ...module.slice(first)];
}

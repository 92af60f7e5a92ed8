/** Bodies of hooks that take four elements at once. */
import type { Hook, Instruction } from "../../../program.ts";
import { holdings } from "../../vectors.ts";
import type { Module } from "../read.ts";
import { withBodies } from "./bodies.ts";
import { expression, flagStatement, type HookScope, placeIn, withoutFolding } from "./hooks.ts";

/** The module with the dispatch's hooks, by name, each for four elements. */
export function withVectorHooks(
  module: Module,
  hooks: Readonly<Record<string, Hook>>,
  scope: HookScope,
): Module {
  const bodies = Object.entries(hooks).map(([name, hook]) => [name, vectorBody(withoutFolding(hook), scope)]);
  return withBodies(module, Object.fromEntries(bodies));
}

/** Functions that WGSL offers as operators or built-ins, for numbers and vectors alike. */
const ARITHMETIC: Readonly<Record<string, (a: string, b: string) => string>> = {
  add: (a, b) => `${a} + ${b}`,
  sub: (a, b) => `${a} - ${b}`,
  mul: (a, b) => `${a} * ${b}`,
  div: (a, b) => `${a} / ${b}`,
  neg: (a) => `-${a}`,
  square: (a) => `${a} * ${a}`,
  squareRoot: (a) => `sqrt(${a})`,
  absolute: (a) => `abs(${a})`,
};

/** The body of a hook that takes four elements at once. */
function vectorBody(hook: Hook, scope: HookScope): string {
  const held = holdings(hook);
  if (!held) throw new Error("a hook that reads elements one by one cannot be called for four");
  const at = (binding: string) => `${binding}[${placeIn(binding, "index", scope)} / 4u]`;
  const lines = hook.code.map((instruction, i) => {
    if (held[i] !== "vector" || instruction.op === "value") {
      return `let v${i} = ${arithmetic(instruction) ?? expression(instruction, scope)};`;
    }
    if (instruction.op === "load") return `let v${i} = bitcast<vec4<f32>>(${at(instruction.binding)});`;
    return `let v${i} = ${arithmetic(instruction) ?? lanes(instruction, (arg) => held[arg] === "vector")};`;
  });
  for (const flag of hook.flags ?? [])
    lines.push(flagStatement(flag, scope, (register) => held[register] === "vector"));
  for (const { binding, from } of hook.stores ?? []) {
    const value = held[from] === "vector" ? `v${from}` : `vec4<f32>(v${from})`;
    lines.push(`${at(binding)} = bitcast<vec4<u32>>(${value});`);
  }
  if (hook.result !== undefined) lines.push(`return vec4<f32>(v${hook.result});`);
  return lines.join("\n");
}

/** The call for four elements at once, where WGSL has it. */
export function arithmetic(instruction: Instruction): string | undefined {
  if (instruction.op !== "call") return undefined;
  const [a, b] = instruction.args.map((arg) => `v${arg}`);
  return ARITHMETIC[instruction.fn]?.(a, b);
}

/** One call for each of the four. */
export function lanes(instruction: Instruction, isVector: (register: number) => boolean): string {
  if (instruction.op !== "call") throw new Error(`${instruction.op} gives no vector`);
  const { fn, args } = instruction;
  const lane = (component: string) =>
    `${fn}(${args.map((arg) => (isVector(arg) ? `v${arg}.${component}` : `v${arg}`)).join(", ")})`;
  return `vec4<f32>(${["x", "y", "z", "w"].map(lane).join(", ")})`;
}

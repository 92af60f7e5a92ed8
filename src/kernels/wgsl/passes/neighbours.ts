/**
 * Bodies of hooks for four elements that lie side by side, from a multiple of four on: positions and shared values
 * are computed once, and devices see loads and stores of four words.
 */
import type { Hook, IndexTerm, Instruction } from "../../../program.ts";
import type { IndexParts, NeighbourAccess } from "../../kernel.ts";
import { isLongHook } from "../../vectors.ts";
import type { Module } from "../read.ts";
import { withBodies } from "./bodies.ts";
import { arithmetic, lanes } from "./fours.ts";
import {
  expression,
  flagStatement,
  type HookScope,
  mapTerm,
  partsOf,
  placeIn,
  startOfMap,
  withoutFolding,
  wordOf,
} from "./hooks.ts";

/** The module with its functions for four neighbours at once, by hook. */
export function withNeighbours(
  module: Module,
  functions: Readonly<Record<string, NeighbourAccess>>,
  hooks: Readonly<Record<string, Hook>>,
  scope: HookScope,
): Module {
  const bodies = Object.entries(functions).flatMap(([name, { vector, isLong }]) => {
    const hook = hooks[name];
    const body = hook && neighboursBody(hook, scope, scope.parts?.[name]);
    return [
      ...(body === undefined ? [] : [[vector, body] as const]),
      ...(isLong && isLongHook(hook) ? [[isLong, "return true;"] as const] : []),
    ];
  });
  return withBodies(module, Object.fromEntries(bodies));
}

/**
 * The body for `index`, and four values `value` of a store hook; undefined where a position of the hook is no linear function over four
 * neighbours.
 */
function neighboursBody(plain: Hook, scope: HookScope, parts?: IndexParts): string | undefined {
  const hook = withoutFolding(plain);
  const found = distances(hook);
  if (!found) return undefined;
  const isVector = (at: number) => found[at] === "values";
  const lines = hook.code.map((instruction, i) => {
    const each = (one: (component: string, lane: number) => string) =>
      `vec4<f32>(${["x", "y", "z", "w"].map(one).join(", ")})`;
    const value = (): string => {
      switch (instruction.op) {
        case "map":
          if (found[i] === 0)
            return expression(instruction, scope, 0, partsOf(instruction, hook.code, parts));
          return linearMap(instruction, scope);
        case "call":
          if (!isVector(i)) return expression(instruction, scope);
          return arithmetic(instruction) ?? lanes(instruction, isVector);
        case "load":
        case "position":
        case "random": {
          const step = stepOf(found[instruction.at]) ?? 0;
          if (step === 0) return expression(instruction, scope);
          return each((_, lane) => expression(instruction, scope, lane * step));
        }
        default:
          return expression(instruction, scope);
      }
    };
    return `let v${i} = ${value()};`;
  });
  for (const flag of hook.flags ?? []) lines.push(flagStatement(flag, scope, isVector));
  for (const { binding, from } of hook.stores ?? []) {
    const { dtype } = scope.memoryOf(binding);
    ["x", "y", "z", "w"].forEach((component, lane) => {
      const element = isVector(from) ? `v${from}.${component}` : `v${from}`;
      lines.push(`${binding}[${placeIn(binding, "index", scope, lane)}] = ${wordOf(dtype, element)};`);
    });
  }
  if (hook.result !== undefined) {
    const value = `v${hook.result}`;
    lines.push(`return ${isVector(hook.result) ? value : `vec4<f32>(${value})`};`);
  }
  return lines.join("\n");
}

/** What an instruction gives for four neighbours. */
type Distance =
  /** A value for each. */
  | "values"
  /** Positions at this distance of each other, 0 for one that they share, or a shared value. */
  | number
  /** Positions side by side, from a multiple of four on. */
  | "aligned";

function distances({ code }: Hook): Distance[] | undefined {
  const found: Distance[] = [];
  for (const instruction of code) {
    const distance = distanceOf(instruction, found);
    if (distance === undefined) return undefined;
    found.push(distance);
  }
  return found;
}

function distanceOf(instruction: Instruction, found: readonly Distance[]): Distance | undefined {
  switch (instruction.op) {
    case "index":
      return "aligned";
    case "map":
      return mapDistance(instruction.terms, instruction.offset, found[instruction.from]);
    case "shift":
      return found[instruction.from] === "aligned" ? 1 : found[instruction.from];
    case "row":
      return found[instruction.from] === 0 ? stepOf(found[instruction.column]) : undefined;
    case "value":
      return "values";
    case "constant":
    case "scalar":
      return 0;
    case "load":
    case "position":
    case "random":
      return found[instruction.at] === 0 ? 0 : "values";
    case "call":
      return instruction.args.some((arg) => found[arg] === "values") ? "values" : 0;
  }
}

function stepOf(distance: Distance): number | undefined {
  if (distance === "values") return undefined;
  return distance === "aligned" ? 1 : distance;
}

function mapDistance(terms: readonly IndexTerm[], offset: number, from: Distance): Distance | undefined {
  if (from === 0) return 0;
  if (from !== "aligned") return undefined;
  const moving = terms.filter(({ div }) => div % 4 !== 0);
  if (!moving.every(({ div, mod }) => div === 1 && mod % 4 === 0)) return undefined;
  const step = moving.reduce((sum, { mul }) => sum + mul, 0);
  const others = terms.filter(({ div }) => div % 4 === 0);
  const isAligned =
    moving.length === 1 && step === 1 && [...others.map(({ mul }) => mul), offset].every((n) => n % 4 === 0);
  return isAligned ? "aligned" : step;
}

/** A map of four positions from a multiple of four on. The form shows that the first of them is such a multiple, too. */
function linearMap(
  { terms, offset, from }: Extract<Instruction, { op: "map" }>,
  { numbers }: HookScope,
): string {
  const parts = terms.map(({ div, mod, mul }) =>
    mapTerm(div === 1 && mod !== 0 ? { div: 4, mod: mod / 4, mul: 4 * mul } : { div, mod, mul }, `v${from}`),
  );
  if (offset !== 0) parts.push(startOfMap(offset, numbers));
  return parts.join(" + ");
}

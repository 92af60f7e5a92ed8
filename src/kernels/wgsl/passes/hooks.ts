/** Bodies of hooks, generated from a dispatch's instructions. */
import type { DType } from "../../../dtypes.ts";
import {
  type Flag,
  type Hook,
  type IndexTerm,
  type Instruction,
  readAs,
  type StepScalar,
  slotOf,
} from "../../../program.ts";
import type { IndexParts } from "../../kernel.ts";
import type { Module } from "../read.ts";
import { withBodies } from "./bodies.ts";
import { f32Literal, u32Literal } from "./constants.ts";
import type { Numbers } from "./numbers.ts";

/** The memory behind a binding's name. */
export interface HookMemory {
  readonly dtype: DType;
  /** Offset in elements, where several parts of a buffer share a binding. */
  readonly offset: number;
}

/** Sources of hooks: memory by binding name, and the step table. */
export interface HookScope {
  readonly memoryOf: (binding: string) => HookMemory;
  readonly scalars: readonly StepScalar[];
  /** Parts of the index that hooks are given, by hook. */
  readonly parts?: Readonly<Record<string, IndexParts>>;
  /** Collects offsets and factors that are read at run time; without it, they are constants. */
  readonly numbers?: Numbers;
}

/** The module with the dispatch's hooks, by name. */
export function withHooks(module: Module, hooks: Readonly<Record<string, Hook>>, scope: HookScope): Module {
  const bodies = Object.entries(hooks).map(([name, hook]) => [
    name,
    hookBody(withoutFolding(hook), scope, scope.parts?.[name]),
  ]);
  return withBodies(module, Object.fromEntries(bodies));
}

/** The hook without x · 0 and x − x, which compilers fold to 0 even for NaN and infinite x. */
export function withoutFolding(hook: Hook): Hook {
  const isZero = (arg: number) => {
    const from = hook.code[arg];
    return from.op === "constant" && from.value === 0;
  };
  const code = hook.code.map((instruction): Instruction => {
    if (instruction.op !== "call") return instruction;
    const [a, b] = instruction.args;
    const folded = instruction.fn === "sub" ? a === b : instruction.fn === "mul" && (isZero(a) || isZero(b));
    return folded ? { op: "call", fn: "zeroOf", args: [isZero(a) ? b : a] } : instruction;
  });
  return { ...hook, code };
}

function hookBody(hook: Hook, scope: HookScope, parts?: IndexParts): string {
  const { code, stores = [], flags = [], result } = hook;
  const lines = code.map(
    (instruction, i) =>
      `let v${i} = ${expression(instruction, scope, 0, partsOf(instruction, code, parts))};`,
  );
  lines.push(...flags.map((flag) => flagStatement(flag, scope)));
  for (const { binding, from } of stores) {
    const { dtype } = scope.memoryOf(binding);
    lines.push(`${binding}[${placeIn(binding, "index", scope)}] = ${wordOf(dtype, `v${from}`)};`);
  }
  if (result !== undefined) lines.push(`return v${result};`);
  return lines.join("\n");
}

/** Bits without their sign: those of NaN and infinities are the largest. */
const WITHOUT_SIGN = "0x7fffffffu";
const INFINITE = "0x7f800000u";

/**
 * Sets a flag where one of its values is not finite. By bits, of which the largest decides: compilers assume that there
 * are only numbers. The store is atomic, because other invocations may set the flag, too.
 */
export function flagStatement(
  { binding, of, value }: Flag,
  scope: HookScope,
  isVector: (register: number) => boolean = () => false,
): string {
  const larger = (parts: readonly string[]) => parts.reduce((a, b) => `max(${a}, ${b})`);
  const bits = (vectors: boolean) => {
    const registers = of.filter((register) => isVector(register) === vectors);
    const [type, mask] = vectors ? ["vec4<u32>", `vec4<u32>(${WITHOUT_SIGN})`] : ["u32", WITHOUT_SIGN];
    return registers.map((register) => `(bitcast<${type}>(v${register}) & ${mask})`);
  };
  const [single, vectors] = [bits(false), bits(true)];
  const name = `flagged${of.join("_")}`;
  const together = vectors.length > 0 ? `let ${name} = ${larger(vectors)};` : "";
  const lanes = vectors.length > 0 ? ["x", "y", "z", "w"].map((lane) => `${name}.${lane}`) : [];
  return `${together}
    if (${larger([...single, ...lanes])} >= ${INFINITE}) {
      atomicStore(&${binding}[0], ${u32Literal(bitsOf(value, scope.memoryOf(binding).dtype))});
    }`;
}

/** The word of memory that holds a number. */
function bitsOf(value: number, dtype: DType): number {
  const words = new Uint32Array(1);
  if (dtype === "f32") new Float32Array(words.buffer)[0] = value;
  else words[0] = value;
  return words[0];
}

/** Values that compilers treat in ways of their own; they stay constants. */
const PLAIN: ReadonlySet<number> = new Set([0, 1, -1, 2, 0.5]);

/** The word of memory that holds a value. */
export function wordOf(dtype: DType, value: string): string {
  return dtype === "f32" ? `bitcast<u32>(${value})` : `bitcast<u32>(i32(${value}))`;
}

/** The parts that are known of the position that an instruction maps: those of the hook's index. */
export function partsOf(
  instruction: Instruction,
  code: Hook["code"],
  parts?: IndexParts,
): IndexParts | undefined {
  return instruction.op === "map" && code[instruction.from].op === "index" ? parts : undefined;
}

/**
 * The WGSL expression of one instruction; what it takes from a position, it takes `further` elements behind. `parts` are
 * known of the position that it maps.
 */
export function expression(
  instruction: Instruction,
  scope: HookScope,
  further = 0,
  parts?: IndexParts,
): string {
  const { scalars, numbers } = scope;
  switch (instruction.op) {
    case "index":
      return "index";
    case "map":
      return mapExpression(instruction, scope, parts);
    case "shift":
      return `v${instruction.from} + ${stepWord(instruction.scalar, "u32", scalars)}`;
    case "row":
      return `u32(v${instruction.from}) * ${u32Literal(instruction.size)} + v${instruction.column}`;
    case "value":
      return "value";
    case "constant":
      return numbers && !PLAIN.has(instruction.value)
        ? numbers.read(numbers.next("value"), "f32", instruction.value)
        : `f32(${f32Literal(instruction.value)})`;
    case "scalar": {
      const dtype = readAs(instruction.scalar, scalars);
      const word = stepWord(instruction.scalar, dtype, scalars);
      return dtype === "f32" ? `bitcast<f32>(${word})` : `f32(${word})`;
    }
    case "position":
      return `f32(${shifted(`v${instruction.at}`, further)})`;
    case "load":
      return loadExpression(instruction.binding, shifted(`v${instruction.at}`, further), scope);
    case "random": {
      const [seed, counter] = ["seed", instruction.counter].map((name) => stepWord(name, "u32", scalars));
      const stream =
        numbers?.read(numbers.next("stream"), "u32", instruction.stream) ?? u32Literal(instruction.stream);
      return `stepUniform(${seed}, ${stream}, ${counter}, ${shifted(`v${instruction.at}`, further)})`;
    }
    case "call":
      return `${instruction.fn}(${instruction.args.map((arg) => `v${arg}`).join(", ")})`;
  }
}

function loadExpression(binding: string, position: string, scope: HookScope): string {
  const at = placeIn(binding, position, scope);
  switch (scope.memoryOf(binding).dtype) {
    case "f32":
      return `bitcast<f32>(${binding}[${at}])`;
    case "i32":
      return `f32(bitcast<i32>(${binding}[${at}]))`;
    case "u8":
      return `f32((${binding}[${at} >> 2u] >> ((${at} & 3u) * 8u)) & 255u)`;
  }
}

/** A position plus `offset` elements. */
export function shifted(position: string, offset: number): string {
  return offset === 0 ? position : `(${position} + ${u32Literal(offset >>> 0)})`;
}

/** `further` behind a position in the memory of a binding, which may begin before the hook's own part. */
export function placeIn(
  binding: string,
  position: string,
  { memoryOf, numbers }: HookScope,
  further = 0,
): string {
  const { offset } = memoryOf(binding);
  if (!numbers || offset === 0) return shifted(position, offset + further);
  return shifted(`(${position} + ${numbers.readPosition(`${binding}Start`, offset)})`, further);
}

/** The offset of a map. A negative one wraps around, as u32 arithmetic does on every device. */
export function startOfMap(offset: number, numbers: Numbers | undefined): string {
  return numbers?.readPosition(numbers.next("offset"), offset >>> 0) ?? u32Literal(offset >>> 0);
}

function mapExpression(
  { terms, offset, from }: Extract<Instruction, { op: "map" }>,
  { numbers }: HookScope,
  known?: IndexParts,
): string {
  const parts = terms.map((term) => mapTerm(term, `v${from}`, known));
  if (offset !== 0) parts.push(startOfMap(offset, numbers));
  else if (parts.length === 0) parts.push(u32Literal(0));
  return parts.join(" + ");
}

export function mapTerm({ div, mod, mul }: IndexTerm, index: string, known: IndexParts = {}): string {
  let part = Object.keys(known).find((name) => known[name].div === div && known[name].mod === mod);
  if (part === undefined) {
    part = index;
    if (div !== 1) part = `(${part} / ${u32Literal(div)})`;
    if (mod !== 0) part = `(${part} % ${u32Literal(mod)})`;
  }
  // A negative stride (a flipped view) wraps around, as u32 arithmetic does on every device.
  return mul === 1 ? part : `${part} * ${u32Literal(mul >>> 0)}`;
}

function stepWord(name: string, dtype: StepScalar["dtype"], scalars: readonly StepScalar[]): string {
  const slot = slotOf(name, dtype, scalars);
  return `step[${Math.floor(slot / 4)}].${"xyzw"[slot % 4]}`;
}

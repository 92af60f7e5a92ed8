/**
 * From a kernel and a dispatch to the WGSL that runs: named constants get the dispatch's values, named hook
 * functions get bodies written from the dispatch's instructions. Nothing else in the shader changes.
 */

import randomShader from "../../shaders/random.wgsl?raw";
import scalarShader from "../../shaders/scalar.wgsl?raw";
import type { DType } from "../dtypes.ts";
import type { Dispatch, Hook, IndexTerm, Instruction, StepScalar } from "../program.ts";
import type { Constants, Kernel, VectorAccess } from "./kernel.ts";

export interface Specialised {
  readonly code: string;
  /** The functions of the shader library that it calls. */
  readonly called: ReadonlySet<string>;
}

/** What a hook finds under the name of a binding. */
export interface HookMemory {
  readonly dtype: DType;
  /** Elements in front of it in what is bound, where several parts of a buffer share a binding. */
  readonly offset: number;
}

/** The kernel's shader for one dispatch, without the library functions that its hooks call. */
export function specialise(
  kernel: Kernel,
  dispatch: Dispatch,
  memoryOf: (binding: string) => HookMemory,
  scalars: readonly StepScalar[],
): Specialised {
  let code = kernel.shader;
  for (const [name, type] of Object.entries(kernel.constants)) {
    const value = dispatch.constants[name];
    if (value === undefined) throw new Error(`kernel ${kernel.name}: constant ${name} has no value`);
    code = replaceConstant(code, name, type === "u32" ? u32Literal(value) : f32Literal(value));
  }
  const called = new Set<string>();
  for (const [name, asTraced] of Object.entries(dispatch.hooks)) {
    const hook = withoutFolding(asTraced);
    code = replaceFunctionBody(code, name, hookBody(hook, memoryOf, scalars));
    for (const instruction of hook.code) {
      if (instruction.op === "call") called.add(instruction.fn);
      if (instruction.op === "random") called.add("stepUniform");
    }
  }
  for (const [binding, access] of Object.entries(kernel.vectors ?? {})) {
    if (dispatch.constants[access.constant] !== 1) continue;
    const hook = dispatch.hooks[access.element];
    if (!hook) code = withVectors(code, binding, access);
    else if (readsBytesInPlace(hook, memoryOf))
      code = replaceFunctionBody(code, access.vector, bytesBody(hook, memoryOf, scalars));
  }
  code = unrolled(withLibrary(code, called), dispatch.constants);
  return { code: dispatch.constants.LANES === 1 ? withoutSubgroups(code) : withBroadcasts(code), called };
}

/**
 * The hook without x · 0 and x - x, which compilers take for 0, be x NaN or infinite.
 */
function withoutFolding(hook: Hook): Hook {
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

/**
 * The shader without those functions that the library has, too, which are noted as called: a shader gives them a plain
 * body, in order to be valid as it stands.
 */
function withLibrary(code: string, called: Set<string>): string {
  for (const [, name] of code.matchAll(/^fn (\w+)/gm)) {
    const found = libraryNames.includes(name) && functionNamed(code, name);
    if (!found) continue;
    code = code.slice(0, found.start) + code.slice(found.bodyEnd + 1);
    called.add(name);
  }
  return code;
}

/** A value of one lane, its number written out. */
const NUMBERED_LANE = /subgroupShuffle\((\w+), (\d+u)\)/g;

/** WGSL's broadcast wants a lane's number as a constant expression, which it is once its loop is written out. */
function withBroadcasts(code: string): string {
  return code.replace(NUMBERED_LANE, "subgroupBroadcast($1, $2)");
}

/** The shader for invocations that share nothing: each is the only lane of its own. */
function withoutSubgroups(code: string): string {
  return code
    .replace(/^enable subgroups;$/m, "")
    .replace(/@builtin\(subgroup_invocation_id\)/g, "@builtin(local_invocation_index)")
    .replace(NUMBERED_LANE, "$1");
}

/** A loop up to a constant TILE_…, or a part of it, or over the lanes that share loads. */
const TILE_LOOP = /^( *)for \(var (\w+) = 0u; \2 < (TILE_[^;]+|LANES); \2\+\+\) \{\n/m;

/**
 * Writes out the loops over the block that an invocation keeps in registers, and over lanes. Most compilers would do so themselves; those
 * that do not keep the block in memory, and take several times as long.
 */
function unrolled(code: string, constants: Constants): string {
  for (let found = TILE_LOOP.exec(code); found; found = TILE_LOOP.exec(code)) {
    const [opening, indent, counter, bound] = found;
    const bodyStart = found.index + opening.length;
    const bodyEnd = closingBrace(code, bodyStart);
    const body = code.slice(bodyStart, bodyEnd).trimEnd();
    const use = new RegExp(`\\b${counter}\\b`, "g");
    const copies = Array.from({ length: evaluate(bound, constants) }, (_, i) => body.replace(use, `${i}u`));
    const block = copies.map((copy) => `${indent}{\n${copy}\n${indent}}`).join("\n");
    code = code.slice(0, found.index) + block + code.slice(bodyEnd + 1);
  }
  return code;
}

/** A product or quotient of constants and numbers, such as `TILE_M / LANES`. */
function evaluate(expression: string, constants: Constants): number {
  const [first, ...rest] = expression.split(/ ?([*/]) ?/);
  const value = (term: string) => constants[term] ?? Number.parseInt(term, 10);
  let result = value(first);
  for (let i = 0; i < rest.length; i += 2) {
    result = rest[i] === "*" ? result * value(rest[i + 1]) : Math.floor(result / value(rest[i + 1]));
  }
  if (!Number.isSafeInteger(result))
    throw new Error(`the bound "${expression}" of an unrolled loop is no number`);
  return result;
}

/** Constants that only the host knows (the grid's batch, say) have no line in the shader. */
function replaceConstant(code: string, name: string, literal: string): string {
  return code.replace(new RegExp(`^(\\s*const ${name}\\s*=\\s*)[^;]*;`, "m"), `$1${literal};`);
}

function replaceFunctionBody(code: string, name: string, body: string): string {
  const found = functionNamed(code, name);
  if (!found) throw new Error(`the shader has no hook function ${name}`);
  return `${code.slice(0, found.bodyStart)}\n${body}${code.slice(found.bodyEnd)}`;
}

/** The binding as an array of vectors. */
function withVectors(code: string, binding: string, { element, vector }: VectorAccess): string {
  const declaration = new RegExp(`(var<storage, read> ${binding}: array<)f32>;`);
  const changed = code.replace(declaration, "$1vec4<f32>>;");
  if (changed === code) throw new Error(`the shader reads no ${binding} as array<f32>`);
  const elements = replaceFunctionBody(changed, element, `  return ${binding}[index / 4u][index % 4u];\n`);
  return replaceFunctionBody(elements, vector, `  return ${binding}[index / 4u];\n`);
}

/** Whether all that a load hook reads is one packed byte at its own index, so that four of them are one word. */
function readsBytesInPlace({ code }: Hook, memoryOf: (binding: string) => HookMemory): boolean {
  return code.every((instruction) => {
    if (instruction.op === "load")
      return code[instruction.at].op === "index" && memoryOf(instruction.binding).dtype === "u8";
    return instruction.op !== "random" && instruction.op !== "position";
  });
}

/** The hook for four elements: one word read, and then for each byte what the hook does to it. */
function bytesBody(
  hook: Hook,
  memoryOf: (binding: string) => HookMemory,
  scalars: readonly StepScalar[],
): string {
  const lines = hook.code.map((instruction, i) => {
    switch (instruction.op) {
      case "load": {
        const at = shifted("index", memoryOf(instruction.binding).offset);
        return `  let v${i} = vec4<f32>(unpack4xU8(${instruction.binding}[${at} >> 2u]));`;
      }
      case "call": {
        const lane = (component: string) =>
          `${instruction.fn}(${instruction.args.map((arg) => `v${arg}.${component}`).join(", ")})`;
        return `  let v${i} = vec4<f32>(${["x", "y", "z", "w"].map(lane).join(", ")});`;
      }
      case "constant":
      case "scalar":
        return `  let v${i} = vec4<f32>(${expression(instruction, memoryOf, scalars)});`;
      default:
        // A position: the same for all four, or of no use to them.
        return `  let v${i} = ${expression(instruction, memoryOf, scalars)};`;
    }
  });
  return `${lines.join("\n")}\n  return v${hook.result};\n`;
}

interface FoundFunction {
  readonly start: number;
  /** Just behind the opening brace. */
  readonly bodyStart: number;
  /** At the closing brace. */
  readonly bodyEnd: number;
}

function functionNamed(code: string, name: string): FoundFunction | undefined {
  const start = code.search(new RegExp(`\\bfn ${name}\\s*\\(`));
  if (start < 0) return undefined;
  const bodyStart = code.indexOf("{", start) + 1;
  return { start, bodyStart, bodyEnd: closingBrace(code, bodyStart) };
}

/** Where the block ends whose first character behind the opening brace is at `from`. */
function closingBrace(code: string, from: number): number {
  let depth = 1;
  let at = from;
  for (; depth > 0; at++) {
    if (code[at] === "{") depth++;
    else if (code[at] === "}") depth--;
  }
  return at - 1;
}

/** Functions that hooks may call. */
const library = `${scalarShader}\n${randomShader}`;
const libraryNames = [...library.matchAll(/\bfn (\w+)\s*\(/g)].map((match) => match[1]);

/** The source of the library functions in `names`, and of those they call. */
export function librarySource(names: ReadonlySet<string>): string {
  const wanted = new Set<string>();
  const sources: string[] = [];
  const visit = (name: string) => {
    if (wanted.has(name)) return;
    const found = functionNamed(library, name);
    if (!found) throw new Error(`no function of the shader library is called ${name}`);
    wanted.add(name);
    const source = library.slice(found.start, found.bodyEnd + 1);
    for (const other of libraryNames) {
      if (other !== name && new RegExp(`\\b${other}\\s*\\(`).test(source.slice(source.indexOf("{"))))
        visit(other);
    }
    sources.push(source);
  };
  for (const name of names) visit(name);
  return sources.map((source) => `\n${source}\n`).join("");
}

const LARGEST_F32 = (2 - 2 ** -23) * 2 ** 127;

export function u32Literal(value: number): string {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) throw new Error(`${value} is no u32`);
  return `${value}u`;
}

/**
 * Written with all its digits: WGSL computes constant expressions in 64 bits and rounds the result, so that 1 - 0.999 is
 * 0.001. Of 0.999 rounded to 32 bits it would be 0.00099998713, and Adam's second moment too small by that much.
 */
export function f32Literal(value: number): string {
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded)) throw new Error(`${value} cannot be written in WGSL: it is no finite f32`);
  const text = String(rounded === 0 || Math.abs(value) > LARGEST_F32 ? rounded : value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function hookBody(
  hook: Hook,
  memoryOf: (binding: string) => HookMemory,
  scalars: readonly StepScalar[],
): string {
  const lines = hook.code.map(
    (instruction, i) => `  let v${i} = ${expression(instruction, memoryOf, scalars)};`,
  );
  for (const { binding, from } of hook.stores ?? []) {
    const { dtype, offset } = memoryOf(binding);
    const word = dtype === "f32" ? `bitcast<u32>(v${from})` : `bitcast<u32>(i32(v${from}))`;
    lines.push(`  ${binding}[${shifted("index", offset)}] = ${word};`);
  }
  if (hook.result !== undefined) lines.push(`  return v${hook.result};`);
  return lines.map((line) => `${line}\n`).join("");
}

function expression(
  instruction: Instruction,
  memoryOf: (binding: string) => HookMemory,
  scalars: readonly StepScalar[],
): string {
  switch (instruction.op) {
    case "index":
      return "index";
    case "map":
      return mapExpression(instruction.terms, instruction.offset, `v${instruction.from}`);
    case "shift":
      return `v${instruction.from} + ${stepWord(instruction.scalar, "u32", scalars)}`;
    case "row":
      return `u32(v${instruction.from}) * ${u32Literal(instruction.size)} + v${instruction.column}`;
    case "value":
      return "value";
    case "constant":
      return `f32(${f32Literal(instruction.value)})`;
    case "scalar": {
      const dtype = readAs(instruction.scalar, scalars);
      const word = stepWord(instruction.scalar, dtype, scalars);
      return dtype === "f32" ? `bitcast<f32>(${word})` : `f32(${word})`;
    }
    case "position":
      return `f32(v${instruction.at})`;
    case "load":
      return loadExpression(instruction.binding, memoryOf(instruction.binding), `v${instruction.at}`);
    case "random": {
      const [seed, counter] = ["seed", instruction.counter].map((name) => stepWord(name, "u32", scalars));
      return `stepUniform(${seed}, ${u32Literal(instruction.stream)}, ${counter}, v${instruction.at})`;
    }
    case "call":
      return `${instruction.fn}(${instruction.args.map((arg) => `v${arg}`).join(", ")})`;
  }
}

function loadExpression(binding: string, { dtype, offset }: HookMemory, position: string): string {
  const at = shifted(position, offset);
  switch (dtype) {
    case "f32":
      return `bitcast<f32>(${binding}[${at}])`;
    case "i32":
      return `f32(bitcast<i32>(${binding}[${at}]))`;
    case "u8":
      return `f32((${binding}[${at} >> 2u] >> ((${at} & 3u) * 8u)) & 255u)`;
  }
}

function shifted(position: string, offset: number): string {
  return offset === 0 ? position : `(${position} + ${u32Literal(offset)})`;
}

function mapExpression(terms: readonly IndexTerm[], offset: number, index: string): string {
  const parts = terms.map(({ div, mod, mul }) => {
    let part = index;
    if (div !== 1) part = `(${part} / ${u32Literal(div)})`;
    if (mod !== 0) part = `(${part} % ${u32Literal(mod)})`;
    // A negative stride (a flipped view) wraps around, as u32 arithmetic does on every device.
    return mul === 1 ? part : `${part} * ${u32Literal(mul >>> 0)}`;
  });
  if (offset !== 0 || parts.length === 0) parts.push(u32Literal(offset >>> 0));
  return parts.join(" + ");
}

/** A number that is read both as a float and as an integer has a slot for each. */
export function slotOf(name: string, dtype: StepScalar["dtype"], scalars: readonly StepScalar[]): number {
  const slot = scalars.findIndex((scalar) => scalar.name === name && scalar.dtype === dtype);
  if (slot < 0) throw new Error(`the program has no step scalar "${name}" as ${dtype}`);
  return slot;
}

/** How a number is read: as the float that it is, where it is not only there as an integer. */
export function readAs(name: string, scalars: readonly StepScalar[]): StepScalar["dtype"] {
  return scalars.some((scalar) => scalar.name === name && scalar.dtype === "f32") ? "f32" : "u32";
}

function stepWord(name: string, dtype: StepScalar["dtype"], scalars: readonly StepScalar[]): string {
  const slot = slotOf(name, dtype, scalars);
  return `step[${Math.floor(slot / 4)}].${"xyzw"[slot % 4]}`;
}

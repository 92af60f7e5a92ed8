/**
 * Numbers: sizes, offsets and factors that a shader reads at run time, from a uniform of its launch, instead of having
 * them as constants. Launches that differ in nothing else have one shader, and share its pipeline.
 */
import { ALIGNMENT } from "../../../program.ts";
import { NUMBERS_BINDING } from "../../kernel.ts";
import { tokensOf } from "../print.ts";
import { type Module, readModule, type Tokens, tokenize } from "../read.ts";
import { constantsOf, f32Literal, u32Literal } from "./constants.ts";
import { evaluate } from "./evaluate.ts";

/** A number that a shader reads at run time. */
export interface LaunchNumber {
  /** Member of the uniform `numbers` in the shader. */
  readonly name: string;
  readonly type: "u32" | "f32";
  readonly value: number;
}

/** Collects the numbers of a launch, in the order in which its shader first names them. */
export class Numbers {
  constructor(
    readonly list: LaunchNumber[] = [],
    /** Ends the names of numbers of one part of a launch. */
    readonly suffix = "",
  ) {}

  /** The same list, for one part of a launch. */
  ofPart(part: number): Numbers {
    return new Numbers(this.list, `_${part}`);
  }

  /** The WGSL that reads the number of that name. */
  read(name: string, type: LaunchNumber["type"], value: number): string {
    // Refuses what is no such number, as for a constant.
    type === "u32" ? u32Literal(value) : f32Literal(value);
    const full = name + this.suffix;
    const known = this.list.find((number) => number.name === full);
    if (!known) this.list.push({ name: full, type, value });
    else if (known.value !== value) throw new Error(`number ${full} is ${known.value} and ${value}`);
    return `numbers.${full}`;
  }

  /** As {@link read} for a position in memory, of which compilers still see a power of two that divides it. */
  readPosition(name: string, value: number): string {
    let unit = 1;
    while (unit < ALIGNMENT && value % (unit * 2) === 0) unit *= 2;
    const read = this.read(name, "u32", value / unit);
    return unit === 1 ? read : `${read} * ${unit}u`;
  }

  /** A name of its own: the kind and a counter. */
  next(kind: string): string {
    const count = this.list.filter(
      ({ name }) =>
        name.startsWith(kind) && name.endsWith(this.suffix) && /^\d/.test(name.slice(kind.length)),
    ).length;
    return `${kind}${count}`;
  }
}

/** Operators of quotients and conditions. */
const BY_HOST: ReadonlySet<string> = new Set(["/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "!"]);

/**
 * The module with reads of numbers in the place of constants, and of constants that are computed from such: each function
 * begins with those that it uses, so that nothing is read anew in a loop. Quotients are numbers of their own, because
 * devices divide slowly. Conditions stay constants: whether a size is a multiple of another decides about checks.
 */
export function withNumbers(
  module: Module,
  reads: Readonly<Record<string, string>>,
  numbers: Numbers,
): Module {
  const constants = constantsOf(module);
  const values = new Map<string, Tokens>();
  const conditions = new Map<string, Tokens>();
  for (const [name, read] of Object.entries(reads)) values.set(name, tokenize(read));
  for (let before = -1; before < values.size + conditions.size; ) {
    before = values.size + conditions.size;
    for (const [name, value] of constants) {
      if (values.has(name) || conditions.has(name) || !value.some((token) => values.has(token))) continue;
      const result = value.some((token) => BY_HOST.has(token)) ? evaluate(value, constants) : undefined;
      if (typeof result === "boolean") conditions.set(name, [`${result}`]);
      else if (result === undefined || value.includes("select")) values.set(name, value);
      else values.set(name, tokenize(numbers.read(name, "u32", result)));
    }
  }
  return module
    .map((one) =>
      one.kind === "const" && conditions.has(one.name)
        ? { ...one, value: conditions.get(one.name) as Tokens }
        : one,
    )
    .filter((one) => one.kind !== "const" || !values.has(one.name))
    .map((one) => {
      const uses = tokensOf(one).filter((token) => values.has(token)).length;
      if (uses === 0) return one;
      // What shapes memory and workgroups must be known when the shader is compiled.
      if (one.kind !== "fn" || uses > one.body.filter((token) => values.has(token)).length)
        throw new Error(
          `a number that is read at run time cannot shape ${"name" in one ? one.name : one.kind}`,
        );
      return { ...one, body: beginningWith(values, one.body) };
    });
}

/** The body of a function, behind declarations of those values that it uses. */
function beginningWith(values: ReadonlyMap<string, Tokens>, body: Tokens): Tokens {
  const declared = new Map<string, Tokens>();
  const declare = (tokens: Tokens) =>
    tokens.forEach((token, i) => {
      const value = tokens[i - 1] === "." ? undefined : values.get(token);
      if (!value || declared.has(token)) return;
      declare(value);
      declared.set(token, ["let", token, "=", ...value, ";"]);
    });
  declare(body);
  return [...[...declared.values()].flat(), ...withoutLocalConstants(body, [...declared.keys()])];
}

/** Constants of a function become values where they depend on such. */
function withoutLocalConstants(body: Tokens, names: readonly string[]): Tokens {
  const values = new Set(names);
  return body.map((token, i) => {
    if (token !== "const") return token;
    const value = body.slice(i + 3, body.indexOf(";", i));
    if (!value.some((other) => values.has(other))) return token;
    values.add(body[i + 1]);
    return "let";
  });
}

/** Those numbers that the module reads. */
export function numbersRead(module: Module, { list }: Numbers): LaunchNumber[] {
  const read = new Set<string>();
  for (const one of module) {
    if (one.kind !== "fn") continue;
    one.body.forEach((token, i) => {
      if (token === "numbers") read.add(one.body[i + 2]);
    });
  }
  return list.filter(({ name }) => read.has(name));
}

/** The module with the uniform of its numbers, if it reads any. */
export function withNumberMemory(module: Module, numbers: readonly LaunchNumber[]): Module {
  if (numbers.length === 0) return module;
  const first = module.findIndex(({ kind }) => kind === "fn" || kind === "var");
  const members = numbers.map(({ name, type }) => `${name}: ${type}`).join(", ");
  const memory = readModule(
    `struct Numbers { ${members} }
    @group(1) @binding(${NUMBERS_BINDING}) var<uniform> numbers: Numbers;`,
  );
  return [...module.slice(0, first), ...memory, ...module.slice(first)];
}

/** The contents of that uniform: a word each. */
export function numberWords(numbers: readonly LaunchNumber[]): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(numbers.length);
  const floats = new Float32Array(words.buffer);
  numbers.forEach(({ type, value }, i) => {
    if (type === "u32") words[i] = value;
    else floats[i] = value;
  });
  return words;
}

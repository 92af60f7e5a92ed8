import type { Module, Tokens } from "../read.ts";

/**
 * The module with new values of constants. A constant for the host only, such as the grid's batch, has no line in the
 * shader.
 */
export function withConstants(module: Module, values: Readonly<Record<string, string>>): Module {
  return module.map((one) =>
    one.kind === "const" && one.name in values ? { ...one, value: [values[one.name]] } : one,
  );
}

/** The values of a module's constants, by name. */
export function constantsOf(module: Module): ReadonlyMap<string, Tokens> {
  return new Map(module.flatMap((one) => (one.kind === "const" ? [[one.name, one.value] as const] : [])));
}

const LARGEST_F32 = (2 - 2 ** -23) * 2 ** 127;

export function u32Literal(value: number): string {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) throw new Error(`${value} is no u32`);
  return `${value}u`;
}

/**
 * Prints all digits: WGSL computes constant expressions in 64 bits and rounds the result, so that 1 − 0.999 is 0.001.
 * With 0.999 rounded to 32 bits, the result would be 0.00099998713, and Adam's second moment too small by that factor.
 */
export function f32Literal(value: number): string {
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded)) throw new Error(`${value} cannot be written in WGSL: it is no finite f32`);
  const text = String(rounded === 0 || Math.abs(value) > LARGEST_F32 ? rounded : value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

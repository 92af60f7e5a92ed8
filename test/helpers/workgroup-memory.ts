/** Workgroup memory that a shader takes, by its text. */
import { readModule, type Tokens } from "../../src/kernels/wgsl/read.ts";

const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  f32: 4,
  u32: 4,
  "atomic⟨u32⟩": 4,
  "vec2⟨f32⟩": 8,
  "vec4⟨f32⟩": 16,
};

/**
 * Bytes of a module's variables in workgroup memory: arrays whose sizes are expressions of its constants.
 * @throws Error where a variable is something else
 */
export function workgroupMemory(code: string): number {
  const module = readModule(code);
  const constants = new Map(
    module.flatMap((one) => (one.kind === "const" ? [[one.name, one.value] as const] : [])),
  );
  return module
    .flatMap((one) => (one.kind === "var" && one.space.join() === "workgroup" ? [one] : []))
    .reduce((sum, { name, type }) => {
      const comma = type.indexOf(",");
      const bytes = ELEMENT_BYTES[type.slice(2, comma).join("")];
      const count = evaluated(type.slice(comma + 1, -1), constants);
      if (type[0] !== "array" || !(bytes * count > 0)) {
        throw new Error(`${name}: ${type.join(" ")} is no array of known elements, of some number of them`);
      }
      return sum + bytes * count;
    }, 0);
}

/** The number that an expression of the constants stands for. Whole numbers are divided as WGSL does. */
function evaluated(expression: Tokens, constants: ReadonlyMap<string, Tokens>): number {
  const written = (tokens: Tokens): string =>
    tokens
      .map((token) => {
        const value = constants.get(token);
        return value ? `(${written(value)})` : token.replace(/^(\d+)u?$/, "$1n");
      })
      .join(" ");
  const functions = `
    const min = (a, b) => (a < b ? a : b);
    const max = (a, b) => (a > b ? a : b);
    const select = (no, yes, condition) => (condition ? yes : no);`;
  return Number(new Function(`${functions} return ${written(expression)};`)());
}

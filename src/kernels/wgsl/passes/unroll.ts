import { closingOf, type Module, type Tokens } from "../read.ts";

/**
 * Unrolls loops up to a constant TILE_…, or a fraction of it, or over the lanes that share loads (`for (var i = 0u; i <
 * TILE_M; i++)`): the block that an invocation keeps in registers. Most compilers unroll them; the others keep the
 * block in memory, and take several times as long.
 */
export function unrolled(module: Module, constants: Readonly<Record<string, number>>): Module {
  return module.map((one) =>
    one.kind === "fn" && one.body.includes("for") ? { ...one, body: unroll(one.body, constants) } : one,
  );
}

function unroll(tokens: Tokens, constants: Readonly<Record<string, number>>): string[] {
  const result: string[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const loop = tokens[at] === "for" ? tileLoop(tokens, at) : undefined;
    if (!loop) {
      result.push(tokens[at]);
      continue;
    }
    const end = closingOf(tokens, loop.opening);
    const body = unroll(tokens.slice(loop.opening + 1, end), constants);
    const count = evaluate(loop.bound, constants);
    for (let i = 0; i < count; i++) {
      result.push("{");
      for (let j = 0; j < body.length; j++)
        result.push(body[j] === loop.counter && body[j - 1] !== "." ? `${i}u` : body[j]);
      result.push("}");
    }
    at = end;
  }
  return result;
}

/** The loop at `at`, if it is to be unrolled: its counter, its bound, and the start of its body. */
function tileLoop(tokens: Tokens, at: number) {
  const counter = tokens[at + 3];
  const opening = closingOf(tokens, at + 1) + 1;
  const bound = tokens.slice(at + 9, opening - 4);
  const form = ["for", "(", "var", counter, "=", "0u", ";", counter, "<", ...bound, ";", counter, "++", ")"];
  const isTile = bound[0]?.startsWith("TILE_") || bound.join() === "LANES";
  return isTile && form.every((token, i) => tokens[at + i] === token)
    ? { counter, bound, opening }
    : undefined;
}

/** A product or quotient of constants and numbers, such as `TILE_M / LANES`. */
function evaluate(bound: Tokens, constants: Readonly<Record<string, number>>): number {
  const value = (term: string) => constants[term] ?? Number.parseInt(term, 10);
  let result = value(bound[0]);
  for (let i = 1; i < bound.length; i += 2) {
    const factor = value(bound[i + 1]);
    result = bound[i] === "*" ? result * factor : bound[i] === "/" ? Math.floor(result / factor) : Number.NaN;
  }
  if (!Number.isSafeInteger(result))
    throw new Error(`the bound "${bound.join(" ")}" of an unrolled loop is no number`);
  return result;
}

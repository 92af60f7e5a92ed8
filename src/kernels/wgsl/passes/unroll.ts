import { closingOf, type Module, type Tokens } from "../read.ts";
import { constantsOf } from "./constants.ts";
import { evaluate } from "./evaluate.ts";

/**
 * Unrolls loops up to a constant TILE_…, or an expression that begins with one, or over the lanes that share loads (`for (var i = 0u; i <
 * TILE_M; i++)`): the block that an invocation keeps in registers. Most compilers unroll them; the others keep the
 * block in memory, and take several times as long.
 */
export function unrolled(module: Module): Module {
  const values = constantsOf(module);
  return module.map((one) =>
    one.kind === "fn" && one.body.includes("for") ? { ...one, body: unroll(one.body, values) } : one,
  );
}

/** Values of the module's constants, as tokens. */
type Values = ReadonlyMap<string, Tokens>;

function unroll(tokens: Tokens, values: Values): string[] {
  const result: string[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const loop = tokens[at] === "for" ? tileLoop(tokens, at) : undefined;
    if (!loop) {
      result.push(tokens[at]);
      continue;
    }
    const end = closingOf(tokens, loop.opening);
    const body = unroll(tokens.slice(loop.opening + 1, end), values);
    const count = Number(evaluate(loop.bound, values));
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

import { closingOf, type Module, type Tokens } from "../read.ts";

/**
 * Unrolls loops up to a constant TILE_…, or an expression that begins with one, or over the lanes that share loads (`for (var i = 0u; i <
 * TILE_M; i++)`): the block that an invocation keeps in registers. Most compilers unroll them; the others keep the
 * block in memory, and take several times as long.
 */
export function unrolled(module: Module): Module {
  const values = new Map(
    module.flatMap((one) => (one.kind === "const" ? [[one.name, one.value] as const] : [])),
  );
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
    const count = evaluate(loop.bound, values);
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

/** The number that an expression of the module's constants stands for: `TILE_M / LANES`, `min(SLICES, 4u)`. */
function evaluate(expression: Tokens, values: Values): number {
  let at = 0;
  const take = (token: string) => (expression[at++] === token ? 0 : Number.NaN);
  const factor = (): number => {
    const token = expression[at++];
    if (/^\d+u?$/.test(token)) return Number.parseInt(token, 10);
    if (token === "(") return sum() + take(")");
    if (token === "min" || token === "max") {
      const [, first, , second] = [take("("), sum(), take(","), sum() + take(")")];
      return token === "min" ? Math.min(first, second) : Math.max(first, second);
    }
    const value = values.get(token);
    return value ? evaluate(value, values) : Number.NaN;
  };
  const product = (): number => {
    let result = factor();
    while (expression[at] === "*" || expression[at] === "/") {
      const isProduct = expression[at++] === "*";
      result = isProduct ? result * factor() : Math.floor(result / factor());
    }
    return result;
  };
  const sum = (): number => {
    let result = product();
    while (expression[at] === "+" || expression[at] === "-")
      result += expression[at++] === "+" ? product() : -product();
    return result;
  };
  const result = sum();
  if (at < expression.length || !Number.isSafeInteger(result))
    throw new Error(`the bound "${expression.join(" ")}" of an unrolled loop is no number`);
  return result;
}

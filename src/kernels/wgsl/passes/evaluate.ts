/** Values of expressions of constants, as compilers find them. */
import type { Tokens } from "../read.ts";

type Result = number | boolean;

/** Operators from the loosest binding to the tightest; all group from the left. */
const LEVELS: readonly Readonly<Record<string, (a: number, b: number) => Result>>[] = [
  { "||": (a, b) => a + b > 0 },
  { "&&": (a, b) => a * b > 0 },
  {
    "==": (a, b) => a === b,
    "!=": (a, b) => a !== b,
    "<": (a, b) => a < b,
    "<=": (a, b) => a <= b,
    ">": (a, b) => a > b,
    ">=": (a, b) => a >= b,
  },
  { "+": (a, b) => a + b, "-": (a, b) => a - b },
  { "*": (a, b) => a * b, "/": (a, b) => Math.floor(a / b), "%": (a, b) => a % b },
];

const FUNCTIONS: Readonly<Record<string, (...args: readonly Result[]) => Result>> = {
  min: (a, b) => Math.min(Number(a), Number(b)),
  max: (a, b) => Math.max(Number(a), Number(b)),
  select: (no, yes, condition) => (condition ? yes : no),
};

/**
 * The u32 or bool that an expression stands for, such as `TILE_M / LANES`, or `M % BLOCK_M == 0u`.
 * @param values the module's constants
 * @throws Error where it has something else, or none
 */
export function evaluate(expression: Tokens, values: ReadonlyMap<string, Tokens>): Result {
  let at = 0;
  const unknown = () => new Error(`"${expression.join(" ")}" is no number of the module's constants`);
  const operand = (): Result => {
    const token = expression[at++];
    if (token === "!") return !operand();
    if (token === "true" || token === "false") return token === "true";
    if (/^\d+u?$/.test(token)) return Number.parseInt(token, 10);
    if (token === "(" || (token in FUNCTIONS && expression[at] === "(")) {
      if (token !== "(") at++;
      const args = [operation(0)];
      while (expression[at] === ",") {
        at++;
        args.push(operation(0));
      }
      if (expression[at++] !== ")") throw unknown();
      return token === "(" ? args[0] : FUNCTIONS[token](...args);
    }
    const value = values.get(token);
    if (!value) throw unknown();
    return evaluate(value, values);
  };
  const operation = (level: number): Result => {
    const operators = LEVELS[level];
    if (!operators) return operand();
    let result = operation(level + 1);
    while (Object.hasOwn(operators, expression[at] ?? "")) {
      const operator = operators[expression[at++]];
      result = operator(Number(result), Number(operation(level + 1)));
    }
    return result;
  };
  const result = operation(0);
  if (at < expression.length || !Number.isSafeInteger(Number(result))) throw unknown();
  return result;
}

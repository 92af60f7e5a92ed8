/** Shared parts of the optimizers' rules: options by name, and moving averages. */
import { checkOptions } from "../../checks.ts";
import { add, mul } from "../graph/ops/scalar.ts";
import type { Tensor } from "../graph/tensor.ts";
import { INFINITE, inRange, type OptimizerOptions, SHARED_OPTIONS } from "./optimizer.ts";

/** A setting's default and range, low ≤ value < high; or the default of a boolean. */
type Setting = readonly [usual: number, low: number, high: number] | boolean;
type Settled<Kinds> = { [Name in keyof Kinds]: Kinds[Name] extends boolean ? boolean : number };

/** From 0 up to, not including, 1. */
export const fraction = (usual: number) => [usual, 0, 1] as const;
export const from0 = (usual: number) => [usual, 0, INFINITE] as const;

/**
 * An optimizer's own options, checked; the caller checks `others`.
 * @throws TypeError or RangeError naming the option
 */
export function settingsOf<const Kinds extends Readonly<Record<string, Setting>>>(
  owner: string,
  options: object,
  kinds: Kinds,
  others: Readonly<Record<string, "array" | "any">> = {},
): Settled<Kinds> {
  const own = Object.entries(kinds).map(([name, kind]) => [
    name,
    typeof kind === "boolean" ? "boolean" : "number",
  ]);
  checkOptions<OptimizerOptions>(owner, options, {
    ...SHARED_OPTIONS,
    ...Object.fromEntries(own),
    ...others,
  });
  const given = options as Readonly<Record<string, number | boolean | undefined>>;
  const settled = Object.entries(kinds).map(([name, kind]) => {
    if (typeof kind === "boolean") return [name, given[name] ?? kind];
    const [usual, low, high] = kind;
    const value = Number(given[name] ?? usual);
    inRange(owner, name, value, low, high);
    return [name, value];
  });
  return Object.fromEntries(settled) as Settled<Kinds>;
}

/** The options shared by all optimizers, with the defaults of one. */
export function sharedOf(options: OptimizerOptions, rate: number, decay = 0): OptimizerOptions {
  const { learningRate, lr, weightDecay = decay, decayBiases = false, groups = [] } = options;
  const rates = lr === undefined ? { learningRate: learningRate ?? rate } : { learningRate, lr };
  return { ...rates, weightDecay, decayBiases, groups };
}

/** β · average + (1 - β) · value. */
export function moving(beta: number, average: Tensor, value: Tensor): Tensor {
  return add(mul(beta, average), mul(1 - beta, value));
}

/** β · average + (1 − β) · value². */
export function movingSquare(beta: number, average: Tensor, value: Tensor): Tensor {
  return add(mul(beta, average), mul(mul(1 - beta, value), value));
}

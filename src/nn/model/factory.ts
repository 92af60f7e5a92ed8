/** Functions that create a layer or a loss, and that stand without a call for the one with defaults. */
import { Tensor } from "../graph/tensor.ts";

/** The key under which a function holds its creation by default. */
const UNCALLED = Symbol("uncalled");

/** A function that may stand without a call: `sequential(dense(8), relu)` is `sequential(dense(8), relu())`. */
export interface Uncalled<Made> {
  readonly [UNCALLED]: () => Made;
}

/** A function that creates a layer or a loss, and may stand without a call. */
export type Factory<Made, Arguments extends readonly unknown[] = readonly never[]> = ((
  ...args: Arguments
) => Made) &
  Uncalled<Made>;

/** `make`, which refuses tensors and may stand without a call; `op` shows the operands of the op of that name. */
export function factory<Made, Arguments extends readonly unknown[]>(
  name: string,
  make: (...args: Arguments) => Made,
  kind: "layer" | "loss",
  op: string,
): Factory<Made, Arguments> {
  const called = (...args: Arguments): Made => {
    refuseTensor(name, args[0], kind, op);
    return make(...args);
  };
  // Messages show this name where the function stands without a call.
  return Object.defineProperty(Object.assign(called, { [UNCALLED]: make }), "name", { value: name });
}

/** @throws TypeError where `given` is a tensor: a layer and the op of its name are two functions */
export function refuseTensor(name: string, given: unknown, kind: "layer" | "loss", op: string): void {
  if (given instanceof Tensor)
    throw new TypeError(`${name}: got a tensor; ${name}() is a ${kind}; write ops.${name}(${op})`);
}

/** The layer or loss of a function without a call; other values unchanged. */
export function resolveUncalled<Made, Own>(value: Made | Own | Uncalled<Made>): Made | Own {
  const makes = (value as Partial<Uncalled<Made>> | null | undefined)?.[UNCALLED];
  return makes ? makes() : (value as Made | Own);
}

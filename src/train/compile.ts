/** Functions of traced tensors, compiled: for computations without a model. */
import { inWords, isPromise } from "../checks.ts";
import type { Tensor } from "../nn/graph/tensor.ts";
import type { StepOutputs } from "../nn/training/step.ts";
import type { Elements, Program } from "../program.ts";
import type { Engine, Outputs } from "../runtime/engine.ts";
import { checkEngine } from "./arguments.ts";
import { createTrainer, type InputSpec } from "./trainer.ts";

/** A compiled function: called with the inputs' elements, it gives the outputs'. */
export interface Compiled {
  (inputs: Readonly<Record<string, Elements>>): Promise<Outputs>;
  readonly program: Program;
  release(): void;
}

/**
 * Compiles `body`, which is called once with traced tensors and returns those to be computed.
 * `compile(gpu, { a: [2, 3], b: [3, 4] }, ({ a, b }) => ({ c: matmul(a, b) }))`
 */
export async function compile<const Inputs extends Record<string, InputSpec>>(
  engine: Engine,
  inputs: Inputs,
  body: (inputs: { [K in keyof Inputs]: Tensor }) => StepOutputs,
): Promise<Compiled> {
  checkEngine("compile", engine);
  if (typeof inputs !== "object" || inputs === null || Array.isArray(inputs) || isPromise(inputs)) {
    throw new TypeError(`compile: the inputs are ${inWords(inputs)}; give a shape by name: { a: [2, 3] }`);
  }
  if (typeof body !== "function")
    throw new TypeError(`compile: the body is ${inWords(body)}; give a function of the inputs`);
  const nothing = createTrainer(engine, (x) => x, { inputShape: [1] });
  const step = await nothing.compile((sources) => body(sources), {
    name: "function",
    inputs,
    training: false,
    // A function is what it is for every number.
    nonFinite: "allow",
  });
  const call = (values: Readonly<Record<string, Elements>>) => step.run(values);
  return Object.assign(call, { program: step.program, release: () => step.release() });
}

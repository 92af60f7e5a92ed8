/** Compiles functions of traced tensors, for computations without a model. */

import { checkOptions, checkWhole, inWords, isPromise } from "../checks.ts";
import type { Elements } from "../dtypes.ts";
import type { Tensor } from "../nn/graph/tensor.ts";
import { ArenaLayout } from "../nn/model/layout.ts";
import type { Layer } from "../nn/model/model.ts";
import type { StepOutputs } from "../nn/training/step.ts";
import type { Program } from "../program.ts";
import type { Engine, EngineBuffer, Outputs } from "../runtime/engine.ts";
import { checkEngine } from "./arguments.ts";
import type { CompiledStep, StepScalars } from "./compiledStep.ts";
import { compileStep, type InputSpec, type StepOwner } from "./compileStep.ts";
import type { NonFinite } from "./finite.ts";

export interface FunctionOptions {
  /** Name for error messages and `describe` (default "function"). */
  readonly name?: string;
  /** Resident memory for data sources, by name. */
  readonly data?: Readonly<Record<string, EngineBuffer>>;
  /** Most steps of one run (default 1). */
  readonly maxSteps?: number;
  /** Seed of random numbers (default 0). */
  readonly seed?: number;
  /** Whether inputs may hold NaN and infinities (default "allow"). */
  readonly nonFinite?: NonFinite;
  /** Aborts the compilation; the signal's reason is the error. Runs of the function are not affected. */
  readonly signal?: AbortSignal;
}

/** A compiled function: takes the inputs' elements and step scalars, and returns the outputs' elements. */
export interface Compiled extends Disposable {
  (inputs?: Readonly<Record<string, Elements>>, scalars?: StepScalars): Promise<Outputs>;
  /** The step behind the function: `write` sets inputs, `runMany` runs many steps in one submit, `profile` measures. */
  readonly step: CompiledStep;
  readonly program: Program;
  /** Frees the function's memory on the engine. */
  release(): void;
}

/** The model of a function without one. */
const identity: Layer = { name: "none", apply: (x) => x };

/** The owner of a function's step: an engine without model memory. */
function ownerOf(engine: Engine, seed: number): StepOwner {
  const nothing = { layout: new ArenaLayout([]), statistics: new ArenaLayout([]), memory: {} };
  return { engine, seed, model: identity, ...nothing, steps: 0, checkValues() {} };
}

/**
 * Compiles `body`, which is called once with traced tensors and returns the tensors to compute.
 * `compile(gpu, { a: [2, 3], b: [3, 4] }, ({ a, b }) => ({ c: ops.matmul(a, b) }))`
 * @throws RangeError where an option is out of range
 * @throws TypeError where an argument is of another kind, or an option is unknown; ShapeError where an op in `body`
 *   refuses its input; EngineError and MemoryLimitError as `Engine.compile`; the signal's reason
 */
export async function compile<const Inputs extends Record<string, InputSpec>>(
  engine: Engine,
  inputs: Inputs,
  body: (inputs: { [K in keyof Inputs]: Tensor }) => StepOutputs,
  options: FunctionOptions = {},
): Promise<Compiled> {
  checkEngine("compile", engine);
  if (typeof inputs !== "object" || inputs === null || Array.isArray(inputs) || isPromise(inputs)) {
    throw new TypeError(`compile: the inputs are ${inWords(inputs)}; give a shape by name: { a: [2, 3] }`);
  }
  if (typeof body !== "function")
    throw new TypeError(`compile: the body is ${inWords(body)}; give a function of the inputs`);
  checkOptions("compile", options, {
    name: "string",
    data: "any",
    maxSteps: "number",
    seed: "number",
    nonFinite: "string",
    signal: "any",
  });
  const { name = "function", seed = 0, nonFinite = "allow", ...others } = options;
  checkWhole("compile: seed", seed, 0);
  const step = await compileStep(ownerOf(engine, seed), (sources) => body(sources), {
    name,
    inputs,
    training: false,
    nonFinite,
    ...others,
  });
  const release = () => step.release();
  const call: Compiled["step"]["run"] = (values, scalars) => step.run(values, scalars);
  return Object.assign(call, { step, program: step.program, release, [Symbol.dispose]: release });
}

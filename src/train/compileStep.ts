/** Compiles a function of traced tensors to a step on an engine, with or without a model. */

import { checkSignal, unlessAborted } from "../abort.ts";
import { checkOptions, checkWhole, inWords, type OptionKinds } from "../checks.ts";
import type { DType } from "../dtypes.ts";
import { inputSource } from "../nn/graph/ops/source.ts";
import type { Tensor } from "../nn/graph/tensor.ts";
import type { ModelLayout } from "../nn/model/layout.ts";
import type { Layer } from "../nn/model/model.ts";
import type { Optimizer } from "../nn/training/optimizer.ts";
import { buildStep, type ModelCall, type StepOutputs, type TrainingOptions } from "../nn/training/step.ts";
import { OPTIMIZER_SCALAR, type Program, type Shape, USER_SCALAR } from "../program.ts";
import type { Engine, EngineBuffer } from "../runtime/engine.ts";
import type { CompiledStep } from "./compiledStep.ts";
import { checkNonFinite, type NonFinite } from "./finite.ts";
import type { Arena } from "./memory.ts";

/** An input of a step: its shape, and its element type where not f32. */
export type InputSpec = Shape | { readonly shape: Shape; readonly dtype: DType };

export interface CompileStepOptions<Inputs extends Record<string, InputSpec>> extends TrainingOptions {
  /** Name for error messages and `describe`. */
  readonly name?: string;
  readonly inputs?: Inputs;
  /**
   * Whether layers behave as in training (default true): dropout drops, batch normalisation uses the batch's
   * statistics.
   */
  readonly training?: boolean;
  /** Resident memory for the step's data sources, by name. */
  readonly data?: Readonly<Record<string, EngineBuffer>>;
  /**
   * Most steps of one run (default 1), or a function of the program that returns it: the outputs of all steps of a run
   * take memory.
   */
  readonly maxSteps?: number | ((program: Program) => number);
  /** Whether inputs may hold NaN and infinities (default "refuse": they would spread to all later numbers). */
  readonly nonFinite?: NonFinite;
  /** Aborts the compilation; the signal's reason is the error. Runs of the step are not affected. */
  readonly signal?: AbortSignal | undefined;
}

const COMPILE_OPTIONS: OptionKinds<CompileStepOptions<Record<string, InputSpec>>> = {
  name: "string",
  inputs: "any",
  training: "boolean",
  data: "any",
  maxSteps: "any",
  clip: "any",
  penalty: "any",
  accumulate: "number",
  guard: "string",
  nonFinite: "string",
  signal: "any",
};

/** The memory of data sets, which is the library's: no data source of a step's own reads it. */
export const columns = new WeakSet<EngineBuffer>();

/** The owner of a step: a trainer, or only an engine. */
export interface StepOwner {
  readonly engine: Engine;
  readonly seed: number;
  readonly model: Layer;
  readonly layout: ModelLayout["parameters"];
  readonly statistics: ModelLayout["statistics"];
  readonly optimizer?: Optimizer | undefined;
  /** Buffers on the engine, by name. */
  readonly memory: Readonly<Record<string, EngineBuffer>>;
  /** What of it takes memory on first use. */
  readonly pending?: readonly Arena[];
  /** Number of training steps so far. */
  steps: number;
  /** @throws Error where a statistic has no value yet */
  checkValues(name: string): void;
}

/** A function of traced tensors, and how it becomes a step. */
export type StepBody<Inputs extends Record<string, InputSpec>> = (
  inputs: { [K in keyof Inputs]: Tensor },
  model: ModelCall,
  part: number,
) => StepOutputs;

/**
 * Compiles a step. `body` is called once for each part of a batch, with traced inputs and the owner's model.
 * @throws RangeError where an option is out of range
 * @throws TypeError where `body` is no function, or returns no tensors; the signal's reason
 */
export async function compileStep<const Inputs extends Record<string, InputSpec>>(
  owner: StepOwner,
  body: StepBody<Inputs>,
  options: CompileStepOptions<Inputs> = {},
): Promise<CompiledStep> {
  if (typeof body !== "function") {
    throw new TypeError(`compile: the step is ${inWords(body)}; give a function (inputs, model) => tensors`);
  }
  checkOptions<CompileStepOptions<Record<string, InputSpec>>>("compile", options, COMPILE_OPTIONS);
  const { name = "step", inputs = {} as Inputs, data = {}, nonFinite = "refuse", signal } = options;
  if (typeof options.maxSteps !== "function") checkWhole("compile: maxSteps", options.maxSteps ?? 1);
  checkNonFinite(name, nonFinite);
  checkSignal("compile", signal);
  signal?.throwIfAborted();
  const { program, trains, maxSteps } = await traceStep(owner, body, options);
  checkOwners(name, program, data);
  const { engine } = owner;
  const compiling = engine.room
    ? import("./needs.ts").then(({ compileWithin }) => compileWithin(owner, program, maxSteps, data))
    : engine.compile(program, { maxSteps, state: owner.memory, data });
  const [executable, { CompiledStep }] = await Promise.all([
    unlessAborted(signal, compiling, (late) => late.release()),
    import("./compiledStep.ts"),
  ]);
  return new CompiledStep(owner, executable, trains, Object.keys(inputs), nonFinite);
}

/** The program of a step, without memory. */
export async function traceStep<const Inputs extends Record<string, InputSpec>>(
  { model, layout, statistics, optimizer }: StepOwner,
  body: StepBody<Inputs>,
  options: CompileStepOptions<Inputs>,
): Promise<{ readonly program: Program; readonly trains: boolean; readonly maxSteps: number }> {
  const { name = "step", inputs = {} as Inputs, training = true, ...others } = options;
  const { maxSteps: most = 1, guard, ...how } = others;
  let trains = false;
  const trace = (model: ModelCall, part: number) => {
    const sources = Object.fromEntries(Object.entries(inputs).map(([key, spec]) => [key, traced(key, spec)]));
    const outputs = body(sources as { [K in keyof Inputs]: Tensor }, model, part);
    trains = outputs !== null && typeof outputs === "object" && "minimize" in outputs;
    return outputs;
  };
  const places = { parameters: layout, statistics };
  const request = { ...how, name, model, layout: places, optimizer, training, body: trace };
  const program =
    guard === undefined
      ? buildStep(request)
      : (await import("../nn/training/guard.ts")).buildGuarded(request, guard);
  return { program, trains, maxSteps: typeof most === "function" ? most(program) : most };
}

/** @throws Error where a name stands for a data set's and for the step's own: one would be read in place of the other */
function checkOwners(
  name: string,
  { buffers, scalars }: Program,
  data: Readonly<Record<string, EngineBuffer>>,
): void {
  for (const { kind, name: called, owner } of buffers) {
    const own = owner === "user";
    if (kind !== "data" || !Object.hasOwn(data, called) || columns.has(data[called]) !== own) continue;
    throw new Error(
      own
        ? `${name}: data "${called}" is a data set's own memory; give the step's data another name, and other memory`
        : `${name}: data "${called}" is a data set's memory, and other memory is given under the same name; give the other memory another name`,
    );
  }
  const owned = (scalar: string) => [USER_SCALAR, OPTIMIZER_SCALAR].some((owner) => scalar.startsWith(owner));
  const library = scalars.map((scalar) => scalar.name).filter((scalar) => !owned(scalar));
  const twice = library.find((scalar) => scalars.some((other) => other.name === USER_SCALAR + scalar));
  if (twice === undefined) return;
  throw new Error(
    `${name}: step scalar "${twice}" says where a data set's batch begins; give the step's own another name`,
  );
}

function traced(name: string, spec: InputSpec): Tensor {
  const { shape, dtype } = Array.isArray(spec)
    ? { shape: spec }
    : (Object(spec) as { shape?: Shape; dtype?: DType });
  if (Array.isArray(shape)) return inputSource(name, shape, dtype);
  throw new TypeError(
    `compile: input "${name}" is ${inWords(spec)}; give its shape, such as [128, 784], or { shape, dtype: "i32" }`,
  );
}

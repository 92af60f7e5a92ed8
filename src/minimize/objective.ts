/** A model's loss on fixed data as a function of all its parameters: value, gradient and Hessian products. */
import { inWords, isPromise } from "../checks.ts";
import type { Elements } from "../dtypes.ts";
import { gradients } from "../nn/graph/gradients.ts";
import { sum } from "../nn/graph/ops/reduce.ts";
import { add, mul } from "../nn/graph/ops/scalar.ts";
import { inputSource } from "../nn/graph/ops/source.ts";
import type { Tensor } from "../nn/graph/tensor.ts";
import type { ModelCall, StepOutputs } from "../nn/training/step.ts";
import { elementCount } from "../program.ts";
import type { Outputs } from "../runtime/engine.ts";
import type { CompiledStep } from "../train/compiledStep.ts";
import type { InputSpec } from "../train/compileStep.ts";
import type { Trainer } from "../train/trainer.ts";

/** A smooth function of a vector. */
export interface Objective {
  /** Number of parameters. */
  readonly size: number;
  /** The current position: all parameters. */
  position(): Promise<Float64Array>;
  /**
   * Loss and gradient at `position`.
   * @throws RangeError where `position` has the wrong length
   */
  at(position: Float64Array): Promise<{ readonly loss: number; readonly gradient: Float64Array }>;
  /** The Hessian at the last evaluated position, times `direction`; the Hessian itself is never formed. */
  hessianTimes(direction: Float64Array): Promise<Float64Array>;
  /** Frees the steps' memory on the engine. */
  release(): void;
}

const HESSIAN = "hessian of ";
const GRADIENT = "gradient of ";
const DIRECTION = "direction of ";

/**
 * The loss traced by `loss`, on fixed inputs, as a function of the trainer's parameters. Products with the Hessian are
 * exact: the gradient of gradient · direction (Pearlmutter 1994). Every evaluation brings all parameters to the host,
 * so use small models.
 * @throws TypeError where an argument is of another kind, or an input's name is reserved; further errors as
 *   `trainer.compile`
 */
export async function objective<const Inputs extends Record<string, InputSpec>>(
  trainer: Trainer,
  specs: Inputs,
  loss: (inputs: { [K in keyof Inputs]: Tensor }, model: ModelCall) => Tensor,
  values: Readonly<Record<keyof Inputs, Elements>>,
): Promise<Objective> {
  if (typeof trainer?.compile !== "function")
    throw new TypeError(`objective: the trainer is ${inWords(trainer)}; give one of createTrainer(…)`);
  if (typeof loss !== "function")
    throw new TypeError(`objective: the loss is ${inWords(loss)}; give a function (inputs, model) => tensor`);
  for (const [what, given] of Object.entries({ inputs: specs, values })) {
    if (typeof given === "object" && given !== null && !isPromise(given)) continue;
    throw new TypeError(`objective: the ${what} are ${inWords(given)}; give an object, by name`);
  }
  const taken = Object.keys(specs).find((name) => name.startsWith(DIRECTION));
  if (taken !== undefined)
    throw new TypeError(`objective: the name "${taken}" is reserved; give the input another name`);
  const first = await trainer.compile(
    (inputs: { [K in keyof Inputs]: Tensor }, model) => firstOrder(loss(inputs, model), model),
    { name: "objective", inputs: specs, training: false },
  );
  const made = [first];
  try {
    const second = await trainer.compile(
      (inputs: { [K in keyof Inputs]: Tensor }, model) => secondOrder(loss(inputs, model), model),
      { name: "hessian product", inputs: specs, training: false },
    );
    made.push(second);
    for (const step of made) step.write(values);
    return new ModelObjective(trainer, first, second);
  } catch (error) {
    for (const step of made) step.release();
    throw error;
  }
}

function firstOrder(loss: Tensor, { parameters }: ModelCall): StepOutputs {
  const found = gradients(loss, [...parameters.values()]);
  const named = [...parameters.keys()].map((name, i) => [GRADIENT + name, found[i]] as const);
  return { loss, ...Object.fromEntries(named) };
}

function secondOrder(loss: Tensor, { parameters }: ModelCall): StepOutputs {
  const tensors = [...parameters.values()];
  const found = gradients(loss, tensors);
  const directions = [...parameters].map(([name, { shape }]) => inputSource(DIRECTION + name, shape));
  const slope = found.map((gradient, i) => sum(mul(gradient, directions[i]))).reduce((a, b) => add(a, b));
  const products = gradients(slope, tensors);
  return Object.fromEntries([...parameters.keys()].map((name, i) => [HESSIAN + name, products[i]]));
}

class ModelObjective implements Objective {
  readonly size: number;
  /** Start of each parameter in the vector. */
  readonly #places: readonly { readonly name: string; readonly start: number; readonly length: number }[];

  constructor(
    readonly trainer: Trainer,
    readonly first: CompiledStep,
    readonly second: CompiledStep,
  ) {
    let size = 0;
    this.#places = trainer.layout.specs.map(({ name, shape }) => {
      const place = { name, start: size, length: elementCount(shape) };
      size += place.length;
      return place;
    });
    this.size = size;
  }

  async position(): Promise<Float64Array> {
    const weights = await this.trainer.weights();
    return this.#gather((name) => weights[name].data);
  }

  async at(position: Float64Array): Promise<{ loss: number; gradient: Float64Array }> {
    const { layout, memory } = this.trainer;
    if (position.length !== this.size) {
      throw new RangeError(
        `objective: the position has ${position.length} numbers; the model has ${this.size} parameters`,
      );
    }
    for (const { name, start, length } of this.#places) {
      memory.parameters.write(
        Float32Array.from(position.subarray(start, start + length)),
        layout.offset(name),
      );
    }
    const outputs = await this.first.run();
    return { loss: outputs.loss[0], gradient: this.#collect(outputs, GRADIENT) };
  }

  async hessianTimes(direction: Float64Array): Promise<Float64Array> {
    const inputs = this.#places.map(
      ({ name, start, length }) =>
        [DIRECTION + name, Float32Array.from(direction.subarray(start, start + length))] as const,
    );
    return this.#collect(await this.second.run(Object.fromEntries(inputs)), HESSIAN);
  }

  /** Gathers one vector; a parameter that the loss does not use has no output, and contributes zeros. */
  #collect(outputs: Outputs, prefix: string): Float64Array {
    return this.#gather((name) => outputs[prefix + name]);
  }

  #gather(valuesOf: (name: string) => ArrayLike<number> | undefined): Float64Array {
    const vector = new Float64Array(this.size);
    for (const { name, start } of this.#places) vector.set(valuesOf(name) ?? [], start);
    return vector;
  }

  release(): void {
    this.first.release();
    this.second.release();
  }
}

/**
 * Gradient rules against central differences.
 *
 * The output y of a function is projected on random weights w, which is also the gradient that arrives: then the
 * change of w · y along a random direction v of one input must be (gradient of that input) · v. The differences are
 * taken at two steps and extrapolated (Richardson), so that a step large enough for 32-bit floats is small enough
 * for the derivative.
 */
import { compile, type Engine, gradients, type Shape, type Tensor } from "../../src/index.ts";
import { inputSource } from "../../src/nn/graph/ops/source.ts";
import { type Sample, uniform } from "./samples.ts";

type Tensors = Readonly<Record<string, Tensor>>;

export interface DifferentiableFunction {
  /** Gradients are taken with respect to the f32 ones. */
  readonly inputs: Readonly<Record<string, Sample>>;
  readonly body: (inputs: Tensors) => Tensor;
}

/** The larger of the two steps; samples keep this far from points where a function has no derivative. */
const STEP = 0.03;
const DIRECTIONS = 2;
/** Relative error that the steps' own truncation may leave. */
const RTOL = 1e-3;
/** What rounding each y to 32 bits does to the quotient, in units of |w · y|: a few 6e-8 / STEP. */
const NOISE = 2e-5;

/**
 * @param note gets each error, relative to the gradient's size
 * @returns all that is wrong with the gradients of `fn`
 */
export async function gradientErrors(
  engine: Engine,
  fn: DifferentiableFunction,
  note: (relative: number) => void = () => {},
): Promise<string[]> {
  const { inputs, body } = fn;
  const names = differentiable(inputs);
  const w = uniform(outputShape(fn), 0.2, 1.2);
  const value = await evaluator(engine, inputs, (tensors) => ({ y: body(tensors) }));
  const gradient = await evaluator(engine, { ...inputs, arriving: w }, (tensors) => {
    const leaving = leavingThrough(fn, tensors, tensors.arriving);
    return Object.fromEntries(names.map((name, i) => [name, leaving[i]]));
  });
  const got = await gradient.call({ ...inputs, arriving: w });
  const noise = NOISE * norm((await value.call(inputs)).y, w.data);
  const errors: string[] = [];
  for (const name of names) {
    for (let trial = 0; trial < DIRECTIONS; trial++) {
      const v = uniform(inputs[name].shape);
      const at = async (step: number) => {
        const data = (inputs[name].data as Float32Array).map((x, i) => x + step * v.data[i]);
        const moved = { ...inputs, [name]: { ...inputs[name], data } };
        return dot((await value.call(moved)).y, w.data);
      };
      const quotient = async (step: number) => ((await at(step)) - (await at(-step))) / (2 * step);
      const measured = (4 * (await quotient(STEP / 2)) - (await quotient(STEP))) / 3;
      const claimed = dot(got[name], v.data);
      const tolerance = RTOL * norm(got[name], v.data) + noise;
      const difference = Math.abs(measured - claimed);
      note(difference === 0 ? 0 : difference / Math.max(norm(got[name], v.data), noise / RTOL));
      if (difference <= tolerance) continue;
      errors.push(
        `gradient of ${name}: ${claimed} along a direction, by differences ${measured} ± ${tolerance}`,
      );
    }
  }
  value.release();
  gradient.release();
  return errors;
}

/** The gradient with respect to each input, as a function of the inputs and of the gradient that arrives. */
export function gradientFunctions(fn: DifferentiableFunction): [string, DifferentiableFunction][] {
  const inputs = { ...fn.inputs, arrived: uniform(outputShape(fn), 0.2, 1.2) };
  return differentiable(fn.inputs).map((name, i) => [
    name,
    { inputs, body: (tensors: Tensors) => leavingThrough(fn, tensors, tensors.arrived)[i] },
  ]);
}

function leavingThrough(
  { inputs, body }: DifferentiableFunction,
  tensors: Tensors,
  arriving: Tensor,
): Tensor[] {
  const names = differentiable(inputs);
  return gradients(
    body(tensors),
    names.map((name) => tensors[name]),
    arriving,
  );
}

function differentiable(inputs: DifferentiableFunction["inputs"]): string[] {
  return Object.keys(inputs).filter((name) => inputs[name].dtype === "f32");
}

/** The function's inputs, traced, and its output. */
export function traced({ inputs, body }: DifferentiableFunction): Tensor {
  return body(
    Object.fromEntries(
      Object.entries(inputs).map(([name, { shape, dtype }]) => [name, inputSource(name, shape, dtype)]),
    ),
  );
}

function outputShape(fn: DifferentiableFunction): Shape {
  return traced(fn).shape;
}

/** A compiled function that takes samples, also those that its program turned out not to need. */
async function evaluator(
  engine: Engine,
  inputs: DifferentiableFunction["inputs"],
  body: (tensors: Tensors) => Tensors,
) {
  const compiled = await compile(engine, inputs as Record<string, Sample>, body);
  const needed = compiled.program.buffers.filter(({ kind }) => kind === "input").map(({ name }) => name);
  return {
    call: (samples: DifferentiableFunction["inputs"]) =>
      compiled(Object.fromEntries(needed.map((name) => [name, samples[name].data]))),
    release: compiled.release,
  };
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** The Euclidean norm of the products a[i] · b[i]: how large their sum typically is. */
function norm(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] * b[i]) ** 2;
  return Math.sqrt(sum);
}

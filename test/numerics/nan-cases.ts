/** Every op and every kernel with numbers that are none among their inputs, as programs for any engine. */

import type { Elements } from "../../src/dtypes.ts";
import type { Tensor } from "../../src/index.ts";
import { kernels } from "../../src/kernels/index.ts";
import { inputSource } from "../../src/nn/graph/ops/source.ts";

import { cpu } from "../../src/runtime/cpu.ts";
import { type DifferentiableFunction, gradientFunctions } from "../helpers/finite-differences.ts";
import { programOf } from "../helpers/graph-run.ts";
import { evaluate, isKnown } from "../helpers/interpreter.ts";
import { programRun } from "../helpers/kernel-run.ts";
import type { KernelCase } from "../kernels/cases/case.ts";
import { type ProgramRun, runProgram } from "../platforms/programs.js";
import type { Known } from "./as-pytorch.ts";

export interface NanCase {
  readonly name: string;
  readonly run: ProgramRun;
  /** What must come, by output. */
  readonly want: Readonly<Record<string, ArrayLike<number>>>;
}

/** What is put among the numbers. */
const STRANGERS = {
  NaN: [Number.NaN],
  "+∞ and -∞": [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
} as const;
type Stranger = keyof typeof STRANGERS;

/** `data` with strangers at its beginning, in its middle, and at its end. */
export function among(data: Float32Array, stranger: Stranger): Float32Array {
  const changed = data.slice();
  const places = [...new Set([0, Math.floor(data.length / 2), data.length - 1])];
  places.forEach((place, i) => {
    changed[place] = STRANGERS[stranger][i % STRANGERS[stranger].length];
  });
  return changed;
}

/** A program of one function, and its inputs' elements. */
function functionRun(y: Tensor, inputs: Readonly<Record<string, Elements>>): ProgramRun {
  const program = programOf({ outputs: { y }, assigned: [], given: {} });
  const used = program.buffers.filter(({ kind }) => kind === "input").map(({ name }) => name);
  return { program, memory: Object.fromEntries(used.map((name) => [name, inputs[name]])), steps: [{}] };
}

/** A function with strangers in the first of its inputs that has room for them. */
async function functionCase(
  name: string,
  { inputs, body }: DifferentiableFunction,
  stranger: Stranger,
): Promise<NanCase> {
  const first = Object.keys(inputs).find((input) => inputs[input].dtype === "f32");
  const data = Object.fromEntries(
    Object.entries(inputs).map(([input, sample]) => [
      input,
      input === first ? among(sample.data as Float32Array, stranger) : sample.data,
    ]),
  );
  const sources = Object.entries(inputs).map(([input, { shape, dtype }]) => [
    input,
    inputSource(input, shape, dtype),
  ]);
  const y: Tensor = body(Object.fromEntries(sources));
  const run = functionRun(y, data);
  // Naively, or, for the ops of images, by the CPU engine, whose twins the cases of kernels hold.
  const want = isKnown([y])
    ? { y: Float32Array.from(evaluate([y], data).elements.get(y) ?? []) }
    : await onCpu(run);
  return { name: `${name}, with ${stranger}`, run, want };
}

export async function onCpu(run: ProgramRun): Promise<Record<string, Elements>> {
  const engine = cpu();
  try {
    return await runProgram(engine, run);
  } finally {
    await engine.destroy();
  }
}

/** The value of a function with strangers, and its gradients with NaN. */
export async function casesOfFunction(name: string, fn: DifferentiableFunction): Promise<NanCase[]> {
  const values = await Promise.all([functionCase(name, fn, "NaN"), functionCase(name, fn, "+∞ and -∞")]);
  const slopes = gradientFunctions(fn).map(([input, slope]) =>
    functionCase(`${name}, gradient of ${input}`, slope, "NaN"),
  );
  return [...values, ...(await Promise.all(slopes))];
}

/** A function with inputs and results that are written down. */
export function knownCase(name: string, { inputs, body, want }: Known): NanCase {
  const sources = Object.entries(inputs).map(([input, { shape, dtype }]) => [
    input,
    inputSource(input, shape, dtype),
  ]);
  const data = Object.fromEntries(Object.entries(inputs).map(([input, sample]) => [input, sample.data]));
  return {
    name,
    run: functionRun(body(Object.fromEntries(sources)), data),
    want: { y: Float32Array.from(want) },
  };
}

/** Elements of a case that is worth running: neither a single number, nor many. */
const [FEWEST, MOST] = [6, 40_000];

/**
 * Memory in which NaN and infinities go further than they must: with a stride, the gradient of a convolution's input takes
 * weights that do not reach a pixel times 0, on a GPU. What such weights computed is NaN anyway.
 */
const SPREADS: Readonly<Record<string, readonly string[]>> = {
  convInputGradient: ["b"],
  convInputGradientTiled: ["b"],
  depthwiseInputGradient: ["b"],
};

/** A kernel's smallest case that has rows and columns. */
export function chosenCase(kernel: string, cases: readonly KernelCase[]): KernelCase {
  const size = ({ run: { reads, updates } }: KernelCase) =>
    Object.values({ ...reads, ...updates }).reduce((sum, { length }) => sum + length, 0);
  const portable = cases.filter(
    ({ run: { constants } }) => !kernels[kernel].shader.includes("enable subgroups") || constants.LANES === 1,
  );
  const fitting = portable.filter((one) => size(one) >= FEWEST && size(one) <= MOST);
  const [chosen] = fitting.sort((a, b) => size(a) - size(b));
  if (!chosen) throw new Error(`${kernel} has no case of ${FEWEST} to ${MOST} elements`);
  return chosen;
}

/** A kernel's smallest case that has rows and columns, with strangers in each of its floats' memory in turn. */
export async function casesOfKernel(kernel: string, cases: readonly KernelCase[]): Promise<NanCase[]> {
  const { run, name } = chosenCase(kernel, cases);
  const floats = Object.entries({ ...run.reads, ...run.updates }).filter(
    ([, data]) => data instanceof Float32Array,
  );
  const made = floats
    .filter(([buffer]) => !SPREADS[kernel]?.includes(buffer))
    .flatMap(([buffer, data]) =>
      (Object.keys(STRANGERS) as Stranger[]).map(async (stranger) => {
        const changed = { [buffer]: among(data as Float32Array, stranger) };
        const reads = buffer in (run.reads ?? {}) ? { ...run.reads, ...changed } : run.reads;
        const updates = buffer in (run.updates ?? {}) ? { ...run.updates, ...changed } : run.updates;
        const strange = programRun({ ...run, reads, updates });
        return {
          name: `${kernel}: ${name}, with ${stranger} in ${buffer}`,
          run: strange,
          want: await onCpu(strange),
        };
      }),
    );
  return Promise.all(made);
}

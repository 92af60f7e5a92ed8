/** One kernel, run alone: a program of a single dispatch, from memory to memory. */
import type { DType, Elements, Engine, Program } from "../../src/index.ts";
import type { BufferSpec, Hook, StepScalar, View } from "../../src/program.ts";
import { dtypeOf, type ProgramRun, runProgram } from "../platforms/programs.js";

export interface KernelRun {
  readonly kernel: string;
  readonly constants: Readonly<Record<string, number>>;
  /** Constants that the shader reads at run time; without them, even offsets of hooks are constants. */
  readonly numbers?: readonly string[];
  readonly hooks?: Readonly<Record<string, Hook>>;
  /** What is bound for reading: the kernel's own names, and `operand0` … */
  readonly reads?: Readonly<Record<string, Elements>>;
  /** What is updated in place, with its first values. */
  readonly updates?: Readonly<Record<string, Float32Array>>;
  /** What hooks write: `result0` …, with the number of elements. */
  readonly results?: Readonly<Record<string, { readonly length: number; readonly dtype?: DType }>>;
  /** Values of step scalars, by step. */
  readonly steps?: readonly Readonly<Record<string, number>>[];
  readonly scalars?: readonly StepScalar[];
}

/** Elements behind each result's own, which the kernel must leave alone. */
export const GUARD = 64;

/** What lies in memory after the run: all updates, and all results (a row a step) with the guard behind them. */
export function runKernel(engine: Engine, run: KernelRun): Promise<Record<string, Elements>> {
  return runProgram(engine, programRun(run));
}

/** The run as data, for engines elsewhere. */
export function programRun(run: KernelRun): ProgramRun {
  return { program: programOf(run), memory: { ...run.reads, ...run.updates }, steps: run.steps ?? [{}] };
}

function programOf({
  kernel,
  constants,
  numbers,
  hooks = {},
  reads = {},
  updates = {},
  results = {},
  scalars = [],
}: KernelRun): Program {
  const buffers: BufferSpec[] = [
    ...Object.entries(reads).map(([name, data]) => spec(name, "data", dtypeOf(data), data.length)),
    ...Object.entries(updates).map(([name, data]) => spec(name, "state", dtypeOf(data), data.length)),
    ...Object.entries(results).map(([name, { length, dtype = "f32" }]) =>
      spec(name, "output", dtype, length + GUARD),
    ),
  ];
  const views: [string, View][] = buffers.map(({ name, length }, buffer) => [
    name,
    { buffer, offset: 0, shape: [length] },
  ]);
  return {
    name: kernel,
    buffers,
    dispatches: [
      {
        label: "test",
        kernel,
        constants,
        hooks,
        bindings: Object.fromEntries(views),
        ...(numbers && { numbers }),
      },
    ],
    scalars,
    outputs: Object.fromEntries(views.filter(([name]) => name in results)),
  };
}

function spec(name: string, kind: BufferSpec["kind"], dtype: DType, length: number): BufferSpec {
  return { name, kind, dtype, length };
}

/** A load hook that reads one operand at the hook's index. */
export function loadFrom(binding: string): Hook {
  return { code: [{ op: "index" }, { op: "load", binding, at: 0 }], result: 1 };
}

/** A store hook that writes the kernel's value to one result. */
export function storeTo(binding: string): Hook {
  return { code: [{ op: "value" }], stores: [{ binding, from: 0 }] };
}

/** A store hook that nobody asked for. */
export const unused: Hook = { code: [], stores: [] };

/** One kernel, run alone: a program of a single dispatch, from memory to memory. */
import type { DType, Elements, Engine, Program } from "../../src/index.ts";
import { type BufferSpec, type Hook, STEP_SLOTS, type StepScalar, type View } from "../../src/program.ts";

export interface KernelRun {
  readonly kernel: string;
  readonly constants: Readonly<Record<string, number>>;
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
export async function runKernel(engine: Engine, run: KernelRun): Promise<Record<string, Elements>> {
  const { reads = {}, updates = {}, steps = [{}], scalars = [] } = run;
  const buffers = Object.fromEntries(
    Object.entries({ ...reads, ...updates }).map(([name, data]) => [
      name,
      engine.buffer(name, dtypeOf(data), data.length, data),
    ]),
  );
  const executable = await engine.compile(programOf(run), {
    state: buffers,
    data: buffers,
    maxSteps: steps.length,
    asWritten: true,
  });
  const { f32, u32 } = executable.table;
  steps.forEach((values, row) => {
    scalars.forEach(({ name, dtype }, slot) => {
      (dtype === "f32" ? f32 : u32)[row * STEP_SLOTS + slot] = values[name];
    });
  });
  const found: Record<string, Elements> = { ...(await executable.run(steps.length)) };
  for (const name of Object.keys(updates)) found[name] = await buffers[name].read();
  executable.release();
  for (const buffer of Object.values(buffers)) buffer.release();
  return found;
}

function programOf({
  kernel,
  constants,
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
    dispatches: [{ label: "test", kernel, constants, hooks, bindings: Object.fromEntries(views) }],
    scalars,
    outputs: Object.fromEntries(views.filter(([name]) => name in results)),
  };
}

function spec(name: string, kind: BufferSpec["kind"], dtype: DType, length: number): BufferSpec {
  return { name, kind, dtype, length };
}

function dtypeOf(data: Elements): DType {
  return data instanceof Float32Array ? "f32" : data instanceof Int32Array ? "i32" : "u8";
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

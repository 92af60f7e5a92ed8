/**
 * Programs that look at their own numbers. After each dispatch, a probe of what it wrote: how many elements are not finite, and the
 * largest magnitude among the others. Probes are dispatches, so that any engine runs them.
 */

import type { Elements } from "../../dtypes.ts";
import { isWritten } from "../../kernels/index.ts";
import { chunkOf, type ReduceMode, reduceConstants } from "../../kernels/reduce.ts";
import { copyDispatch } from "../../nn/graph/lower/apart.ts";
import {
  ALIGNMENT,
  type BufferSpec,
  type Dispatch,
  elementCount,
  type Hook,
  type Instruction,
  type Program,
  type View,
} from "../../program.ts";

/** What a dispatch of the program wrote into one view. */
export interface Probe {
  /** Number of the dispatch in the program that is probed. */
  readonly dispatch: number;
  readonly view: View;
}

/** A program with a probe of each view that it writes. */
export interface Probed {
  readonly program: Program;
  readonly probes: readonly Probe[];
}

/** The reading of a probe. */
export interface Reading extends Probe {
  /** Number of elements that are not finite; from 2^24 on, about as many. */
  readonly bad: number;
  /** Largest magnitude of the finite elements. */
  readonly largest: number;
}

/** Name of the output with a row of probes. */
const PROBES = "probes";

/** Whether each element is not finite. */
const isBad: readonly Instruction[] = [
  { op: "index" },
  { op: "load", binding: "operand0", at: 0 },
  { op: "call", fn: "finite", args: [1] },
  { op: "constant", value: 1 },
  { op: "call", fn: "sub", args: [3, 2] },
];
/** The magnitude of each finite element, and 0 for the others: a maximum would become NaN. */
const magnitude: readonly Instruction[] = [
  { op: "index" },
  { op: "load", binding: "operand0", at: 0 },
  { op: "call", fn: "finite", args: [1] },
  { op: "call", fn: "absolute", args: [1] },
  { op: "constant", value: 0 },
  { op: "call", fn: "choose", args: [2, 3, 4] },
];
const plain: readonly Instruction[] = [{ op: "index" }, { op: "load", binding: "operand0", at: 0 }];

/** Adds a probe behind each dispatch, for each view of floats that it writes. */
export function probed(program: Program): Probed {
  const buffers = [...program.buffers];
  const probes = program.dispatches.flatMap((dispatch, i) =>
    writtenViews(program, dispatch).map((view) => ({ dispatch: i, view })),
  );
  const output = buffers.length;
  buffers.push({
    name: PROBES,
    kind: "output",
    dtype: "f32",
    length: Math.max(1, probes.length) * 2 * ALIGNMENT,
  });
  const temporary = (length: number): number =>
    buffers.push({ name: PROBES, kind: "temporary", dtype: "f32", length }) - 1;
  const place = (cell: number): View => ({ buffer: output, offset: cell * ALIGNMENT, shape: [1] });
  const looking = probes.map(({ view }, i) => [
    ...reduced("sum", isBad, view, place(2 * i), temporary),
    ...reduced("max", magnitude, view, place(2 * i + 1), temporary),
  ]);
  const dispatches = program.dispatches.flatMap((dispatch, i) => [
    // A launch of its own, though the one before may be independent of it.
    { ...dispatch, joined: false },
    ...probes.flatMap((probe, at) => (probe.dispatch === i ? looking[at] : [])),
  ]);
  const outputs = {
    ...program.outputs,
    [PROBES]: { buffer: output, offset: 0, shape: [buffers[output].length] },
  };
  return { program: { ...program, buffers, dispatches, outputs }, probes };
}

/** The readings of a run. */
export function readings({ probes }: Probed, outputs: Readonly<Record<string, Elements>>): Reading[] {
  const cells = outputs[PROBES];
  return probes.map((probe, i) => ({
    ...probe,
    bad: cells[2 * i * ALIGNMENT],
    largest: cells[(2 * i + 1) * ALIGNMENT],
  }));
}

/** Reduces a view to one number, in two dispatches where it is long. */
function reduced(
  mode: ReduceMode,
  code: readonly Instruction[],
  from: View,
  to: View,
  temporary: (length: number) => number,
): Dispatch[] {
  const size = elementCount(from.shape);
  const chunk = chunkOf(mode, { outer: 1, size, inner: 1 });
  const parts = Math.ceil(size / chunk);
  const reduce = (
    code: readonly Instruction[],
    size: number,
    chunk: number,
    operand0: View,
    result0: View,
  ) => {
    const hooks: Record<string, Hook> = {
      element: { code, result: code.length - 1 },
      store: { code: [{ op: "value" }], stores: [{ binding: "result0", from: 0 }] },
    };
    const constants = reduceConstants(mode, { outer: 1, size, inner: 1, chunk });
    return { label: PROBES, kernel: "reduce", constants, hooks, bindings: { operand0, result0 } };
  };
  const flat = { ...from, shape: [size] };
  if (parts === 1) return [reduce(code, size, size, flat, to)];
  const between = { buffer: temporary(parts), offset: 0, shape: [parts] };
  return [reduce(code, size, chunk, flat, between), reduce(plain, parts, parts, between, to)];
}

/** The views of floats that a dispatch writes. */
function writtenViews({ buffers }: Program, dispatch: Dispatch): View[] {
  return Object.entries(dispatch.bindings)
    .filter(([name, view]) => isWritten(dispatch, name) && buffers[view.buffer].dtype === "f32")
    .map(([, view]) => view);
}

/** The views of floats that a dispatch reads, without data sets: a batch is looked at before. */
export function readViews({ buffers }: Program, dispatch: Dispatch): View[] {
  return Object.entries(dispatch.bindings)
    .filter(([name]) => !isWritten(dispatch, name) || isLoaded(dispatch, name))
    .map(([, view]) => view)
    .filter(({ buffer }) => buffers[buffer].dtype === "f32" && buffers[buffer].kind !== "data");
}

/** Whether a hook reads a binding: updates in place read what they write. */
function isLoaded({ hooks }: Dispatch, name: string): boolean {
  return Object.values(hooks).some(({ code }) =>
    code.some((instruction) => instruction.op === "load" && instruction.binding === name),
  );
}

/**
 * The program up to a dispatch, with copies of what this reads and of what it writes, as the outputs `operand0` … and
 * `result0` …
 */
export function captured(program: Program, at: number): Program {
  const last = program.dispatches[at];
  const buffers: BufferSpec[] = program.buffers.map((buffer) =>
    buffer.kind === "output" ? { ...buffer, kind: "temporary" } : buffer,
  );
  const outputs: Record<string, View> = {};
  const capture =
    (name: string) =>
    (view: View, i: number): Dispatch => {
      const length = elementCount(view.shape);
      const output = `${name}${i}`;
      outputs[output] = { buffer: buffers.length, offset: 0, shape: view.shape };
      buffers.push({ name: output, kind: "output", dtype: "f32", length });
      return copyDispatch("trace", view, outputs[output]);
    };
  const dispatches = [
    ...program.dispatches.slice(0, at),
    ...readViews(program, last).map(capture("operand")),
    last,
    ...writtenViews(program, last).map(capture("result")),
  ].map((dispatch) => ({ ...dispatch, joined: false }));
  return withoutUnused({ ...program, buffers, dispatches, outputs });
}

/** The program without buffers that no dispatch uses: engines give memory to each. */
function withoutUnused(program: Program): Program {
  const used = new Set(
    program.dispatches.flatMap(({ bindings }) => Object.values(bindings).map(({ buffer }) => buffer)),
  );
  const kept = program.buffers.map((_, i) => i).filter((i) => used.has(i));
  const moved = new Map(kept.map((old, i) => [old, i]));
  const move = (views: Readonly<Record<string, View>>): Record<string, View> =>
    Object.fromEntries(
      Object.entries(views).map(([name, view]) => [name, { ...view, buffer: moved.get(view.buffer) ?? 0 }]),
    );
  return {
    ...program,
    buffers: kept.map((i) => program.buffers[i]),
    dispatches: program.dispatches.map((dispatch) => ({ ...dispatch, bindings: move(dispatch.bindings) })),
    outputs: move(program.outputs),
  };
}

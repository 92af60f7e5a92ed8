/**
 * The Program: a training step as data.
 *
 * `nn` produces a program; `runtime` runs it, on WebGPU or through the kernels' CPU twins. A program is a list of
 * buffers and a list of dispatches over views of them. It contains neither layers nor devices.
 */
import { bytesPerElement, type DType } from "./dtypes.ts";

export type Shape = readonly number[];

/**
 * Origin and lifetime of a buffer's memory.
 * - `state`: lives across steps and is shared by name between programs (parameters, moments, gradients).
 * - `data`: resident and read-only for the program, supplied by the caller (a data set, the order of its samples).
 * - `constant`: read-only numbers that are part of the program.
 * - `input`: written by the host before a run.
 * - `temporary`: lives within one step; the memory plan lets temporaries share storage.
 * - `output`: one row per step, read back by the host.
 */
export type BufferKind = "state" | "data" | "constant" | "input" | "temporary" | "output";

/** Positions in a buffer: `at`, repeated in every period of `every` elements. */
export interface IndexPlaces {
  readonly every: number;
  readonly at: readonly number[];
}

/** Allowed indices: from 0 up to, not including, `count`, and `except`. */
export interface IndexRange {
  readonly count: number;
  readonly except?: number;
  /** Elements that hold such indices (default: all). */
  readonly places?: IndexPlaces;
}

/** Rule for targets that a loss takes for probabilities: from 0 to 1. */
export interface TargetRule {
  /** Name of the loss, for messages. */
  readonly loss: string;
  /** Value of one unit: target = element × scale. */
  readonly scale: number;
  /** Number of neighbouring elements that form one sample and sum to 1 (default: each element stands alone). */
  readonly row?: number;
}

export interface BufferSpec {
  readonly name: string;
  readonly kind: BufferKind;
  readonly dtype: DType;
  /** Number of elements. */
  readonly length: number;
  /** Ranges of elements that are indices; writes are checked against them. */
  readonly indices?: readonly IndexRange[];
  /** Rules of elements that a loss takes for probabilities; writes are checked against them. */
  readonly targets?: readonly TargetRule[];
  /** Values of a `constant`. */
  readonly values?: readonly number[];
  /** For `data`: whether a step's author supplies the buffer, rather than the library for a data set. */
  readonly owner?: "user";
}

/** A contiguous part of a buffer, read as a tensor of `shape`. `offset` counts elements. */
export interface View {
  readonly buffer: number;
  readonly offset: number;
  readonly shape: Shape;
}

/** One term of an index map: `floor(index / div) % mod * mul`; `mod` 0 means no modulus. */
export interface IndexTerm {
  readonly div: number;
  readonly mod: number;
  readonly mul: number;
}

/**
 * One instruction of a hook. Its position in the hook's `code` names its result. `index`, `map`, `shift` and `row` give
 * positions (u32), all others values (f32).
 */
export type Instruction =
  /** The position the kernel asks for. */
  | { readonly op: "index" }
  /** A strided view: the sum of `terms` over position `from`, plus `offset`. */
  | {
      readonly op: "map";
      readonly from: number;
      readonly terms: readonly IndexTerm[];
      readonly offset: number;
    }
  /** Position `from` plus an integer step scalar. */
  | { readonly op: "shift"; readonly from: number; readonly scalar: string }
  /** Gather: the integer that value `from` holds, times `size`, plus position `column`. */
  | { readonly op: "row"; readonly from: number; readonly size: number; readonly column: number }
  /** The value the kernel computed, in a store hook. */
  | { readonly op: "value" }
  | { readonly op: "constant"; readonly value: number }
  /** A number that changes from step to step: learning rate, step number … */
  | { readonly op: "scalar"; readonly scalar: string }
  /** Position `at` as a number. */
  | { readonly op: "position"; readonly at: number }
  | { readonly op: "load"; readonly binding: string; readonly at: number }
  /**
   * A uniform random number in [0, 1): a function of the step scalars `seed` and `counter` (`step`, say, or `epoch`), of
   * `stream` and position `at`.
   */
  | { readonly op: "random"; readonly at: number; readonly stream: number; readonly counter: string }
  /** A scalar function of the table in `src/kernels/scalar.ts`. */
  | { readonly op: "call"; readonly fn: string; readonly args: readonly number[] };

/** Stores `value` into element 0 of a binding where one of the values `of` is NaN or infinite; else nothing. */
export interface Flag {
  /** Memory that the dispatch uses for flags alone: invocations set it at the same time. */
  readonly binding: string;
  readonly of: readonly number[];
  readonly value: number;
}

/**
 * Elementwise work inside a kernel: where it loads an element (`result` names the returned value), or where it stores
 * one (`stores` names bindings and values; the position is the hook's own index). `flags` are set before the stores.
 */
export interface Hook {
  readonly code: readonly Instruction[];
  readonly result?: number;
  readonly stores?: readonly { readonly binding: string; readonly from: number }[];
  readonly flags?: readonly Flag[];
}

/** The bindings that a dispatch's hooks use for flags. */
export function flaggedBindings({ hooks }: Pick<Dispatch, "hooks">): Set<string> {
  return new Set(Object.values(hooks).flatMap(({ flags = [] }) => flags.map(({ binding }) => binding)));
}

export interface Dispatch {
  /** Layer or part of the step, for people: `0.dense`, `optimizer`. */
  readonly label: string;
  /** Name of the op, for people, in a program where each op has a launch of its own. */
  readonly op?: string;
  /** Name of a kernel in `src/kernels`. */
  readonly kernel: string;
  readonly constants: Readonly<Record<string, number>>;
  /**
   * Names of the constants that the shader reads at run time, as it does then with its hooks' offsets and factors: chosen
   * for a device, with the variant. Without the list, all are constants.
   */
  readonly numbers?: readonly string[];
  readonly hooks: Readonly<Record<string, Hook>>;
  /** Memory bound to each name that the kernel or its hooks use. */
  readonly bindings: Readonly<Record<string, View>>;
  /** Whether the dispatch runs in one launch with the one before; the two are independent. */
  readonly joined?: boolean;
}

/** Prefix of an optimizer's own step scalars: `optimizer.correction1`. */
export const OPTIMIZER_SCALAR = "optimizer.";
/** Prefix of step scalars created by the author of a step: `user.factor`. All other names are the library's. */
export const USER_SCALAR = "user.";

/** The library's step scalar with the start of a batch in the order of samples. */
export const BATCH_START = "batchStart";

/** A step scalar as its owner calls it. */
export function scalarName(name: string): string {
  return name.startsWith(USER_SCALAR) ? name.slice(USER_SCALAR.length) : name;
}

/** A number that changes from step to step and reaches the kernels through the step table. */
export interface StepScalar {
  /** The name begins with its owner, so that names of two owners never meet. */
  readonly name: string;
  readonly dtype: "f32" | "u32";
}

export interface Program {
  readonly name: string;
  readonly buffers: readonly BufferSpec[];
  readonly dispatches: readonly Dispatch[];
  /** In the order of slots in the step table. */
  readonly scalars: readonly StepScalar[];
  /**
   * Whether shaders read step scalars as immediates instead of from a uniform: chosen for a device, as variants are. Such
   * a program has at most {@link IMMEDIATE_SLOTS} scalars.
   */
  readonly immediates?: boolean;
  readonly outputs: Readonly<Record<string, View>>;
}

/** Storage buffers one dispatch may bind: the limit every WebGPU device guarantees. */
export const MAX_STORAGE_BINDINGS = 8;
/** Outputs one launch may write, likewise: their places move from step to step, by dynamic offsets. */
export const MAX_OUTPUT_BINDINGS = 4;
/** Words in one row of the step table; a row is 256 bytes, the guaranteed alignment of dynamic offsets. */
export const STEP_SLOTS = 64;
/** Words of a row that fit into immediates, on each device that has such. */
export const IMMEDIATE_SLOTS = 16;
/** Tensors inside a shared buffer start at multiples of this many 4-byte elements (256 bytes, likewise). */
export const ALIGNMENT = 64;

/** A number that is read both as a float and as an integer has a slot for each. */
export function slotOf(name: string, dtype: StepScalar["dtype"], scalars: readonly StepScalar[]): number {
  const slot = scalars.findIndex((scalar) => scalar.name === name && scalar.dtype === dtype);
  if (slot < 0) throw new Error(`the program has no step scalar "${name}" as ${dtype}`);
  return slot;
}

/** Type by which a number is read: a float, unless the number exists as an integer only. */
export function readAs(name: string, scalars: readonly StepScalar[]): StepScalar["dtype"] {
  return scalars.some((scalar) => scalar.name === name && scalar.dtype === "f32") ? "f32" : "u32";
}

/** The dispatches that run together, in order. */
export function launchesOf({ dispatches }: Pick<Program, "dispatches">): Dispatch[][] {
  const launches: Dispatch[][] = [];
  for (const dispatch of dispatches) {
    const last = launches[launches.length - 1];
    if (dispatch.joined && last) last.push(dispatch);
    else launches.push([dispatch]);
  }
  return launches;
}

/** For people, and as the label of its pipeline for a device's tools: "matmul (0.dense)". */
export function launchName(dispatches: readonly Pick<Dispatch, "kernel" | "label">[]): string {
  return dispatches.map(({ kernel, label }) => `${kernel} (${label})`).join(" + ");
}

export function elementCount(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** `length` rounded up to the next multiple of {@link ALIGNMENT}. */
export function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

export function byteLength(buffer: BufferSpec): number {
  return Math.ceil((buffer.length * bytesPerElement(buffer.dtype)) / 4) * 4;
}

const EVERYWHERE: IndexPlaces = { every: 1, at: [0] };

/** The error in indices, in words; undefined where all are valid. */
export function indexError(data: ArrayLike<number>, ranges: readonly IndexRange[]): string | undefined {
  for (const { count, except, places = EVERYWHERE } of ranges) {
    for (let start = 0; start < data.length; start += places.every) {
      for (const place of places.at) {
        const index = data[start + place];
        if ((index >= 0 && index < count && Number.isInteger(index)) || index === except) continue;
        const others = except === undefined ? "" : `, or ${except}`;
        return `element ${start + place} is ${index}; it is used as an index, and must be a whole number from 0 to ${count - 1}${others}`;
      }
    }
  }
  return undefined;
}

/** Tolerance of a probability, for rounding. */
const ROUNDING = 1e-6;
/** Tolerance of a row's sum, for probabilities written with two digits. */
const SUM_ROUNDING = 0.01;

/** The error in targets, in words; undefined where all are valid. */
export function targetError(data: ArrayLike<number>, rules: readonly TargetRule[]): string | undefined {
  for (const { loss, scale, row = 1 } of rules) {
    for (let start = 0; start < data.length; start += row) {
      let sum = 0;
      for (let i = start; i < start + row; i++) {
        const target = data[i] * scale;
        sum += target;
        if (target >= -ROUNDING && target <= 1 + ROUNDING) continue;
        return `element ${i} is ${target}; ${loss} takes targets from 0 to 1; give such, or another loss, such as meanSquaredError() for quantities`;
      }
      if (row === 1 || Math.abs(sum - 1) <= SUM_ROUNDING + ROUNDING) continue;
      return `elements ${start} to ${start + row - 1} add up to ${sum}; ${loss} takes them for the probabilities of one sample's ${row} classes, which add up to 1; give such, or another loss, such as binaryCrossEntropy() where several classes can be right`;
    }
  }
  return undefined;
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/**
 * Checks the conditions that engines rely on: views lie inside their buffers and are aligned; a dispatch has no more
 * storage bindings than guaranteed; no dispatch reads and writes a buffer through different views; no temporary is read
 * before it is written; no joined dispatch depends on the one before.
 * @throws Error naming the dispatch and the violated condition
 */
export function checkProgram(
  program: Program,
  writes: (dispatch: Dispatch, binding: string) => boolean,
): void {
  if (program.scalars.length > STEP_SLOTS) {
    throw new Error(
      `program ${program.name}: ${program.scalars.length} step scalars; at most ${STEP_SLOTS} fit`,
    );
  }
  if (program.immediates && program.scalars.length > IMMEDIATE_SLOTS) {
    throw new Error(
      `program ${program.name}: ${program.scalars.length} step scalars as immediates; at most ${IMMEDIATE_SLOTS} fit`,
    );
  }
  const written = new Set<number>();
  let launch: Dispatch[] = [];
  program.dispatches.forEach((dispatch, position) => {
    const at = `program ${program.name}, dispatch ${position} (${dispatch.label}, ${dispatch.kernel})`;
    const bindings = Object.entries(dispatch.bindings);
    if (bindings.length > MAX_STORAGE_BINDINGS) {
      throw new Error(
        `${at}: binds ${bindings.length} buffers; at most ${MAX_STORAGE_BINDINGS} are guaranteed`,
      );
    }
    const writers = new Set(
      bindings.filter(([name]) => writes(dispatch, name)).map(([, view]) => view.buffer),
    );
    for (const [name, view] of bindings) {
      const buffer = program.buffers[view.buffer];
      if (!buffer) throw new Error(`${at}: ${name} names buffer ${view.buffer}, which does not exist`);
      const end = view.offset + elementCount(view.shape);
      if (view.offset % ALIGNMENT !== 0 || end > buffer.length) {
        throw new Error(
          `${at}: ${name} is ${formatShape(view.shape)} at ${view.offset} of ${buffer.name}[${buffer.length}]`,
        );
      }
      if (writes(dispatch, name)) continue;
      if (writers.has(view.buffer)) {
        throw new Error(`${at}: ${buffer.name} is read and written in one dispatch`);
      }
      if (buffer.kind === "temporary" && !written.has(view.buffer)) {
        throw new Error(`${at}: ${buffer.name} is read before it was written`);
      }
    }
    for (const buffer of writers) written.add(buffer);
    const other = dispatch.joined && launch.find((other) => !independent(other, dispatch, writes));
    if (other) throw new Error(`${at}: is joined to ${other.label}, ${other.kernel}, on which it depends`);
    launch = dispatch.joined ? [...launch, dispatch] : [dispatch];
    checkFlags(at, dispatch);
  });
}

/** @throws Error where memory of a flag is stored to or read otherwise: devices declare it as atomic */
function checkFlags(at: string, dispatch: Dispatch): void {
  const flagged = flaggedBindings(dispatch);
  if (dispatch.joined && flagged.size > 0) throw new Error(`${at}: sets flags, and shares a launch`);
  for (const { code, stores = [] } of Object.values(dispatch.hooks)) {
    for (const one of [...code, ...stores]) {
      if ("binding" in one && flagged.has(one.binding))
        throw new Error(`${at}: ${one.binding} is the memory of a flag, and is used otherwise, too`);
    }
  }
}

/** Whether two dispatches commute: neither touches memory that the other writes. */
export function independent(
  a: Dispatch,
  b: Dispatch,
  writes: (dispatch: Dispatch, binding: string) => boolean,
): boolean {
  return Object.entries(a.bindings).every(([nameA, viewA]) =>
    Object.entries(b.bindings).every(([nameB, viewB]) => {
      if (viewA.buffer !== viewB.buffer) return true;
      const [writesA, writesB] = [writes(a, nameA), writes(b, nameB)];
      if (!writesA && !writesB) return true;
      // WebGPU tracks whole buffers: one dispatch may not read one part of a buffer and write another.
      return writesA && writesB && !overlap(viewA, viewB);
    }),
  );
}

function overlap(a: View, b: View): boolean {
  return a.offset < b.offset + elementCount(b.shape) && b.offset < a.offset + elementCount(a.shape);
}

/**
 * The Program: a training step, written down as data.
 *
 * `nn` produces one, `runtime` runs it, on WebGPU or through the kernels' CPU twins. A program is a list of
 * buffers and a list of dispatches over views of them; it knows nothing of layers, and nothing of devices.
 */
import { bytesPerElement, type DType } from "./dtypes.ts";

export type Shape = readonly number[];

/**
 * Where a buffer's memory comes from, and how long it lives.
 * - `state`: lives across steps and is shared by name between programs (parameters, moments, gradients).
 * - `data`: resident and read-only for the program, supplied by the caller (a data set, the order of its samples).
 * - `constant`: read-only numbers that are part of the program.
 * - `input`: written by the host before a run.
 * - `temporary`: lives within one step; the memory plan lets temporaries share storage.
 * - `output`: one row per step, read back by the host.
 */
export type BufferKind = "state" | "data" | "constant" | "input" | "temporary" | "output";

/** Elements of a buffer: those `at` these positions of every so many. */
export interface IndexPlaces {
  readonly every: number;
  readonly at: readonly number[];
}

/** What indices may be: 0 up to, not including, `count`, and `except`. */
export interface IndexRange {
  readonly count: number;
  readonly except?: number;
  /** Which elements are such indices (default: all). */
  readonly places?: IndexPlaces;
}

/** What targets must be that a loss takes for probabilities: from 0 to 1. */
export interface TargetRule {
  /** For messages. */
  readonly loss: string;
  /** What an element is worth: target = element × scale. */
  readonly scale: number;
  /** So many in a row are one sample's, and add up to 1 (default: each stands for itself). */
  readonly row?: number;
}

export interface BufferSpec {
  readonly name: string;
  readonly kind: BufferKind;
  readonly dtype: DType;
  /** Number of elements. */
  readonly length: number;
  /** Elements that are indices: whoever writes them is held to what they may be. */
  readonly indices?: readonly IndexRange[];
  /** Elements that a loss takes for probabilities: likewise. */
  readonly targets?: readonly TargetRule[];
  /** What a `constant` holds. */
  readonly values?: readonly number[];
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
 * One instruction of a hook; its result is named by its position in the hook's `code`.
 * `index`, `map`, `shift` and `row` give positions (u32), all others values (f32).
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

/**
 * Elementwise work that runs inside a kernel: where it loads an element (`result` names the value returned),
 * or where it stores one (`stores` names what goes where; the position is the hook's own index).
 */
export interface Hook {
  readonly code: readonly Instruction[];
  readonly result?: number;
  readonly stores?: readonly { readonly binding: string; readonly from: number }[];
}

export interface Dispatch {
  /** The layer or the part of the step it belongs to, for people: `0.dense`, `optimizer`. */
  readonly label: string;
  /** Name of a kernel in `src/kernels`. */
  readonly kernel: string;
  readonly constants: Readonly<Record<string, number>>;
  readonly hooks: Readonly<Record<string, Hook>>;
  /** What is bound to each name the kernel or its hooks use. */
  readonly bindings: Readonly<Record<string, View>>;
  /** Runs in one launch with the dispatch before it: neither depends on the other. */
  readonly joined?: boolean;
}

/** What the names of an optimizer's own step scalars begin with: `optimizer.correction1`. */
export const OPTIMIZER_SCALAR = "optimizer.";

/** A number that changes from step to step and reaches the kernels through the step table. */
export interface StepScalar {
  readonly name: string;
  readonly dtype: "f32" | "u32";
}

export interface Program {
  readonly name: string;
  readonly buffers: readonly BufferSpec[];
  readonly dispatches: readonly Dispatch[];
  /** The order here is the order of slots in the step table. */
  readonly scalars: readonly StepScalar[];
  readonly outputs: Readonly<Record<string, View>>;
}

/** Storage buffers one dispatch may bind: the limit every WebGPU device guarantees. */
export const MAX_STORAGE_BINDINGS = 8;
/** Outputs one launch may write, likewise: their places move from step to step, by dynamic offsets. */
export const MAX_OUTPUT_BINDINGS = 4;
/** Words in one row of the step table; a row is 256 bytes, the guaranteed alignment of dynamic offsets. */
export const STEP_SLOTS = 64;
/** Tensors inside a shared buffer start at multiples of this many 4-byte elements (256 bytes, likewise). */
const ALIGNMENT = 64;

/** A number that is read both as a float and as an integer has a slot for each. */
export function slotOf(name: string, dtype: StepScalar["dtype"], scalars: readonly StepScalar[]): number {
  const slot = scalars.findIndex((scalar) => scalar.name === name && scalar.dtype === dtype);
  if (slot < 0) throw new Error(`the program has no step scalar "${name}" as ${dtype}`);
  return slot;
}

/** How a number is read: as the float that it is, where it is not only there as an integer. */
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

/** What is wrong with indices, in words; undefined where nothing is. */
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

/** What rounding may add to a probability. */
const ROUNDING = 1e-6;
/** How far from 1 a row's sum may be: what is left of probabilities that were written down with two digits. */
const SUM_ROUNDING = 0.01;

/** What is wrong with targets, in words; undefined where nothing is. */
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
 * Checks what every engine relies on: views inside their buffers and aligned, no more storage bindings than
 * guaranteed, no buffer both read and written by one dispatch through different views, no temporary read
 * before it was written, no dispatch joined to one that it depends on.
 * @throws Error naming the dispatch and what is wrong with it.
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
  });
}

/** Whether two dispatches give the same whatever their order: what one writes, the other does not touch. */
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
      // WebGPU tracks whole buffers: reading one part of a buffer while another is written is refused.
      return writesA && writesB && !overlap(viewA, viewB);
    }),
  );
}

function overlap(a: View, b: View): boolean {
  return a.offset < b.offset + elementCount(b.shape) && b.offset < a.offset + elementCount(a.shape);
}

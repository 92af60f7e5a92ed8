/** What an engine does: own memory, and run programs over it. */
import { arrayOf, DTYPES, type DType, type Elements } from "../dtypes.ts";
import {
  type BufferSpec,
  formatShape,
  indexError,
  type Program,
  STEP_SLOTS,
  targetError,
} from "../program.ts";

/** Memory of an engine that outlives programs: parameters, data sets. */
export interface EngineBuffer {
  readonly label: string;
  readonly dtype: DType;
  /** Number of elements. */
  readonly length: number;
  /**
   * Writes elements from `offset` on, at any element and any number of them: bytes, too. What is enqueued later sees them.
   * @throws EngineError for another type of array, and for elements that do not fit
   */
  write(data: Elements, offset?: number): void;
  /** Reads all elements, after everything enqueued so far. */
  read(): Promise<Elements>;
  /** For whoever reads it again and again: what that takes is made once. */
  reader(): BufferReader;
  /** Gives the memory back, after everything enqueued so far. Using it afterwards is an error. */
  release(): void;
  /** The same, for `using`. */
  [Symbol.dispose](): void;
}

/** Reads a buffer as often as wanted, once at a time. */
export interface BufferReader {
  read(): Promise<Elements>;
  release(): void;
}

/** The most steps of one run: their table fits into a buffer of any device. */
const MOST_STEPS = 2 ** 20;

/** @throws EngineError unless a run can have so many steps */
export function checkMaxSteps(maxSteps = 1): void {
  if (!Number.isInteger(maxSteps) || maxSteps < 1 || maxSteps > MOST_STEPS) {
    throw new EngineError(`maxSteps is ${maxSteps}; give a whole number from 1 to ${MOST_STEPS}`);
  }
}

/** The rows of numbers that change from step to step, in the order of `program.scalars`. */
export class StepTable {
  readonly f32: Float32Array<ArrayBuffer>;
  readonly u32: Uint32Array<ArrayBuffer>;

  constructor(readonly rows: number) {
    this.f32 = new Float32Array(rows * STEP_SLOTS);
    this.u32 = new Uint32Array(this.f32.buffer);
  }
}

export type Outputs = Readonly<Record<string, Elements>>;

/** What the launches of a program took: its dispatches, where joined ones count as one. */
export interface LaunchTimes {
  /**
   * How it was found: by the device's own timestamps; by the differences between runs of ever longer parts of the
   * step, where it has none; or by the clock of the processor that ran it.
   */
  readonly method: "timestamps" | "differences" | "clock";
  /** For each launch, its milliseconds in each of the profiled steps. */
  readonly milliseconds: readonly (readonly number[])[];
}

/** A program, compiled and bound to memory. */
export interface Executable {
  readonly program: Program;
  /** One row for each step of a run; filled in before `run`, which copies it. */
  readonly table: StepTable;
  /** Writes an input of the program; later runs see it. @throws Error when the length or type is wrong. */
  write(input: string, data: Elements): void;
  /** @throws EngineError where a run of so many steps would be refused as things stand */
  check(count: number): void;
  /**
   * Enqueues `count` steps (at most `table.rows`). Resolves once they are done, with the outputs: for each, the
   * rows of all steps, one after the other. Calls may overlap; they run in order.
   */
  run(count: number): Promise<Outputs>;
  /**
   * Runs `count` steps launch by launch and gives the time of each. The steps are real: they change the program's
   * state. Without timestamps, parts of steps are run besides, so that afterwards the state is of no use.
   */
  profile(count: number): Promise<LaunchTimes>;
  /** Frees what this program alone uses. Runs that were enqueued before still end; using it afterwards is an error. */
  release(): void;
  /** The same, for `using`. */
  [Symbol.dispose](): void;
}

export interface CompileOptions {
  /** How many steps one run may have, from 1 to 2^20 (default 1). */
  readonly maxSteps?: number;
  /** Memory for the program's `state` buffers, by name. */
  readonly state?: Readonly<Record<string, EngineBuffer>>;
  /** Memory for its `data` buffers, by names that may be the same: neither can take the other's place. */
  readonly data?: Readonly<Record<string, EngineBuffer>>;
  /** Runs the kernels that the program names, rather than those variants of them that suit the device. */
  readonly asWritten?: boolean;
}

/** What an engine tells of itself. */
export interface EngineInfo {
  /** The adapter's or the processor's name. */
  readonly adapter: string;
  readonly features: readonly string[];
  /** What one buffer can hold at most, as programs see it. */
  readonly maxBufferBytes: number;
}

export interface Engine extends AsyncDisposable {
  readonly kind: "gpu" | "cpu";
  readonly info: EngineInfo;
  /** Memory of `length` elements, zeros or `data`. */
  buffer(label: string, dtype: DType, length: number, data?: Elements): EngineBuffer;
  compile(program: Program, options?: CompileOptions): Promise<Executable>;
  /**
   * Frees everything the engine made, and resolves once that is done: what is under way fails first. Using the engine
   * afterwards is an error. What is dropped without it is freed, too, but only when the garbage collector comes by.
   */
  destroy(): Promise<void>;
}

/** A failure of an engine: names the program, the kernel, and what went wrong. */
export class EngineError extends Error {
  override readonly name: string = "EngineError";
}

/** The GPU device is gone: its driver was reset, or the machine slept. Another can be had from `connect()`. */
export class DeviceLostError extends EngineError {
  override readonly name = "DeviceLostError";
}

/** What engines know of a buffer of their own. */
interface OwnBuffer extends EngineBuffer {
  /** Why it can no longer be used, if so: it was released, or there was no memory for it. */
  readonly unusable: string | undefined;
}

/** What is said of buffers that are used after their release. */
export const RELEASED = "was released, and is used again; release it later, or make another";

/** @throws EngineError naming `what` if it can no longer be used */
export function checkUsable(what: string, { unusable }: Pick<OwnBuffer, "unusable">): void {
  if (unusable !== undefined) throw new EngineError(`${what} ${unusable}`);
}

/**
 * The memory for a program's `state` and `data` buffers, by index, checked against what the program expects.
 * @param isOwn whether memory is of the engine that compiles the program
 */
export function boundMemory<Own extends OwnBuffer>(
  program: Program,
  memory: Pick<CompileOptions, "state" | "data">,
  isOwn: (buffer: EngineBuffer) => buffer is Own,
): Map<number, Own> {
  const bound = new Map<number, Own>();
  program.buffers.forEach((spec, index) => {
    if (spec.kind !== "state" && spec.kind !== "data") return;
    const buffer = memoryOf(spec, memory);
    const at = `program ${program.name}`;
    if (!buffer) throw new EngineError(`${at}: no memory was given for ${spec.kind} "${spec.name}"`);
    if (!isOwn(buffer)) {
      throw new EngineError(
        `${at}: "${spec.name}" was given memory of another engine; give what this engine's buffer() made`,
      );
    }
    if (buffer.dtype !== spec.dtype || buffer.length !== spec.length) {
      throw new EngineError(
        `${at}: "${spec.name}" is ${spec.dtype}[${spec.length}], but the memory given is ${buffer.dtype}[${buffer.length}]`,
      );
    }
    checkUsable(`${at}: its memory "${spec.name}"`, buffer);
    bound.set(index, buffer);
  });
  return bound;
}

/** What was given for a buffer: of its kind, and by its name. */
export function memoryOf(
  { kind, name }: BufferSpec,
  memory: Pick<CompileOptions, "state" | "data">,
): EngineBuffer | undefined {
  const given = (kind === "state" || kind === "data" ? memory[kind] : undefined) ?? {};
  return Object.hasOwn(given, name) ? given[name] : undefined;
}

/** The index of an input buffer, after checking what is to be written there. */
export function checkedInput(program: Program, name: string, data: Elements): number {
  const index = program.buffers.findIndex((spec) => spec.kind === "input" && spec.name === name);
  if (index < 0) {
    const inputs = program.buffers.filter((spec) => spec.kind === "input").map((spec) => spec.name);
    throw new EngineError(
      `program ${program.name} has no input "${name}"; its inputs are ${inputs.join(", ") || "none"}`,
    );
  }
  const spec = program.buffers[index];
  checkElements(`input "${name}"`, spec.dtype, spec.length, data);
  checkValues(`input "${name}"`, data, spec);
  return index;
}

/** @throws EngineError naming the first element that is no index, or no target, where a program takes it for one */
export function checkValues(what: string, data: Elements, { indices = [], targets = [] }: BufferSpec): void {
  const wrong = indexError(data, indices) ?? targetError(data, targets);
  if (wrong) throw new EngineError(`${what}: ${wrong}`);
}

/** @throws EngineError unless an engine can make such a buffer, of `data` if that is given */
export function checkBuffer(label: string, dtype: DType, length: number, data?: Elements): void {
  if (!DTYPES.includes(dtype)) {
    throw new EngineError(`buffer "${label}": its type is ${dtype}; give one of ${DTYPES.join(", ")}`);
  }
  if (!Number.isSafeInteger(length) || length < 1) {
    throw new EngineError(`buffer "${label}": its length is ${length}; give a whole number from 1`);
  }
  if (data !== undefined) checkElements(`buffer "${label}"`, dtype, length, data);
}

/** @throws EngineError unless `data` can be written to the buffer from `offset` on */
export function checkWrite({ label, dtype, length }: EngineBuffer, data: Elements, offset: number): void {
  checkElements(`buffer "${label}"`, dtype, data?.length, data);
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + data.length > length) {
    throw new EngineError(
      `buffer "${label}": ${data.length} elements cannot be written at ${offset}; it has ${length}, counted from 0`,
    );
  }
}

/** @throws EngineError unless `data` has that type and length. */
export function checkElements(what: string, dtype: DType, length: number, data: Elements): void {
  const expected = arrayOf(dtype);
  if (!(data instanceof expected)) {
    throw new EngineError(
      `${what} takes a ${expected.name}, got ${(data as object)?.constructor?.name ?? typeof data}; convert it with ${expected.name}.from(…)`,
    );
  }
  if (data.length !== length) {
    throw new EngineError(
      `${what} takes ${length} elements, got ${data.length}; its shape must be ${formatShape([length])}`,
    );
  }
}

export function checkStepCount(program: Program, table: StepTable, count: number): void {
  if (!Number.isInteger(count) || count < 1 || count > table.rows) {
    throw new EngineError(`program ${program.name}: a run takes 1 to ${table.rows} steps, got ${count}`);
  }
}

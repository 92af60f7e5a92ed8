/** The interface of engines: they own memory, and run programs over it. */
import { arrayOf, DTYPES, type DType, type Elements } from "../dtypes.ts";
import {
  type BufferSpec,
  formatShape,
  indexError,
  type Program,
  STEP_SLOTS,
  targetError,
} from "../program.ts";
import type { EngineMemory, MemoryRole } from "./ledger.ts";

/** Memory of an engine that outlives programs: parameters, data sets. */
export interface EngineBuffer {
  readonly label: string;
  readonly dtype: DType;
  /** Number of elements. */
  readonly length: number;
  /**
   * Writes elements from `offset` on, at any position and in any number, bytes included. Work enqueued later reads the
   * new values.
   * @throws EngineError where the array has another type, or the elements do not fit
   */
  write(data: Elements, offset?: number): void;
  /** Reads all elements, after all work enqueued so far. */
  read(): Promise<Elements>;
  /** A reader for repeated reads; its staging memory is allocated once. */
  reader(): BufferReader;
  /** Frees the memory after all work enqueued so far. A later use of the buffer throws. */
  release(): void;
  /** `release`, for `using`. */
  [Symbol.dispose](): void;
}

/** Reads a buffer any number of times, one read at a time. */
export interface BufferReader {
  /** Reads all elements, after all work enqueued so far. */
  read(): Promise<Elements>;
  /** Frees the staging memory. */
  release(): void;
}

/** The most steps of one run: their table fits into a buffer of any device. */
const MOST_STEPS = 2 ** 20;

/** @throws EngineError unless the number of steps is within the limit */
export function checkMaxSteps(maxSteps = 1): void {
  if (!Number.isInteger(maxSteps) || maxSteps < 1 || maxSteps > MOST_STEPS) {
    throw new EngineError(`maxSteps is ${maxSteps}; give a whole number from 1 to ${MOST_STEPS}`);
  }
}

/** The values of step scalars, one row for each step, in the order of `program.scalars`. */
export class StepTable {
  readonly f32: Float32Array<ArrayBuffer>;
  readonly u32: Uint32Array<ArrayBuffer>;

  constructor(readonly rows: number) {
    this.f32 = new Float32Array(rows * STEP_SLOTS);
    this.u32 = new Uint32Array(this.f32.buffer);
  }
}

export type Outputs = Readonly<Record<string, Elements>>;

/** Times of a program's launches; joined dispatches count as one launch. */
export interface LaunchTimes {
  /**
   * Source of the times: the device's timestamps; differences between runs of ever longer parts of the step, on a
   * device without timestamps; or the clock of the processor.
   */
  readonly method: "timestamps" | "differences" | "clock";
  /** Milliseconds of each launch in each profiled step. */
  readonly milliseconds: readonly (readonly number[])[];
}

/** A program, compiled and bound to memory. */
export interface Executable {
  readonly program: Program;
  /** One row for each step of a run; filled before `run`, which copies the rows. */
  readonly table: StepTable;
  /**
   * Writes an input of the program, for later runs.
   * @throws Error where the length or type is wrong
   */
  write(input: string, data: Elements): void;
  /** @throws EngineError where a run of that many steps would be refused now */
  check(count: number): void;
  /**
   * Enqueues `count` steps (at most `table.rows`). Resolves with the outputs once the steps are done: for each output,
   * the rows of all steps, one after the other. Calls may overlap; they run in order.
   * @throws EngineError where `count` exceeds the table, memory was released, or the device fails
   */
  run(count: number): Promise<Outputs>;
  /**
   * Runs `count` steps launch by launch and measures each launch. The steps are real: they change the program's state.
   * Without timestamps, parts of steps run in addition, and the state is meaningless afterwards.
   * @throws EngineError as `run`
   */
  profile(count: number): Promise<LaunchTimes>;
  /** Frees the memory that only this program uses. Runs enqueued before still finish; later ones throw. */
  release(): void;
  /** `release`, for `using`. */
  [Symbol.dispose](): void;
}

export interface CompileOptions {
  /** Most steps of one run, from 1 to 2^20 (default 1). */
  readonly maxSteps?: number;
  /** Memory for the program's `state` buffers, by name. */
  readonly state?: Readonly<Record<string, EngineBuffer>>;
  /** Memory for the program's `data` buffers, by name; the names are separate from those of `state`. */
  readonly data?: Readonly<Record<string, EngineBuffer>>;
  /** Whether to run the program's own kernels instead of variants that suit the device. */
  readonly asWritten?: boolean;
}

/** Properties of an engine. */
export interface EngineInfo {
  /** Name of the adapter or processor. */
  readonly adapter: string;
  readonly features: readonly string[];
  /** Capacity of one buffer in bytes, as programs count them. */
  readonly maxBufferBytes: number;
}

/** Bytes that are taken in one piece. */
export interface MemoryPiece {
  readonly role: MemoryRole;
  readonly bytes: number;
}

/** The whole memory of an engine, of which nobody else takes any. */
export interface EngineRoom {
  /** Bytes of it all, and those that are free. */
  readonly bytes: number;
  readonly free: number;
  /** Pieces that a program takes when it is compiled, in that order, without those that it is given. */
  pieces(program: Program, maxSteps: number): Promise<readonly MemoryPiece[]>;
  /** Whether pieces find room, taken one after the other. */
  fits(pieces: readonly MemoryPiece[]): boolean;
}

export interface Engine extends AsyncDisposable {
  readonly kind: "gpu" | "wasm" | "cpu";
  readonly info: EngineInfo;
  /**
   * Allocates `length` elements, filled with zeros or with `data`. `role` is the one that `memory` counts them under
   * (default "other").
   * @throws EngineError where the type or length is wrong, `data` does not fit, or the engine was destroyed;
   *   MemoryLimitError where the buffer exceeds the device's limit
   */
  buffer(label: string, dtype: DType, length: number, data?: Elements, role?: MemoryRole): EngineBuffer;
  /**
   * Bytes of the engine's memory that are allocated now, by role, and in all: exactly what the engine asked of WebGPU or
   * the host. `activations` is the memory of temporaries, which share storage; `staging` is what the host reads and
   * writes through; `other` is memory of your own. The wasm engine's memory never shrinks: `total` counts what is in use.
   */
  memory(): EngineMemory;
  /** @internal The engine's whole memory, where it is known. */
  readonly room?: EngineRoom;
  /**
   * Compiles a program and binds its memory.
   * @throws EngineError where memory is missing, released or of another engine, a kernel does not compile, or the
   *   engine was destroyed; MemoryLimitError where a buffer exceeds the device's limit
   */
  compile(program: Program, options?: CompileOptions): Promise<Executable>;
  /**
   * Frees all memory of the engine, and resolves once that is done. Work under way fails first; later uses of the
   * engine throw. Without `destroy`, the garbage collector frees the memory some time later.
   */
  destroy(): Promise<void>;
  /**
   * After the loss of the engine's device: connects again, with the same options. All that ask get the same engine, which
   * {@link destroy} of this one frees as well. Absent where there is no device to lose.
   * @throws EngineError as `connect`
   */
  reconnect?(): Promise<Engine>;
}

/** A failure of an engine; the message names the program, the kernel and the reason. */
export class EngineError extends Error {
  override readonly name: string = "EngineError";
}

/** The GPU device was lost: its driver was reset, or the machine slept. `connect()` opens a new one. */
export class DeviceLostError extends EngineError {
  override readonly name = "DeviceLostError";
  /** Of a session or a run of `fit`: its newest state that is known to be good, for `restore` of another session. */
  readonly state?: unknown;

  constructor(message: string, options: { readonly cause?: unknown; readonly state?: unknown } = {}) {
    super(message, options);
    this.state = options.state;
  }
}

/** An engine's own buffer. */
interface OwnBuffer extends EngineBuffer {
  /** Why the buffer can no longer be used, if so: it was released, or had no memory. */
  readonly unusable: string | undefined;
}

/** Message for the use of a released buffer. */
export const RELEASED = "was released and then used again; release it later, or make another";

/** @throws EngineError naming `what`, where it can no longer be used */
export function checkUsable(what: string, { unusable }: Pick<OwnBuffer, "unusable">): void {
  if (unusable !== undefined) throw new EngineError(`${what} ${unusable}`);
}

/**
 * Memory for a program's `state` and `data` buffers, by index, checked against the program.
 * @param isOwn whether the memory belongs to the compiling engine
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
    if (!buffer) throw new EngineError(`${at}: memory for ${spec.kind} "${spec.name}" is missing`);
    if (!isOwn(buffer)) {
      throw new EngineError(
        `${at}: "${spec.name}" has memory of another engine; give memory of this engine's buffer()`,
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

/** Memory given for a buffer of this kind and name. */
export function memoryOf(
  { kind, name }: BufferSpec,
  memory: Pick<CompileOptions, "state" | "data">,
): EngineBuffer | undefined {
  const given = (kind === "state" || kind === "data" ? memory[kind] : undefined) ?? {};
  return Object.hasOwn(given, name) ? given[name] : undefined;
}

/** The index of an input buffer, once the data is checked. */
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

/** @throws EngineError naming the first element that is no index, or no target, where the program uses it as one */
export function checkValues(what: string, data: Elements, { indices = [], targets = [] }: BufferSpec): void {
  const wrong = indexError(data, indices) ?? targetError(data, targets);
  if (wrong) throw new EngineError(`${what}: ${wrong}`);
}

/** @throws EngineError unless an engine can create such a buffer, with `data` if given */
export function checkBuffer(label: string, dtype: DType, length: number, data?: Elements): void {
  if (!DTYPES.includes(dtype)) {
    throw new EngineError(`buffer "${label}": its type is ${dtype}; give one of ${DTYPES.join(", ")}`);
  }
  if (!Number.isSafeInteger(length) || length < 1) {
    throw new EngineError(`buffer "${label}": its length is ${length}; give a whole number from 1`);
  }
  if (data !== undefined) checkElements(`buffer "${label}"`, dtype, length, data);
}

/** `buffer`, with `data` written where there is some; released where that fails. */
export function filled<Buffer extends EngineBuffer>(buffer: Buffer, data: Elements | undefined): Buffer {
  try {
    if (data) buffer.write(data);
    return buffer;
  } catch (error) {
    buffer.release();
    throw error;
  }
}

/** @throws EngineError unless `data` can be written to the buffer at `offset` */
export function checkWrite({ label, dtype, length }: EngineBuffer, data: Elements, offset: number): void {
  checkElements(`buffer "${label}"`, dtype, data?.length, data);
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + data.length > length) {
    throw new EngineError(
      `buffer "${label}": ${data.length} elements cannot be written at ${offset}; it has ${length}, counted from 0`,
    );
  }
}

/** @throws EngineError unless `data` has that type and length */
function checkElements(what: string, dtype: DType, length: number, data: Elements): void {
  const expected = arrayOf(dtype);
  if (!(data instanceof expected)) {
    throw new EngineError(
      `${what} takes a ${expected.name}, got ${data?.constructor?.name ?? typeof data}; convert it with ${expected.name}.from(…)`,
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
    throw new EngineError(
      `program ${program.name}: a run takes 1 to ${table.rows} steps (maxSteps), got ${count}`,
    );
  }
}

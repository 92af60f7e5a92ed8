/** Sources of batches: a data set in an engine's memory, resident or streamed. */

import { type Dataset, type Field, sampleSize } from "../data/dataset.ts";
import type { Stream, StreamField } from "../data/stream.ts";
import { bytesPerElement, type DType, type Elements } from "../dtypes.ts";
import { gather } from "../nn/graph/ops/gather.ts";
import { mul } from "../nn/graph/ops/scalar.ts";
import { slice } from "../nn/graph/ops/slice.ts";
import { columnSource, libraryWindow } from "../nn/graph/ops/source.ts";
import type { Batch } from "../nn/training/batch.ts";
import { BATCH_START, type BufferSpec, type Program } from "../program.ts";
import { checkValues, type Engine, type EngineBuffer, EngineError } from "../runtime/engine.ts";
import { columns } from "./compileStep.ts";

/** Samples in memory, or read as needed. */
export type Data = Dataset | Stream;

/** Batches of one size, by their starts. */
export interface Batches {
  readonly size: number;
  readonly starts: readonly number[];
}

/** Identifies one reading of the data; epoch 0 is an evaluation. */
export interface Reading {
  readonly epoch: number;
  readonly seed: number;
  readonly shuffle: boolean;
  /** Aborts the wait for a stream's samples. */
  readonly signal?: AbortSignal | undefined;
}

/** A data set on an engine. */
export interface BatchSource {
  /**
   * Memory read by {@link batch}, for the option `data` of a step. The names are unique on the engine: one step can
   * read several sources.
   */
  readonly data: Readonly<Record<string, EngineBuffer>>;
  /** Most batches in one part of {@link read}. */
  readonly batchesAtOnce: number;
  /** Traces a batch of `size` samples: those of the order from step scalar `batchStart` plus `offset` on. */
  batch(size: number, offset?: number): Batch;
  /**
   * Checks the data against its use in a program.
   * @throws EngineError naming the first class or index that the model has no place for
   */
  check(program: Program): void;
  /** Reads the data once, in parts. A part is ready for steps enqueued after it and before the next but one. */
  read(reading: Reading): AsyncIterable<readonly Batches[]>;
  /** Frees the data's memory on the engine. */
  release(): void;
}

/** The full batches of `count` samples and the remainder, with the starts of each. */
export function batches(count: number, size: number, first = 0): Batches[] {
  const full = Math.floor(count / size);
  const rest = count % size;
  return [
    ...(full > 0 ? [{ size, starts: Array.from({ length: full }, (_, i) => first + i * size) }] : []),
    ...(rest > 0 ? [{ size: rest, starts: [first + full * size] }] : []),
  ];
}

/** @throws EngineError naming the first sample whose class has no output in the model */
function checkClasses(name: string, data: Elements, { indices = [] }: BufferSpec, classes: number): void {
  const outputs = Math.min(...indices.map(({ count }) => count));
  const hasPlace = (label: number) => indices.every(({ count, except }) => label < count || label === except);
  const bad = outputs < classes ? data.findIndex((label) => !hasPlace(label)) : -1;
  if (bad < 0) return;
  throw new EngineError(
    `${name}: sample ${bad} has class ${data[bad]}, and the model's ${outputs} outputs tell only classes 0 to ${outputs - 1} apart; give its last layer ${classes} outputs`,
  );
}

/** Names of open sources, by engine. */
const open = new WeakMap<Engine, Set<string>>();

/** The memory of a data set on an engine, under a unique name: `digits`, `digits (2)` … */
export class SourceMemory {
  readonly #buffers: Record<string, EngineBuffer> = {};
  readonly #names: Set<string>;
  readonly #name: string;

  constructor(
    readonly engine: Engine,
    name: string,
  ) {
    this.#names = open.get(engine) ?? new Set();
    open.set(engine, this.#names);
    let unique = name;
    for (let i = 2; this.#names.has(unique); i++) unique = `${name} (${i})`;
    this.#names.add(unique);
    this.#name = unique;
  }

  /** Name of a column's buffer in programs. */
  readonly nameOf = (column: string): string => `${this.#name} ${column}`;

  /** Allocates memory for a column; where that fails, the columns before are freed. */
  add(column: string, dtype: DType, length: number, data?: Elements): EngineBuffer {
    try {
      const name = this.nameOf(column);
      const buffer = this.engine.buffer(name, dtype, length, data, "data");
      columns.add(buffer);
      this.#buffers[name] = buffer;
      return buffer;
    } catch (error) {
      this.release();
      throw error;
    }
  }

  get data(): Readonly<Record<string, EngineBuffer>> {
    return this.#buffers;
  }

  /** @throws EngineError where an index or a probability is invalid */
  check(program: Program, columns: Readonly<Record<string, Elements>>, classes?: number): void {
    for (const [column, data] of Object.entries(columns)) {
      const name = this.nameOf(column);
      const spec = program.buffers.find((found) => found.kind === "data" && found.name === name);
      if (!spec) continue;
      if (column === "targets" && classes !== undefined) checkClasses(name, data, spec, classes);
      checkValues(name, data, spec);
    }
  }

  release(): void {
    for (const buffer of Object.values(this.#buffers)) buffer.release();
    this.#names.delete(this.#name);
  }
}

/** A batch from `rows` samples in memory; `order` gives their sequence, `samples` their numbers. */
export function tracedBatch(
  { inputs, targets, classes }: Data,
  nameOf: (column: string) => string,
  rows: number,
  size: number,
  offset: number,
  numbered: boolean,
): Batch {
  const window = (name: string) =>
    slice(libraryWindow(columnSource(nameOf(name), [rows], "i32"), BATCH_START, offset + size), offset);
  const order = window("order");
  const column = (name: string, field: Field | StreamField) =>
    mul(gather(columnSource(nameOf(name), [rows, ...field.shape], typeOf(field)), order), field.scale);
  return {
    x: column("inputs", inputs),
    y: column("targets", targets),
    samples: numbered ? window("samples") : order,
    classes,
    range: typeOf(inputs) === "u8" ? [0, 255 * inputs.scale] : undefined,
  };
}

export function typeOf(field: Field | StreamField): DType {
  if ("type" in field) return field.type;
  return field.data instanceof Float32Array ? "f32" : field.data instanceof Int32Array ? "i32" : "u8";
}

/** Bytes of a sample on an engine, with its place in the order and its number. */
export function bytesPerSample({ inputs, targets }: Data): number {
  const bytes = (field: Field | StreamField) => sampleSize(field) * bytesPerElement(typeOf(field));
  return bytes(inputs) + bytes(targets) + 8;
}

/** Parts of memory that start at multiples of this many rows start at whole words. */
export const ROW_ALIGNMENT = 4;

/** Samples of a stream in one of two slots that together take `bytes`. */
export function streamedRows(data: Data, bytes: number): number {
  return Math.floor(bytes / 2 / bytesPerSample(data) - (ROW_ALIGNMENT - 1));
}

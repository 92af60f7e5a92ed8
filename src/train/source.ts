/** Where steps read their batches: out of an engine's memory, however the data set gets there. */

import { type Dataset, type Field, sampleSize } from "../data/dataset.ts";
import type { Stream, StreamField } from "../data/stream.ts";
import { bytesPerElement, type DType, type Elements } from "../dtypes.ts";
import { gather } from "../nn/graph/ops/gather.ts";
import { mul } from "../nn/graph/ops/scalar.ts";
import { slice } from "../nn/graph/ops/slice.ts";
import { dataSource, stepWindow } from "../nn/graph/ops/source.ts";
import type { Batch } from "../nn/training/batch.ts";
import type { BufferSpec, Program } from "../program.ts";
import { checkValues, type Engine, type EngineBuffer, EngineError } from "../runtime/engine.ts";

/** The step scalar that says where in the order a batch begins. */
export const BATCH_START = "batchStart";

/** Samples in memory, or read from somewhere as they are needed. */
export type Data = Dataset | Stream;

/** Batches of one size, by where they begin. */
export interface Batches {
  readonly size: number;
  readonly starts: readonly number[];
}

/** Which reading of the data this is. Epoch 0 is an evaluation. */
export interface Reading {
  readonly epoch: number;
  readonly seed: number;
  readonly shuffle: boolean;
}

/** A data set on an engine. */
export interface BatchSource {
  /**
   * Memory for what {@link batch} reads, for the option `data` of a step. Its names are those of no other source that is
   * open on the engine: a step can read several.
   */
  readonly data: Readonly<Record<string, EngineBuffer>>;
  /** How many batches one part of {@link read} has at most. */
  readonly batchesAtOnce: number;
  /** Traces a batch of `size` samples: those of the order from step scalar `batchStart` on, plus `offset`. */
  batch(size: number, offset?: number): Batch;
  /**
   * Holds the data against what a program does with it.
   * @throws EngineError naming the first class or index that the model has no place for
   */
  check(program: Program): void;
  /** One pass: parts that are ready for the steps enqueued after each was handed out, and before the next but one. */
  read(reading: Reading): AsyncIterable<readonly Batches[]>;
  release(): void;
}

/** The full batches of `count` samples, and what is left over, each with where its batches begin. */
export function batches(count: number, size: number, first = 0): Batches[] {
  const full = Math.floor(count / size);
  const rest = count % size;
  return [
    ...(full > 0 ? [{ size, starts: Array.from({ length: full }, (_, i) => first + i * size) }] : []),
    ...(rest > 0 ? [{ size: rest, starts: [first + full * size] }] : []),
  ];
}

/** @throws EngineError naming the first sample of a class that the model has no output for */
function checkClasses(name: string, data: Elements, { indices = [] }: BufferSpec, classes: number): void {
  const outputs = Math.min(...indices.map(({ count }) => count));
  const hasPlace = (label: number) => indices.every(({ count, except }) => label < count || label === except);
  const bad = outputs < classes ? data.findIndex((label) => !hasPlace(label)) : -1;
  if (bad < 0) return;
  throw new EngineError(
    `${name}: sample ${bad} has class ${data[bad]}, and the model's ${outputs} outputs tell only classes 0 to ${outputs - 1} apart; give its last layer ${classes} outputs`,
  );
}

/** The names of what is open, by engine. */
const open = new WeakMap<Engine, Set<string>>();

/** The memory of a data set on an engine, under a name that no other there has: `digits`, `digits (2)` … */
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

  /** What the program's buffer of a column is called. */
  readonly nameOf = (column: string): string => `${this.#name} ${column}`;

  /** Memory for a column. Where there is none, what was made before is given back. */
  add(column: string, dtype: DType, length: number, data?: Elements): EngineBuffer {
    try {
      const name = this.nameOf(column);
      this.#buffers[name] = this.engine.buffer(name, dtype, length, data);
      return this.#buffers[name];
    } catch (error) {
      this.release();
      throw error;
    }
  }

  get data(): Readonly<Record<string, EngineBuffer>> {
    return this.#buffers;
  }

  /** @throws EngineError where what is to be used as indices, or as probabilities, is none */
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

/** A batch out of `rows` samples in memory, of which `order` says which come next and `samples` what number they have. */
export function tracedBatch(
  { inputs, targets, classes }: Data,
  nameOf: (column: string) => string,
  rows: number,
  size: number,
  offset: number,
  numbered: boolean,
): Batch {
  const window = (name: string) =>
    slice(stepWindow(dataSource(nameOf(name), [rows], "i32"), BATCH_START, offset + size), offset);
  const order = window("order");
  const column = (name: string, field: Field | StreamField) =>
    mul(gather(dataSource(nameOf(name), [rows, ...field.shape], typeOf(field)), order), field.scale);
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

/** What a sample takes on an engine, with its place in the order and its number. */
export function bytesPerSample({ inputs, targets }: Data): number {
  const bytes = (field: Field | StreamField) => sampleSize(field) * bytesPerElement(typeOf(field));
  return bytes(inputs) + bytes(targets) + 8;
}

/** Rows of bytes begin at whole words where parts of memory begin at multiples of this many. */
export const ROW_ALIGNMENT = 4;

/** Samples of a stream that fit into one of the two slots which together may take `bytes`. */
export function streamedRows(data: Data, bytes: number): number {
  return Math.floor(bytes / 2 / bytesPerSample(data) - (ROW_ALIGNMENT - 1));
}

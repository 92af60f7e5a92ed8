/** Data sets larger than their memory limit: two slots on the engine, one filled while steps read the other. */

import { unlessAborted } from "../abort.ts";
import { type Dataset, type Field, pickRows, sampleSize } from "../data/dataset.ts";
import type { Chunk, Stream, StreamField } from "../data/stream.ts";
import { arrayOf, type Elements } from "../dtypes.ts";
import type { Batch } from "../nn/training/batch.ts";
import type { Program } from "../program.ts";
import { epochOrder, permutation } from "../random.ts";
import type { Engine, EngineBuffer } from "../runtime/engine.ts";
import {
  type Batches,
  type BatchSource,
  batches,
  bytesPerSample,
  type Data,
  type Reading,
  ROW_ALIGNMENT,
  SourceMemory,
  streamedRows,
  tracedBatch,
  typeOf,
} from "./source.ts";

/** Most batches in a slot: more would not lengthen submits. */
const MOST_BATCHES = 256;
/** Slot numbers per epoch: the order within a slot is a function of epoch and slot. */
const SLOTS_PER_EPOCH = 2 ** 24;

/** Content of a slot. */
interface Filling {
  readonly inputs: Elements;
  readonly targets: Elements;
  readonly samples: Int32Array;
}

/** A data set that passes through an engine's memory. */
export class StreamedDataset implements BatchSource {
  readonly batchesAtOnce: number;
  readonly #rows: number;
  readonly #memory: SourceMemory;
  /** The columns filled while reading. */
  readonly #columns: Readonly<Record<keyof Filling, EngineBuffer>>;
  #program: Program | undefined;

  /**
   * @param bytes memory limit of both slots
   * @throws RangeError where not even two batches fit
   */
  constructor(
    engine: Engine,
    readonly source: Data,
    readonly batchSize: number,
    bytes: number,
  ) {
    const { name, inputs, targets, count } = source;
    const perRow = bytesPerSample(source);
    const fitting = Math.floor(streamedRows(source, bytes) / batchSize);
    if (fitting < 1) {
      throw new RangeError(
        `${name}: dataMemory is ${bytes} bytes, too little for two batches of ${batchSize} samples of ${perRow} bytes each; allow more, or use a smaller batchSize`,
      );
    }
    this.batchesAtOnce = Math.min(fitting, MOST_BATCHES, Math.ceil(count / batchSize));
    this.#rows = Math.ceil((this.batchesAtOnce * batchSize) / ROW_ALIGNMENT) * ROW_ALIGNMENT;
    const rows = 2 * this.#rows;
    const memory = new SourceMemory(engine, name);
    this.#memory = memory;
    const column = (label: string, field: Field | StreamField) =>
      memory.add(label, typeOf(field), rows * sampleSize(field));
    memory.add(
      "order",
      "i32",
      rows,
      Int32Array.from({ length: rows }, (_, i) => i),
    );
    this.#columns = {
      inputs: column("inputs", inputs),
      targets: column("targets", targets),
      samples: memory.add("samples", "i32", rows),
    };
  }

  get data(): Readonly<Record<string, EngineBuffer>> {
    return this.#memory.data;
  }

  batch(size: number, offset = 0): Batch {
    return tracedBatch(this.source, this.#memory.nameOf, 2 * this.#rows, size, offset, true);
  }

  /** Data read later is checked against the program, too. */
  check(program: Program): void {
    this.#program = program;
  }

  async *read(reading: Reading): AsyncGenerator<readonly Batches[]> {
    const { source, batchSize } = this;
    const rows = this.batchesAtOnce * batchSize;
    const fillings = "open" in source ? ofStream(source, rows, reading) : ofDataset(source, rows, reading);
    let slot = 0;
    for await (const { inputs, targets, samples } of fillings) {
      const first = (slot % 2) * this.#rows;
      if (this.#program) this.#memory.check(this.#program, { inputs, targets }, source.classes);
      this.#columns.inputs.write(inputs, first * sampleSize(source.inputs));
      this.#columns.targets.write(targets, first * sampleSize(source.targets));
      this.#columns.samples.write(samples, first);
      yield batches(samples.length, batchSize, first);
      slot++;
    }
  }

  release(): void {
    this.#memory.release();
  }
}

/** The samples of a data set in the epoch's order: the same batches as for a resident one. */
function* ofDataset(dataset: Dataset, rows: number, { epoch, seed, shuffle }: Reading): Generator<Filling> {
  const order = epochOrder(dataset.count, seed, epoch, shuffle);
  for (let at = 0; at < order.length; at += rows) {
    const samples = new Int32Array(order.subarray(at, at + rows));
    yield {
      inputs: pickRows(dataset.inputs.data, sampleSize(dataset.inputs), samples),
      targets: pickRows(dataset.targets.data, sampleSize(dataset.targets), samples),
      samples,
    };
  }
}

/** A stream's samples as they arrive, shuffled within a slot. The next slot is filled while steps read the last. */
async function* ofStream(stream: Stream, rows: number, reading: Reading): AsyncGenerator<Filling> {
  const slots = slotsOf(stream, rows, reading);
  try {
    let next = slots.next();
    for (let slot = 0; ; slot++) {
      const { value, done } = await unlessAborted(reading.signal, next);
      if (done) return;
      next = slots.next();
      // A failure is reported when this promise is awaited.
      next.catch(() => {});
      if (!reading.shuffle) yield value;
      else {
        const { at } = permutation(
          value.samples.length,
          reading.seed,
          reading.epoch * SLOTS_PER_EPOCH + slot,
        );
        const order = Int32Array.from(value.samples, (_, i) => at(i));
        yield {
          inputs: pickRows(value.inputs, sampleSize(stream.inputs), order),
          targets: pickRows(value.targets, sampleSize(stream.targets), order),
          samples: order.map((row) => value.samples[row]),
        };
      }
    }
  } finally {
    // The source is closed where reading is broken off, without waiting: the source itself may be stuck.
    slots.return(undefined).catch(() => {});
  }
}

/** A stream's samples, `rows` at a time. */
async function* slotsOf(stream: Stream, rows: number, { epoch, seed }: Reading): AsyncGenerator<Filling> {
  const { name, count } = stream;
  const columns = [
    new Column(`${name}: inputs`, stream.inputs, rows),
    new Column(`${name}: targets`, stream.targets, rows, stream.classes),
  ];
  let read = 0;
  const filling = (length: number): Filling => {
    const [inputs, targets] = columns.map((column) => column.take(length));
    const first = read - length;
    return { inputs, targets, samples: Int32Array.from({ length }, (_, i) => first + i) };
  };
  let held = 0;
  for await (const chunk of stream.open({ epoch, seed })) {
    const length = chunkLength(stream, chunk, read);
    for (let at = 0; at < length; ) {
      const taken = Math.min(rows - held, length - at);
      columns[0].add(chunk.inputs, at, taken, read);
      columns[1].add(chunk.targets, at, taken, read);
      held += taken;
      at += taken;
      read += taken;
      if (read > count) throw new Error(`${name}: more than the declared ${count} samples; correct count`);
      if (held < rows) continue;
      yield filling(held);
      held = 0;
    }
  }
  if (read < count)
    throw new Error(`${name}: it ended after ${read} samples, but count is ${count}; correct count`);
  if (held > 0) yield filling(held);
}

/** @throws Error where a chunk does not hold whole samples, or inputs and targets differ in number */
function chunkLength({ name, inputs, targets }: Stream, chunk: Chunk, read: number): number {
  const counts = [chunk.inputs.length / sampleSize(inputs), chunk.targets.length / sampleSize(targets)];
  if (counts[0] === counts[1] && Number.isInteger(counts[0])) return counts[0];
  throw new Error(
    `${name}: the chunk after sample ${read} has ${chunk.inputs.length} elements of inputs [${inputs.shape.join(", ")}] and ${chunk.targets.length} of targets [${targets.shape.join(", ")}]; expected whole samples, and a target for each input`,
  );
}

/** One column of the slot being filled. */
class Column {
  #elements: Elements;
  #held = 0;
  readonly #size: number;

  constructor(
    readonly name: string,
    readonly field: StreamField,
    readonly rows: number,
    /** Number of classes, where the elements are class indices. */
    readonly classes?: number,
  ) {
    this.#size = sampleSize(field);
    this.#elements = this.#empty();
  }

  #empty(): Elements {
    return new (arrayOf(this.field.type))(this.rows * this.#size);
  }

  /** Adds `count` samples of a chunk from its `first` on, after `read` samples before. */
  add(data: Elements, first: number, count: number, read: number): void {
    if (data.constructor !== this.#elements.constructor) {
      throw new TypeError(
        `${this.name}: a chunk holds a ${data.constructor.name}; the stream says ${this.field.type}: expected a ${this.#elements.constructor.name}`,
      );
    }
    const part = data.subarray(first * this.#size, (first + count) * this.#size);
    // Bytes other than classes are always valid.
    const checked = this.classes !== undefined || part instanceof Float32Array;
    const bad = checked ? part.findIndex((value: number) => !this.#allows(value)) : -1;
    if (bad >= 0) {
      const found = this.classes ? `has class ${part[bad]}` : `holds ${part[bad]}`;
      const expected = this.classes ? `0 to ${this.classes - 1}` : "finite numbers";
      throw new RangeError(
        `${this.name}: sample ${read + Math.floor(bad / this.#size)} ${found}; expected ${expected}`,
      );
    }
    this.#elements.set(part, this.#held);
    this.#held += part.length;
  }

  #allows(value: number): boolean {
    return this.classes ? value >= 0 && value < this.classes : Number.isFinite(value);
  }

  /** The added samples. The next slot has its own array, because this one may still be in use. */
  take(count: number): Elements {
    const taken = this.#elements.subarray(0, count * this.#size);
    this.#elements = this.#empty();
    this.#held = 0;
    return taken;
  }
}

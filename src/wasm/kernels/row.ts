/** Rows between the passes over them. */
import type { FunctionBuilder, Variable } from "../assembler/function.ts";
import { type I32, i32, type V128, v128 } from "../assembler/instructions.ts";
import { times } from "../hooks/position.ts";
import { firstLanes } from "../vectors/lanes.ts";
import type { Fold, FoldMode } from "./fold.ts";
import type { Index, KernelCall, Lanes, Phase } from "./kernel.ts";
import { inPart, LANES, overLanes } from "./loops.ts";

/** Elements of a part. */
const PART = 8192;
/** Most vectors of a row that are kept in locals. */
const MOST_LOCALS = 4;
/** Vectors of a row that are under way together. */
export const WAYS = 2;

/** Four neighbours of a row. */
export interface Place {
  /** Position of the first. */
  readonly i: I32;
  /** Number of those in the row: fewer than 4 only at its end. */
  readonly count: number;
  readonly way: number;
  /** Number of the vector in a row that is written out. */
  readonly vector: number;
}

/** Row number `row` of [ROWS, `size`], and what hooks give and take along it. */
export class Row {
  readonly index: Index;
  readonly #lanes: Lanes;

  constructor(
    readonly f: FunctionBuilder,
    readonly call: KernelCall,
    readonly row: I32,
    size: number,
  ) {
    this.index = [{ value: row, stride: size, size: call.constants.ROWS }];
    this.#lanes = { stride: 1, size };
  }

  load(hook: string): (i: I32) => V128 {
    return this.call.load[hook].along(this.f, this.index, this.#lanes);
  }

  store(hook = "store"): (x: V128, place: Place) => void {
    const keep = this.call.store[hook].along(this.f, this.index, this.#lanes);
    return (x, { i, count }) => keep(i, x, count);
  }
}

/** Number of rows of a part. */
export function rowsOfPart(size: number): number {
  return Math.ceil(PART / size);
}

/** A phase over the rows of [ROWS, SIZE]: what `begin` returns writes one row's code. */
export function inRows(call: KernelCall, begin: (f: FunctionBuilder) => (row: Row) => void): Phase {
  const { ROWS, SIZE } = call.constants;
  const each = rowsOfPart(SIZE);
  return {
    parts: Math.ceil(ROWS / each),
    build(f, part) {
      const ofRow = begin(f);
      inPart(f, part, each, ROWS, (row) => ofRow(new Row(f, call, row, SIZE)));
    },
  };
}

/** A row of elements: in locals where it is short, else in memory of the thread. */
export class KeptRow {
  readonly #locals: number;
  readonly #address: I32 | undefined;
  #kept: I32 | undefined;
  #vectors: readonly Variable<"v128">[] = [];

  constructor(
    call: KernelCall,
    readonly size: number,
  ) {
    const vectors = Math.ceil(size / LANES);
    this.#locals = vectors <= MOST_LOCALS ? vectors : 0;
    this.#address = this.#locals > 0 ? undefined : call.threadScratch(vectors * LANES * 4);
  }

  /** Begins to keep rows in a function. */
  in(f: FunctionBuilder): this {
    this.#vectors = Array.from({ length: this.#locals }, () => f.variable("v128"));
    this.#kept = this.#address && f.constant(this.#address);
    return this;
  }

  /** Sets all elements. */
  fill(f: FunctionBuilder, make: (place: Place) => V128): void {
    this.#over(f, (place) => this.set(f, place, make(place)));
  }

  /** Four elements, a local. */
  at(f: FunctionBuilder, place: Place): V128 {
    const address = this.#addressOf(place);
    return address ? f.keep(v128.load(address)) : this.#vectors[place.vector];
  }

  /** Reads all elements. */
  each(f: FunctionBuilder, visit: (x: V128, place: Place) => void): void {
    this.#over(f, (place) => visit(this.at(f, place), place));
  }

  /** Changes all elements. */
  change(f: FunctionBuilder, make: (x: V128, place: Place) => V128): void {
    this.each(f, (x, place) => this.set(f, place, make(x, place)));
  }

  #over(f: FunctionBuilder, body: (place: Place) => void): void {
    let vector = 0;
    overLanes(f, i32.const(0), this.size, WAYS, (i, count, way) => body({ i, count, way, vector: vector++ }));
  }

  /** Sets four elements. */
  set(f: FunctionBuilder, place: Place, x: V128): void {
    const address = this.#addressOf(place);
    if (address) f.store(address, x);
    else f.set(this.#vectors[place.vector], x);
  }

  #addressOf({ i }: Place): I32 | undefined {
    return this.#kept && i32.add(this.#kept, times(i, 4));
  }
}

/** A fold of a row: a fold for each way. */
export class RowFold {
  readonly #ways: readonly Fold[];

  constructor(f: FunctionBuilder, mode: FoldMode) {
    this.#ways = Array.from({ length: WAYS }, () => mode.begin(f));
  }

  /** Takes four elements, a local. */
  take(x: V128, { way }: Place): void {
    this.#ways[way].take(x, () => x);
  }

  /** The result, in all lanes. */
  result(f: FunctionBuilder): V128 {
    return f.keep(merged(this.#ways).together()[0]);
  }
}

/** The first of several folds, which takes all that the others have seen. */
export function merged([first, ...others]: readonly Fold[]): Fold {
  for (const other of others) {
    const [value, position] = other.lanes();
    first.take(value, () => position);
  }
  return first;
}

/** `x` in the row, and a number behind its end; a local. */
export function inside(f: FunctionBuilder, { count }: Pick<Place, "count">, x: V128, behind: V128): V128 {
  return f.keep(count === LANES ? x : v128.bitselect(x, f.constant(behind), f.constant(firstLanes(count))));
}

/** What a program takes for indices: for each source, which of its elements are, and what these may be. */
import { type ScalarFunction, scalarFunctions } from "../../../kernels/scalar.ts";
import { elementCount, type IndexPlaces, type IndexRange, indexError, type Shape } from "../../../program.ts";
import { isSource, type SourceAttributes } from "../ops/source.ts";
import { stridesOf } from "../shape.ts";
import { type Emitter, type Tensor, topological } from "../tensor.ts";

/**
 * For the sources that ops use as indices, by role and name: what their elements may be. Of elements that several ops use,
 * what all of these allow.
 * @throws Error when constants are no such indices
 */
export function indexRanges(roots: readonly Tensor[]): Map<string, IndexRange[]> {
  const ranges = new Map<string, Map<string, IndexRange>>();
  for (const node of topological(roots)) {
    const indices = node.op.indices?.(node);
    if (!indices) continue;
    const { input, count, except } = indices;
    for (const [source, places] of reached(node.inputs[input])) {
      const { role, name, values } = source.attributes;
      const wrong = values && indexError(values, [{ count, except, places }]);
      if (wrong) throw new Error(`${node}: indices [${values.join(", ")}]: ${wrong}`);
      const ofSource = ranges.get(`${role} ${name}`) ?? new Map<string, IndexRange>();
      ranges.set(`${role} ${name}`, ofSource);
      const key = places ? `${places.every}: ${places.at}` : "all";
      ofSource.set(key, { ...inBoth(indices, ofSource.get(key) ?? indices), places });
    }
  }
  return new Map([...ranges].map(([key, ofSource]) => [key, [...ofSource.values()]]));
}

/** What both ranges allow: at most one of the exceptions lies outside of both counts. */
function inBoth(a: IndexRange, b: IndexRange): IndexRange {
  const allows = ({ count, except }: IndexRange, index: number) =>
    (index >= 0 && index < count) || index === except;
  const count = Math.min(a.count, b.count);
  const exceptions = [a.except, b.except].filter((one) => one !== undefined);
  const outside = exceptions.filter((one) => !(one >= 0 && one < count));
  return { count, except: outside.find((one) => allows(a, one) && allows(b, one)) };
}

type Source = Tensor<SourceAttributes>;

/** The sources that a tensor's values come from unchanged, and which of their elements; undefined for all. */
function reached(tensor: Tensor): Map<Source, IndexPlaces | undefined> {
  const all = wholeSource(tensor);
  if (all) return new Map([[all, undefined]]);
  const found = new Map<Source, Map<number, Set<number>>>();
  const tracer = new ElementTracer();
  for (let at = 0; at < elementCount(tensor.shape); at++) {
    for (const { source, every, at: place } of tracer.origins(tensor, at)) {
      const periods = found.get(source) ?? new Map<number, Set<number>>();
      found.set(source, periods);
      const places = periods.get(every) ?? new Set();
      periods.set(every, places.add(place));
    }
  }
  return new Map(
    [...found].flatMap(([source, periods]) =>
      [...periods].map(([every, at]) => [source, placesOf(source.shape, every, at)] as const),
    ),
  );
}

/** The source of which a tensor has all elements, whatever their order; undefined where that is not plain to see. */
function wholeSource(tensor: Tensor): Source | undefined {
  let node = tensor;
  while (!isSource(node)) {
    const [input] = node.inputs;
    const view = node.op.lowering.kind === "view" && elementCount(node.shape) >= elementCount(input.shape);
    if (!view && node.op.name !== "gather") return undefined;
    node = input;
  }
  return node;
}

/** The same elements of each row, where they are the same; undefined for all. */
function placesOf(shape: Shape, every: number, at: ReadonlySet<number>): IndexPlaces | undefined {
  const size = elementCount(shape.slice(1));
  const columns = new Set([...at].map((place) => place % size));
  const rows = every / size;
  const alike = Number.isInteger(rows) && at.size === columns.size * rows;
  const places = alike ? { every: size, at: columns } : { every, at };
  if (places.at.size === places.every) return undefined;
  return { every: places.every, at: [...places.at].sort((a, b) => a - b) };
}

/** One element of a source; with a period, that element of every so many. */
interface Origin {
  readonly source: Source;
  readonly every: number;
  readonly at: number;
}

/** What an instruction gives: a number that is known, elements of sources, or what only a step knows. */
type Value = { readonly known: number } | { readonly origins: readonly Origin[] };
const COMPUTED: Value = { origins: [] };

/** Positions from here on stand for rows that are only known in a step. */
const ANY_ROW = 2 ** 40;

/**
 * Follows single elements to where they come from: runs what ops write into hooks, with positions as numbers and with
 * values as {@link Value}s.
 */
class ElementTracer implements Emitter {
  readonly #values: Value[] = [];
  readonly #rows: { readonly size: number; readonly column: number }[] = [];

  origins(tensor: Tensor, at: number): readonly Origin[] {
    this.#values.length = 0;
    this.#rows.length = 0;
    const value = this.#valueOf(tensor, at);
    return "origins" in value ? value.origins : [];
  }

  #valueOf(tensor: Tensor, at: number): Value {
    const { lowering, selects } = tensor.op;
    const count = elementCount(tensor.shape);
    const row = at >= ANY_ROW ? this.#rows[at - ANY_ROW] : undefined;
    if (isSource(tensor)) {
      if (row) return { origins: [{ source: tensor, every: row.size, at: row.column }] };
      return at >= 0 && at < count ? { origins: [{ source: tensor, every: count, at }] } : COMPUTED;
    }
    if (lowering.kind === "view" && lowering.contiguous) return this.#valueOf(tensor.inputs[0], at);
    if (row) {
      const each = Array.from({ length: count / row.size }, (_, i) => i * row.size + row.column);
      const values = each.map((place) => this.#valueOf(tensor, place));
      return { origins: values.flatMap((value) => ("origins" in value ? value.origins : [])) };
    }
    // Ops look beside their inputs where they do not use what they find.
    if (at < 0 || at >= count) return COMPUTED;
    if (lowering.kind === "view") return this.#valueOf(tensor.inputs[0], lowering.position(tensor, this, at));
    if (lowering.kind === "elementwise" && selects) return this.#values[lowering.emit(tensor, this, at)];
    return COMPUTED;
  }

  #add(value: Value): number {
    return this.#values.push(value) - 1;
  }

  load(tensor: Tensor, at: number): number {
    return this.#add(this.#valueOf(tensor, at));
  }

  map(at: number, shape: Shape, strides: readonly number[], offset = 0): number {
    return stridesOf(shape).reduce(
      (sum, divisor, axis) => sum + (Math.floor(at / divisor) % shape[axis]) * strides[axis],
      offset,
    );
  }

  shift(): number {
    return this.row(0, 1, 0);
  }

  row(_index: number, size: number, column: number): number {
    return ANY_ROW + this.#rows.push({ size, column }) - 1;
  }

  position(at: number): number {
    return this.#add({ known: at });
  }

  constant(value: number): number {
    return this.#add({ known: value });
  }

  random(): number {
    return this.#add(COMPUTED);
  }

  scalar(): number {
    return this.#add(COMPUTED);
  }

  call(fn: string, args: readonly number[]): number {
    const known = args.map((arg) => {
      const value = this.#values[arg];
      return "known" in value ? value.known : undefined;
    });
    if (fn === "choose" && known[0] !== undefined) return known[0] !== 0 ? args[1] : args[2];
    const values = known.filter((value) => value !== undefined);
    if (values.length < known.length) return this.#add(COMPUTED);
    const run: (...values: number[]) => number = scalarFunctions[fn as ScalarFunction];
    return this.#add({ known: run(...values) });
  }
}

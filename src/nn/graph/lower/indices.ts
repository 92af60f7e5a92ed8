/** Finds the indices of a program: for each source, which elements serve as indices, and their range. */
import { type ScalarFunction, scalarFunctions } from "../../../kernels/scalar.ts";
import { elementCount, type IndexPlaces, type IndexRange, indexError, type Shape } from "../../../program.ts";
import { isSource, type SourceAttributes } from "../ops/source.ts";
import { stridesOf } from "../shape.ts";
import { type Emitter, type Tensor, topological } from "../tensor.ts";

/**
 * Ranges of the sources that ops use as indices, by role and name. Elements used by several ops must satisfy all of
 * them.
 * @throws Error where constants are out of range
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

/** The intersection of two ranges; at most one of the exceptions lies outside both counts. */
function inBoth(a: IndexRange, b: IndexRange): IndexRange {
  const allows = ({ count, except }: IndexRange, index: number) =>
    (index >= 0 && index < count) || index === except;
  const count = Math.min(a.count, b.count);
  const exceptions = [a.except, b.except].filter((one) => one !== undefined);
  const outside = exceptions.filter((one) => !(one >= 0 && one < count));
  return { count, except: outside.find((one) => allows(a, one) && allows(b, one)) };
}

type Source = Tensor<SourceAttributes>;

/** The sources whose values reach a tensor unchanged, with the elements concerned; undefined stands for all elements. */
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

/** The source whose elements a tensor holds completely, in any order; undefined where that is not obvious. */
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

/** The common elements of each row; undefined stands for all. */
function placesOf(shape: Shape, every: number, at: ReadonlySet<number>): IndexPlaces | undefined {
  const size = elementCount(shape.slice(1));
  const columns = new Set([...at].map((place) => place % size));
  const rows = every / size;
  const alike = Number.isInteger(rows) && at.size === columns.size * rows;
  const places = alike ? { every: size, at: columns } : { every, at };
  if (places.at.size === places.every) return undefined;
  return { every: places.every, at: [...places.at].sort((a, b) => a - b) };
}

/** One element of a source; with a period, one element of each period. */
interface Origin {
  readonly source: Source;
  readonly every: number;
  readonly at: number;
}

/** Result of an instruction: a known number, elements of sources, or a value known only in a step. */
type Value = { readonly known: number } | { readonly origins: readonly Origin[] };
const COMPUTED: Value = { origins: [] };

/** Positions from here on stand for rows known only in a step. */
const ANY_ROW = 2 ** 40;

/**
 * Traces single elements to their origin: runs the instructions of ops with numbers as positions, and {@link Value}s as
 * values.
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
    // Ops read outside their inputs where they ignore the result.
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

/**
 * Counts what a function asks for in typed arrays, buffers and arrays of a given length. Import this file before those
 * it watches: they keep the constructors that they find.
 */

const TYPED = [
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
] as const;
type Constructor = new (...args: unknown[]) => object;
const globals = globalThis as unknown as Record<string, Constructor>;

let total = 0;
let largest = 0;

function count(bytes: number): void {
  total += bytes;
  largest = Math.max(largest, bytes);
}

/** Replaces a constructor; `slice`, `map` and `from` make their arrays by the new one, too. */
function watch(name: string, bytesOf: (first: unknown, made: object) => number, species: boolean): void {
  const original = globals[name];
  const watched: Constructor = new Proxy(original, {
    construct(target, args, asked) {
      // A length is counted before the memory is there: a request that fails is a request.
      if (typeof args[0] === "number") count(bytesOf(args[0], Object(undefined)));
      const made = Reflect.construct(target, args, asked === watched ? target : asked);
      if (typeof args[0] !== "number") count(bytesOf(args[0], made));
      return made;
    },
  });
  globals[name] = watched;
  if (species) original.prototype.constructor = watched;
}

const { ArrayBuffer: PlainBuffer } = globalThis;
watch("ArrayBuffer", (length) => Number(length ?? 0), true);
for (const name of TYPED) {
  const { BYTES_PER_ELEMENT: each } = globals[name] as unknown as { BYTES_PER_ELEMENT: number };
  watch(
    name,
    (first, made) => {
      if (typeof first === "number") return first * each;
      // A view of memory that is there takes none.
      return first instanceof PlainBuffer ? 0 : ((made as { byteLength?: number }).byteLength ?? 0);
    },
    true,
  );
}
watch("Array", (first) => (typeof first === "number" ? first * 8 : 0), false);

/** Bytes asked for: by the largest request, and by all of them, freed ones as well. */
export interface Allocated {
  readonly largest: number;
  readonly total: number;
}

/** Runs a function, alone: the count is the process's. */
export async function allocatedBy(work: () => unknown): Promise<Allocated> {
  total = 0;
  largest = 0;
  await work();
  return { largest, total };
}

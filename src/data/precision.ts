/** Checks that 64-bit numbers and 32-bit integers survive rounding to the 32-bit floats in which engines compute. */
import { type Field, sampleSize } from "./dataset.ts";

/** Largest rounding error, as a fraction of a column's deviation. */
const MOST_ROUNDING = 2 ** -10;

export interface PrecisionOptions {
  /** Names of a sample's elements, for error messages. */
  readonly names?: readonly string[] | undefined;
  /** Advice that ends the error message. */
  readonly remedy: string;
}

/**
 * @throws RangeError naming the first column whose values 32-bit floats merge or shift: different values would become
 *   equal, or their distances wrong
 */
export function checkPrecision(owner: string, field: Field, { names, remedy }: PrecisionOptions): void {
  const { data, shape } = field;
  const exact = field.exact ?? (data instanceof Int32Array ? data : undefined);
  if (!exact) return;
  const size = sampleSize(field);
  const count = exact.length / size;
  for (let column = 0; column < size; column++) {
    const first = exact[column];
    // Relative to the first value: sums of squares of large numbers would round, too.
    let [sum, squares, errors] = [0, 0, 0];
    for (let at = column; at < exact.length; at += size) {
      const value = exact[at];
      sum += value - first;
      squares += (value - first) ** 2;
      errors += (value - Math.fround(value)) ** 2;
    }
    const deviation = Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2));
    if (Math.sqrt(errors / count) <= MOST_ROUNDING * deviation || deviation === 0) continue;
    const name = names?.length === size ? ` ("${names[column]}")` : "";
    const label = `${shape.length < 2 ? "column" : "element"} ${column}${name}`;
    const step = 2 ** (Math.floor(Math.log2(Math.abs(first))) - 23);
    throw new RangeError(
      `${owner}: ${label}: numbers such as ${first} deviate by only ${rough(deviation)}, and 32-bit floats, which engines ` +
        `compute in, know such numbers to ${rough(step)}; ${remedy}`,
    );
  }
}

function rough(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** The classes of a data set's samples, for what deals samples out by class. */
import type { Dataset, InputSet } from "./dataset.ts";

/** The samples of each class that occurs, in the order of `order`; classes by their first sample. */
export function samplesByClass(
  operation: string,
  source: InputSet,
  order: Uint32Array,
): Map<number, number[]> {
  const { classes, targets } = source as InputSet & Partial<Dataset>;
  if (classes === undefined || !targets) {
    throw new TypeError(
      `${operation}: ${source.name} has no classes to go by; give dataset() \`classes\`, or deal samples out whatever their class`,
    );
  }
  const found = new Map<number, number[]>();
  for (const index of order) {
    const label = targets.data[index] as number;
    const samples = found.get(label);
    if (samples) samples.push(index);
    else found.set(label, [index]);
  }
  return found;
}

/** @throws RangeError naming each class that has fewer samples than there are parts to be in */
export function checkClassCounts(
  operation: string,
  source: InputSet,
  byClass: ReadonlyMap<number, readonly number[]>,
  parts: number,
  partsName: string,
): void {
  const few = [...byClass].filter(([, samples]) => samples.length < parts).sort(([a], [b]) => a - b);
  if (few.length === 0) return;
  const listed = few.map(([label, { length }]) => `class ${label} has ${length}`).join(", ");
  throw new RangeError(
    `${operation}: ${source.name}: ${listed}, fewer samples than the ${parts} ${partsName}; ` +
      `use at most ${Math.min(...few.map(([, { length }]) => length))}, or drop the class`,
  );
}

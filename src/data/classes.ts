/** Groups samples by class, for splits and folds that keep the proportions of classes. */
import type { Dataset, InputSet } from "./dataset.ts";

/** Sample indices by class, in the order of `order`; classes stand in the order of their first sample. */
export function samplesByClass(
  operation: string,
  source: InputSet,
  order: Uint32Array,
): Map<number, number[]> {
  const { classes, targets } = source as InputSet & Partial<Dataset>;
  if (classes === undefined || !targets) {
    throw new TypeError(
      `${operation}: ${source.name} has no classes; give dataset() \`classes\`, or split without regard to classes`,
    );
  }
  const found = new Map<number, number[]>();
  for (const index of order) {
    const label = targets.data[index];
    const samples = found.get(label);
    if (samples) samples.push(index);
    else found.set(label, [index]);
  }
  return found;
}

/** @throws RangeError naming each class with fewer samples than parts */
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

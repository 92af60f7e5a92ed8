import { inRows, stored, type TwinCall } from "./twin.ts";

export function* scatterRows({ constants: { ROWS, WIDTH, COUNT }, load, store }: TwinCall) {
  const sums = new Float64Array(ROWS * WIDTH);
  yield* inRows(COUNT, WIDTH, (first, count) => {
    const indices = load.rowOf(first, count);
    const elements = load.element(first * WIDTH, count * WIDTH);
    for (let i = 0; i < count; i++) {
      const index = indices[i];
      if (!(index >= 0 && index < ROWS)) continue;
      const row = Math.trunc(index) * WIDTH;
      for (let column = 0; column < WIDTH; column++) sums[row + column] += elements[i * WIDTH + column];
    }
  });
  yield* stored(store.store, sums);
}

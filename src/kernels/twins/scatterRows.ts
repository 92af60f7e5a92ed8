import type { TwinCall } from "./twin.ts";

export function scatterRows({ constants: { ROWS, WIDTH, COUNT }, load, store }: TwinCall) {
  const sums = new Float64Array(ROWS * WIDTH);
  for (let i = 0; i < COUNT; i++) {
    const index = load.rowOf(i);
    if (!(index >= 0 && index < ROWS)) continue;
    const row = Math.trunc(index);
    for (let column = 0; column < WIDTH; column++)
      sums[row * WIDTH + column] += load.element(i * WIDTH + column);
  }
  for (let at = 0; at < sums.length; at++) store.store(at, sums[at]);
}

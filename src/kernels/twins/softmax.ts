import { pauses, type TwinCall } from "./twin.ts";

export function* softmax({ constants: { ROWS, SIZE, LOGARITHM }, load, store }: TwinCall) {
  const pause = pauses();
  for (let row = 0; row < ROWS; row++) {
    if (pause(3 * SIZE)) yield;
    const first = row * SIZE;
    let highest = -Infinity;
    for (let i = 0; i < SIZE; i++) highest = Math.max(highest, load.element(first + i));
    let sum = 0;
    for (let i = 0; i < SIZE; i++) sum += Math.exp(load.element(first + i) - highest);
    for (let i = 0; i < SIZE; i++) {
      const shifted = load.element(first + i) - highest;
      store.store(first + i, LOGARITHM === 1 ? shifted - Math.log(sum) : Math.exp(shifted) / sum);
    }
  }
}

import { inRows, type TwinCall } from "./twin.ts";

export function softmax({ constants: { ROWS, SIZE, LOGARITHM }, load, store }: TwinCall) {
  return inRows(ROWS, SIZE, (row, count) => {
    const values = load.element(row * SIZE, count * SIZE);
    const results = new Float64Array(count * SIZE);
    for (let first = 0; first < results.length; first += SIZE) {
      const end = first + SIZE;
      let highest = -Infinity;
      for (let i = first; i < end; i++) highest = Math.max(highest, values[i]);
      let sum = 0;
      for (let i = first; i < end; i++) sum += Math.exp(values[i] - highest);
      for (let i = first; i < end; i++) {
        const shifted = values[i] - highest;
        results[i] = LOGARITHM === 1 ? shifted - Math.log(sum) : Math.exp(shifted) / sum;
      }
    }
    store.store(row * SIZE, results);
  });
}

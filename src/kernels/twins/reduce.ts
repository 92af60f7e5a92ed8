import { REDUCE_MODES } from "../reduce.ts";
import { exceeds } from "../scalar.ts";
import { inParts, stored, type TwinCall } from "./twin.ts";

export function* reduce({ constants: { OUTPUTS, SIZE, MODE }, load, store }: TwinCall) {
  const results = new Float64Array(OUTPUTS);
  const first = MODE === REDUCE_MODES.sum ? 0 : -Infinity;
  let output = 0;
  let r = 0;
  let total = first;
  let position = 0;
  yield* inParts(OUTPUTS * SIZE, (start, end) => {
    const values = load.element(start, end - start);
    for (let i = 0; i < end - start; i++) {
      if (MODE === REDUCE_MODES.sum) total += values[i];
      else if (exceeds(values[i], total)) {
        total = values[i];
        position = r;
      }
      if (++r < SIZE) continue;
      results[output++] = MODE === REDUCE_MODES.argmax ? position : total;
      r = 0;
      total = first;
      position = 0;
    }
  });
  yield* stored(store.store, results);
}

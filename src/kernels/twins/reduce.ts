import { REDUCE_MODES } from "../reduce.ts";
import { exceeds } from "../scalar.ts";
import { PART, pauses, type TwinCall } from "./twin.ts";

export function* reduce({ constants: { OUTPUTS, SIZE, MODE }, load, store }: TwinCall) {
  const pause = pauses();
  for (let output = 0; output < OUTPUTS; output++) {
    let total = MODE === REDUCE_MODES.sum ? 0 : -Infinity;
    let position = 0;
    for (let start = 0; start < SIZE; start += PART) {
      const end = Math.min(SIZE, start + PART);
      for (let r = start; r < end; r++) {
        const value = load.element(output * SIZE + r);
        if (MODE === REDUCE_MODES.sum) total += value;
        else if (exceeds(value, total)) {
          total = value;
          position = r;
        }
      }
      if (pause(end - start)) yield;
    }
    store.store(output, MODE === REDUCE_MODES.argmax ? position : total);
  }
}

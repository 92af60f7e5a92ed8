import { exceeds } from "../scalar.ts";
import { pauses, type TwinCall } from "./twin.ts";

export function* crossEntropy({ constants: { ROWS, CLASSES, SMOOTHING }, load, store }: TwinCall) {
  let total = 0;
  let correct = 0;
  const pause = pauses();
  for (let row = 0; row < ROWS; row++) {
    if (pause(3 * CLASSES)) yield;
    const first = row * CLASSES;
    const answer = load.label(row);
    let highest = -Infinity;
    let best = 0;
    for (let c = 0; c < CLASSES; c++) {
      const x = load.logit(first + c);
      if (exceeds(x, highest)) {
        highest = x;
        best = c;
      }
    }
    let sum = 0;
    let mean = 0;
    for (let c = 0; c < CLASSES; c++) {
      // In 32 bits the distance of the largest numbers is infinite.
      const below = Math.fround(highest - load.logit(first + c));
      sum += Math.exp(-below);
      mean += below / CLASSES;
    }
    const answered = (1 - SMOOTHING) * Math.fround(highest - load.logit(first + answer)) + Math.log(sum);
    // A class without any probability is infinitely far below: no loss where nothing is smoothed.
    const loss = SMOOTHING > 0 ? answered + SMOOTHING * mean : answered;
    store.storeLoss(row, loss);
    total += loss;
    correct += best === answer && !Number.isNaN(highest) ? 1 : 0;
    for (let c = 0; c < CLASSES; c++) {
      const goal = (c === answer ? 1 - SMOOTHING : 0) + SMOOTHING / CLASSES;
      store.storeGradient(first + c, Math.exp(load.logit(first + c) - highest) / sum - goal);
    }
  }
  store.storeTotal(0, total);
  store.storeCorrect(0, correct);
}

import { exceeds } from "../scalar.ts";
import { inRows, stored, type TwinCall } from "./twin.ts";

export function* crossEntropy({ constants: { ROWS, CLASSES, SMOOTHING }, load, store }: TwinCall) {
  let total = 0;
  let correct = 0;
  const losses = new Float64Array(ROWS);
  yield* inRows(ROWS, CLASSES, (start, count) => {
    const answers = load.label(start, count);
    const own = Array.from(answers, (answer, i) => load.logit((start + i) * CLASSES + answer, 1)[0]);
    const logits = load.logit(start * CLASSES, count * CLASSES);
    const gradients = new Float64Array(count * CLASSES);
    for (let row = 0; row < count; row++) {
      const answer = answers[row];
      const first = row * CLASSES;
      let highest = -Infinity;
      let best = 0;
      for (let c = 0; c < CLASSES; c++) {
        const x = logits[first + c];
        if (exceeds(x, highest)) {
          highest = x;
          best = c;
        }
      }
      let sum = 0;
      let mean = 0;
      for (let c = 0; c < CLASSES; c++) {
        // In 32 bits the distance of the largest numbers is infinite.
        const below = Math.fround(highest - logits[first + c]);
        sum += Math.exp(-below);
        mean += below / CLASSES;
      }
      const answered = (1 - SMOOTHING) * Math.fround(highest - own[row]) + Math.log(sum);
      // A class without any probability is infinitely far below: no loss where nothing is smoothed.
      const loss = SMOOTHING > 0 ? answered + SMOOTHING * mean : answered;
      losses[start + row] = loss;
      total += loss;
      correct += best === answer && !Number.isNaN(highest) ? 1 : 0;
      for (let c = 0; c < CLASSES; c++) {
        const goal = (c === answer ? 1 - SMOOTHING : 0) + SMOOTHING / CLASSES;
        gradients[first + c] = Math.exp(logits[first + c] - highest) / sum - goal;
      }
    }
    store.storeGradient(start * CLASSES, gradients);
  });
  yield* stored(store.storeLoss, losses);
  store.storeTotal(0, Float64Array.of(total));
  store.storeCorrect(0, Float64Array.of(correct));
}

import shader from "../../shaders/crossEntropy.wgsl?raw";
import { defineKernel } from "./index.ts";
import { exceeds } from "./scalar.ts";
import { inRows, stored } from "./twin.ts";

/** Most invocations of a workgroup, one for each row. */
const MOST_ROWS = 128;

/** Up to this many logits, one workgroup takes all, and can sum the batch's loss. */
const SINGLE_GROUP_LIMIT = 65536;

export function fitsOneGroup(rows: number, classes: number): boolean {
  return rows * classes <= SINGLE_GROUP_LIMIT;
}

/** Constants for logits [rows, classes]; `smoothing` in [0, 1). */
export function crossEntropyConstants(rows: number, classes: number, smoothing: number) {
  let WORKGROUP = 1;
  while (WORKGROUP < Math.min(rows, MOST_ROWS)) WORKGROUP *= 2;
  const GROUPS = fitsOneGroup(rows, classes) ? 1 : Math.min(1024, Math.ceil(rows / WORKGROUP));
  return { ROWS: rows, CLASSES: classes, SMOOTHING: smoothing, WORKGROUP, GROUPS };
}

/** Softmax cross-entropy against class indices: losses, gradient, total and hits, as requested. */
export const crossEntropy = defineKernel({
  name: "crossEntropy",
  shader,
  entryPoint: "crossEntropy",
  bindings: {},
  constants: { ROWS: "u32", CLASSES: "u32", SMOOTHING: "f32", WORKGROUP: "u32", GROUPS: "u32" },
  hooks: {
    logit: "load",
    label: "load",
    storeLoss: "store",
    storeGradient: "store",
    storeTotal: "store",
    storeCorrect: "store",
  },
  grid: ({ GROUPS }) => [GROUPS, 1, 1],
  workgroup: ({ WORKGROUP }) => [WORKGROUP, 1],
  flops: ({ ROWS, CLASSES }) => 8 * ROWS * CLASSES,
  loads: ({ ROWS, CLASSES }) => ({ logit: ROWS * CLASSES, label: ROWS }),
  *twin({ constants: { ROWS, CLASSES, SMOOTHING }, load, store }) {
    let total = 0;
    let correct = 0;
    const losses = new Float64Array(ROWS);
    yield* inRows(ROWS, CLASSES, (start, count, gradients) => {
      const answers = load.label(start, count);
      const own = Array.from(answers, (answer, i) => load.logit((start + i) * CLASSES + answer, 1)[0]);
      const logits = load.logit(start * CLASSES, count * CLASSES);
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
          // In 32 bits the difference of the largest numbers is infinite.
          const below = Math.fround(highest - logits[first + c]);
          sum += Math.exp(-below);
          mean += below / CLASSES;
        }
        const answered = (1 - SMOOTHING) * Math.fround(highest - own[row]) + Math.log(sum);
        // A class of probability 0 is infinitely far below: no loss without smoothing.
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
  },
});

import shader from "../../shaders/crossEntropy.wgsl?raw";
import lanes from "../../shaders/lanes.wgsl?raw";
import { defineKernel } from "./index.ts";
import { type Constants, type DeviceTraits, isNarrow, MAX_GROUPS, type Variant } from "./kernel.ts";
import { busyLanes, withSubgroup } from "./lanes.ts";
import { exceeds } from "./scalar.ts";
import { inRows, stored } from "./twin.ts";

/** Most invocations of a workgroup of a narrow device, one for each row. */
const NARROW_WORKGROUP = 128;
/** Invocations of a workgroup of a wide device, where there are several, and most of a single one. */
const WORKGROUP = 64;
const LARGE_WORKGROUP = 256;
/** Most classes of a row that an invocation of a wide device keeps in registers. */
const MOST_KEPT = 16;
/** Least fraction of lanes of a row that have a class in their last turn. */
const BUSY = 0.8;
const MOST_GROUPS = 1024;

/** Up to so many rows and logits, one workgroup takes all, and adds up the losses of the batch. */
const SINGLE_ROWS = 512;
const SINGLE_LOGITS = 8192;

export function fitsOneGroup(rows: number, classes: number): boolean {
  return rows <= SINGLE_ROWS && rows * classes <= SINGLE_LOGITS;
}

/** Constants for logits [rows, classes]; `smoothing` in [0, 1). */
export function crossEntropyConstants(rows: number, classes: number, smoothing: number) {
  const workgroup = powerOfTwo(Math.min(rows, NARROW_WORKGROUP));
  return {
    ROWS: rows,
    CLASSES: classes,
    SMOOTHING: smoothing,
    LANES: 1,
    LANE_STRIDE: 1,
    SUBGROUP: 1,
    TILE_KEPT: 0,
    WORKGROUP: workgroup,
    GROUPS: fitsOneGroup(rows, classes) ? 1 : Math.min(MOST_GROUPS, Math.ceil(rows / workgroup)),
  };
}

/** The least power of two that is not below a number. */
function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(least));
}

/** Lanes share a row, and keep its classes where they are few. */
function variants(constants: Constants, traits: DeviceTraits): Variant[] {
  if (isNarrow(traits)) return [];
  const { ROWS, CLASSES, GROUPS } = constants;
  const single = GROUPS === 1 && fitsOneGroup(ROWS, CLASSES);
  let LANES = 1;
  if (!single) LANES = busyLanes({ results: ROWS, size: CLASSES, workgroup: WORKGROUP });
  else while (ROWS * LANES * 2 <= LARGE_WORKGROUP && fillsLanes(CLASSES, LANES * 2)) LANES *= 2;
  const workgroup = single
    ? Math.min(LARGE_WORKGROUP, Math.max(WORKGROUP, powerOfTwo(ROWS * LANES)))
    : WORKGROUP;
  const each = Math.ceil(CLASSES / LANES);
  const made = {
    ...constants,
    LANES,
    TILE_KEPT: each <= MOST_KEPT ? each : 0,
    WORKGROUP: workgroup,
    GROUPS: single ? 1 : Math.min(MAX_GROUPS, Math.ceil((ROWS * LANES) / workgroup)),
  };
  return [{ kernel: "crossEntropy", constants: withSubgroup(made, traits) }];
}

function fillsLanes(classes: number, lanes: number): boolean {
  return classes >= BUSY * lanes * Math.ceil(classes / lanes);
}

/** Softmax cross-entropy against class indices: losses, gradient, total and hits, as requested. */
export const crossEntropy = defineKernel({
  name: "crossEntropy",
  shader: shader + lanes,
  entryPoint: "crossEntropy",
  bindings: {},
  constants: {
    ROWS: "u32",
    CLASSES: "u32",
    SMOOTHING: "f32",
    LANES: "u32",
    LANE_STRIDE: "u32",
    SUBGROUP: "u32",
    TILE_KEPT: "u32",
    WORKGROUP: "u32",
    GROUPS: "u32",
  },
  hooks: {
    logit: "load",
    label: "load",
    storeLoss: "store",
    storeHit: "store",
    storeGradient: "store",
    storeTotal: "store",
    storeCorrect: "store",
  },
  variants,
  grid: ({ GROUPS }) => [GROUPS, 1, 1],
  workgroup: ({ WORKGROUP }) => [WORKGROUP, 1],
  numbers: (_constants, traits) => (isNarrow(traits) ? ["ROWS"] : ["ROWS", "GROUPS"]),
  flops: ({ ROWS, CLASSES }) => 8 * ROWS * CLASSES,
  loads: ({ ROWS, CLASSES }) => ({ logit: ROWS * CLASSES, label: ROWS }),
  *twin({ constants: { ROWS, CLASSES, SMOOTHING }, load, store }) {
    let total = 0;
    let correct = 0;
    const losses = new Float64Array(ROWS);
    const hits = new Float64Array(ROWS);
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
        hits[start + row] = best === answer && !Number.isNaN(highest) ? 1 : 0;
        correct += hits[start + row];
        for (let c = 0; c < CLASSES; c++) {
          const goal = (c === answer ? 1 - SMOOTHING : 0) + SMOOTHING / CLASSES;
          gradients[first + c] = Math.exp(logits[first + c] - highest) / sum - goal;
        }
      }
      store.storeGradient(start * CLASSES, gradients);
    });
    yield* stored(store.storeLoss, losses);
    yield* stored(store.storeHit, hits);
    store.storeTotal(0, Float64Array.of(total));
    store.storeCorrect(0, Float64Array.of(correct));
  },
});

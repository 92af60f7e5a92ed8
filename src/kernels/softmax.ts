import lanes from "../../shaders/lanes.wgsl?raw";
import shader from "../../shaders/softmax.wgsl?raw";
import { defineKernel } from "./index.ts";
import { type Constants, type DeviceTraits, isNarrow, spread, type Variant } from "./kernel.ts";
import { busyLanes, narrowLanes, withSubgroup } from "./lanes.ts";
import { inRows } from "./twin.ts";

const WORKGROUP = 64;
/** Invocations of a workgroup of a wide device where a row is long. */
const LARGE_WORKGROUP = 256;
/** Most elements of a row that an invocation of a wide device keeps in registers. */
const MOST_KEPT = 16;

/** Constants for softmax or its logarithm, and their gradients, along the last axis of [rows, size]. */
export function softmaxConstants(rows: number, size: number, logarithm: boolean) {
  const constants = {
    ROWS: rows,
    SIZE: size,
    LANES: narrowLanes(rows, size, WORKGROUP),
    LANE_STRIDE: 1,
    SUBGROUP: 1,
    TILE_KEPT: 0,
    WORKGROUP,
    LOGARITHM: logarithm ? 1 : 0,
  };
  return { ...constants, GROUPS_X: groups(constants)[0] };
}

/** Lanes read side by side, and keep what they read where that is little. */
function variants(kernel: string) {
  return (constants: Constants, traits: DeviceTraits): Variant[] => {
    if (isNarrow(traits)) return [];
    const { ROWS, SIZE } = constants;
    const workgroup = SIZE > WORKGROUP * MOST_KEPT ? LARGE_WORKGROUP : WORKGROUP;
    const LANES = busyLanes({ results: ROWS, size: SIZE, workgroup });
    const each = Math.ceil(SIZE / LANES);
    const made = { ...constants, LANES, TILE_KEPT: each <= MOST_KEPT ? each : 0, WORKGROUP: workgroup };
    return [{ kernel, constants: withSubgroup({ ...made, GROUPS_X: groups(made)[0] }, traits) }];
  };
}

function groups({ ROWS, LANES, WORKGROUP }: Constants) {
  return spread(Math.ceil(ROWS / (WORKGROUP / LANES)));
}

/** Softmax or log-softmax along the last axis, shifted by the row's maximum. */
export const softmax = defineKernel({
  name: "softmax",
  shader: shader + lanes,
  entryPoint: "softmax",
  bindings: {},
  constants: {
    ROWS: "u32",
    SIZE: "u32",
    LANES: "u32",
    LANE_STRIDE: "u32",
    SUBGROUP: "u32",
    TILE_KEPT: "u32",
    WORKGROUP: "u32",
    LOGARITHM: "u32",
    GROUPS_X: "u32",
  },
  hooks: { element: "load", store: "store" },
  variants: variants("softmax"),
  grid: groups,
  workgroup: ({ WORKGROUP }) => [WORKGROUP, 1],
  joinable: true,
  numbers: (_constants, traits) => (isNarrow(traits) ? ["ROWS", "SIZE", "GROUPS_X"] : ["ROWS", "GROUPS_X"]),
  flops: ({ ROWS, SIZE }) => 5 * ROWS * SIZE,
  loads: ({ ROWS, SIZE }) => ({ element: ROWS * SIZE }),
  twin({ constants: { ROWS, SIZE, LOGARITHM }, load, store }) {
    return inRows(ROWS, SIZE, (row, count, results) => {
      const values = load.element(row * SIZE, count * SIZE);
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
  },
});

/** The gradient of {@link softmax}, from its result and the gradient that arrives there. */
export const softmaxGradient = defineKernel({
  ...softmax,
  name: "softmaxGradient",
  entryPoint: "softmaxGradient",
  hooks: { element: "load", arriving: "load", store: "store" },
  variants: variants("softmaxGradient"),
  flops: ({ ROWS, SIZE }) => 4 * ROWS * SIZE,
  loads: ({ ROWS, SIZE }) => ({ element: ROWS * SIZE, arriving: ROWS * SIZE }),
  twin({ constants: { ROWS, SIZE, LOGARITHM }, load, store }) {
    return inRows(ROWS, SIZE, (row, count, results) => {
      const ys = load.element(row * SIZE, count * SIZE);
      const dys = load.arriving(row * SIZE, count * SIZE);
      for (let first = 0; first < results.length; first += SIZE) {
        const end = first + SIZE;
        let sum = 0;
        for (let i = first; i < end; i++) sum += LOGARITHM === 1 ? dys[i] : dys[i] * ys[i];
        for (let i = first; i < end; i++)
          results[i] = LOGARITHM === 1 ? dys[i] - Math.exp(ys[i]) * sum : ys[i] * (dys[i] - sum);
      }
      store.store(row * SIZE, results);
    });
  },
});

import lanes from "../../shaders/lanes.wgsl?raw";
import shader from "../../shaders/layerNorm.wgsl?raw";
import gradientShader from "../../shaders/layerNormGradient.wgsl?raw";
import gradientSerialShader from "../../shaders/layerNormGradientSerial.wgsl?raw";
import rows from "../../shaders/layerNormRows.wgsl?raw";
import serialShader from "../../shaders/layerNormSerial.wgsl?raw";
import { defineKernel } from "./index.ts";
import { type Constants, type DeviceTraits, isNarrow } from "./kernel.ts";
import { withSubgroup } from "./lanes.ts";
import { inRows, stored, type TwinCall } from "./twin.ts";

/** Largest workgroup, and most elements of a row that an invocation keeps in registers. */
const INVOCATIONS = 256;
const ELEMENTS = 16;
/** With fewer invocations, more of them share a row. */
const WANTED_INVOCATIONS = 4096;
/** Rows of a workgroup: the least, and as many as narrow devices keep numbers of in a workgroup's memory. */
const FEW_ROWS = 8;
const MANY_ROWS = 512;
/** Workgroups that keep a device busy. */
const GROUPS = 128;

/** Whether the kernels can take rows of `size` elements: a workgroup keeps whole rows in registers. */
export function fitsLayerNorm(size: number): boolean {
  return size <= INVOCATIONS * ELEMENTS;
}

/** Constants for normalising `rows` of `size` elements. */
export function layerNormConstants(rows: number, size: number, epsilon: number) {
  let LANES = 1;
  while (LANES < INVOCATIONS && LANES * 12 < size) LANES *= 2;
  while (LANES < INVOCATIONS && LANES * 2 <= size && rows * LANES < WANTED_INVOCATIONS) LANES *= 2;
  const least = Math.ceil(size / LANES);
  // Whole groups of four, where rows have those.
  const TILE_Q = size % 4 === 0 && least > 2 ? Math.ceil(least / 4) * 4 : least;
  let rowsOfGroup = FEW_ROWS;
  while (rowsOfGroup < MANY_ROWS && rowsOfGroup * GROUPS < rows) rowsOfGroup *= 2;
  while (rowsOfGroup > 1 && rowsOfGroup / 2 >= rows) rowsOfGroup /= 2;
  const WORKGROUP = Math.max(64, Math.min(rowsOfGroup * LANES, INVOCATIONS));
  const TURNS = Math.ceil((rowsOfGroup * LANES) / WORKGROUP);
  return {
    ROWS: rows,
    SIZE: size,
    EPSILON: epsilon,
    LANES,
    LANE_STRIDE: 1,
    TILE_Q,
    WORKGROUP,
    TURNS,
    SUBGROUP: 1,
  };
}

/** Number of rows that a workgroup takes. */
export function rowsOfGroup({ LANES = 1, WORKGROUP, TURNS }: Constants): number {
  return (WORKGROUP / LANES) * TURNS;
}

/** Number of parts in which the gradients of weight and bias come: one from each workgroup. */
export function layerNormParts(constants: Constants): number {
  return Math.ceil(constants.ROWS / rowsOfGroup(constants));
}

/** Constants for one invocation a row, in workgroups that take the same rows. */
export function serialConstants(constants: Constants) {
  const { ROWS, SIZE, EPSILON } = constants;
  const rows = rowsOfGroup(constants);
  const WORKGROUP = Math.min(8, rows);
  return { ROWS, SIZE, EPSILON, WORKGROUP, TURNS: rows / WORKGROUP };
}

/**
 * On narrow devices an invocation takes whole rows, by the kernel of that name. Sums have another order there, so that
 * there is nothing to choose by measuring.
 */
function variantsFor(kernel: string, serial: string) {
  return (constants: Constants, traits: DeviceTraits) => [
    isNarrow(traits)
      ? { kernel: serial, constants: serialConstants(constants) }
      : { kernel, constants: withSubgroup(constants, traits) },
  ];
}

const rowConstants = { ROWS: "u32", SIZE: "u32", EPSILON: "f32", WORKGROUP: "u32", TURNS: "u32" } as const;
const laneConstants = {
  ...rowConstants,
  LANES: "u32",
  LANE_STRIDE: "u32",
  TILE_Q: "u32",
  SUBGROUP: "u32",
} as const;

const shared = {
  bindings: {},
  numbers: (_constants: Constants, traits: DeviceTraits) => (isNarrow(traits) ? [] : ["ROWS"]),
  grid: (constants: Constants) => [layerNormParts(constants), 1, 1] as const,
  workgroup: ({ WORKGROUP }: Constants) => [WORKGROUP, 1] as const,
  joinable: true,
} as const;

/** Mean and standard deviation of `size` elements, `epsilon` added to the variance. */
function spreadOf(x: Float32Array, first: number, size: number, epsilon: number) {
  let sum = 0;
  for (let i = first; i < first + size; i++) sum += x[i];
  const mean = sum / size;
  let squares = 0;
  for (let i = first; i < first + size; i++) squares += (x[i] - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / size + epsilon) };
}

const forward = {
  ...shared,
  hooks: { element: "load", weight: "load", bias: "load", store: "store" },
  flops: ({ ROWS, SIZE }: Constants) => 8 * ROWS * SIZE,
  loads: ({ ROWS, SIZE }: Constants) => ({ element: ROWS * SIZE, weight: SIZE, bias: SIZE }),
  twin({ constants: { ROWS, SIZE, EPSILON }, load, store }: TwinCall) {
    const weight = load.weight(0, SIZE);
    const bias = load.bias(0, SIZE);
    return inRows(ROWS, SIZE, (row, count, results) => {
      const x = load.element(row * SIZE, count * SIZE);
      for (let first = 0; first < results.length; first += SIZE) {
        const { mean, deviation } = spreadOf(x, first, SIZE, EPSILON);
        for (let i = 0; i < SIZE; i++)
          results[first + i] = ((x[first + i] - mean) / deviation) * weight[i] + bias[i];
      }
      store.store(row * SIZE, results);
    });
  },
} as const;

/** Rows less their mean, by their standard deviation, times weight, plus bias. */
export const layerNorm = defineKernel({
  ...forward,
  name: "layerNorm",
  shader: shader + rows + lanes,
  entryPoint: "layerNorm",
  constants: laneConstants,
  variants: variantsFor("layerNorm", "layerNormSerial"),
});

/** As {@link layerNorm}, for narrow devices. */
export const layerNormSerial = defineKernel({
  ...forward,
  name: "layerNormSerial",
  shader: serialShader,
  entryPoint: "layerNormSerial",
  constants: rowConstants,
});

const gradient = {
  ...shared,
  hooks: {
    element: "load",
    arriving: "load",
    weight: "load",
    store: "store",
    storeWeight: "store",
    storeBias: "store",
  },
  flops: ({ ROWS, SIZE }: Constants) => 18 * ROWS * SIZE,
  loads: ({ ROWS, SIZE }: Constants) => ({ element: ROWS * SIZE, arriving: ROWS * SIZE, weight: SIZE }),
  *twin({ constants, load, store }: TwinCall) {
    const { ROWS, SIZE, EPSILON } = constants;
    const weight = load.weight(0, SIZE);
    const parts = layerNormParts(constants);
    const rows = rowsOfGroup(constants);
    const weightSums = new Float64Array(parts * SIZE);
    const biasSums = new Float64Array(parts * SIZE);
    yield* inRows(ROWS, SIZE, (row, count, results) => {
      const x = load.element(row * SIZE, count * SIZE);
      const dy = load.arriving(row * SIZE, count * SIZE);
      for (let r = 0; r < count; r++) {
        const first = r * SIZE;
        const { mean, deviation } = spreadOf(x, first, SIZE, EPSILON);
        let sum = 0;
        let product = 0;
        const part = Math.floor((row + r) / rows) * SIZE;
        for (let i = 0; i < SIZE; i++) {
          const normalised = (x[first + i] - mean) / deviation;
          const gradient = dy[first + i];
          weightSums[part + i] += gradient * normalised;
          biasSums[part + i] += gradient;
          sum += gradient * weight[i];
          product += gradient * weight[i] * normalised;
        }
        // All are NaN where dy is infinite somewhere.
        const slope = product / SIZE + sum * 0;
        for (let i = 0; i < SIZE; i++) {
          const normalised = (x[first + i] - mean) / deviation;
          results[first + i] = (dy[first + i] * weight[i] - sum / SIZE - normalised * slope) / deviation;
        }
      }
      store.store(row * SIZE, results);
    });
    yield* stored(store.storeWeight, weightSums);
    yield* stored(store.storeBias, biasSums);
  },
} as const;

/** The gradients of {@link layerNorm}; those of weight and bias in parts, to be summed. */
export const layerNormGradient = defineKernel({
  ...gradient,
  name: "layerNormGradient",
  shader: gradientShader + rows + lanes,
  entryPoint: "layerNormGradient",
  // Columns of the rows at once, and values of lanes.
  valueBytes: ({ WORKGROUP, TILE_Q }) => 4 * WORKGROUP * (TILE_Q + 1.5),
  constants: laneConstants,
  // What lanes exchange, and the columns of several rows side by side.
  workgroupBytes: ({ WORKGROUP, LANES, TILE_Q }) =>
    4 * (1.5 * WORKGROUP + (LANES < WORKGROUP ? WORKGROUP * TILE_Q : 1)),
  variants: variantsFor("layerNormGradient", "layerNormGradientSerial"),
});

/** As {@link layerNormGradient}, for narrow devices. */
export const layerNormGradientSerial = defineKernel({
  ...gradient,
  name: "layerNormGradientSerial",
  shader: gradientSerialShader,
  entryPoint: "layerNormGradientSerial",
  valueBytes: ({ WORKGROUP, TURNS }) => 12 * WORKGROUP * TURNS,
  constants: rowConstants,
  // Three numbers of each row.
  workgroupBytes: (constants) => 12 * rowsOfGroup(constants),
});

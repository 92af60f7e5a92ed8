import shader from "../../shaders/elementwise.wgsl?raw";
import vectorShader from "../../shaders/elementwise4.wgsl?raw";
import { defineKernel } from "./index.ts";
import { type Constants, type DeviceTraits, isNarrow, spread, type Variant } from "./kernel.ts";
import { inParts, RUN } from "./twin.ts";

const GROUP = 64;

/** Constants for a result of `size` elements. */
export function elementwiseConstants(size: number) {
  return { SIZE: size, ROW: spread(Math.ceil(size / GROUP))[0] * GROUP };
}

/** `store(i, element(i))` for every element: work that no other kernel's hooks could take. */
export const elementwise = defineKernel({
  name: "elementwise",
  shader,
  entryPoint: "elementwise",
  bindings: {},
  constants: { SIZE: "u32", ROW: "u32" },
  hooks: { element: "load", store: "store" },
  variants: foursVariant,
  grid: ({ SIZE }) => spread(Math.ceil(SIZE / GROUP)),
  workgroup: () => [GROUP, 1],
  numbers: () => ["SIZE", "ROW"],
  flops: () => 0,
  loads: ({ SIZE }) => ({ element: SIZE }),
  twin({ constants: { SIZE }, load, store }) {
    return inParts(SIZE, (start, end) => {
      for (let at = start; at < end; at += RUN) store.store(at, load.element(at, Math.min(RUN, end - at)));
    });
  },
});

/** Elements of one invocation. */
const VECTOR = 4;
/** A wide device is busy with so many elements, four an invocation. */
const MANY = 2 ** 15;

function foursVariant({ SIZE }: Constants, traits: DeviceTraits): Variant[] {
  if (isNarrow(traits) || SIZE % VECTOR !== 0 || SIZE < MANY) return [];
  return [{ kernel: "elementwiseFours", constants: elementwiseFoursConstants(SIZE) }];
}

/** Constants for a result of `size` elements, a multiple of four. */
export function elementwiseFoursConstants(size: number) {
  return { SIZE: size, ROW: fours(size)[0] * GROUP };
}

function fours(size: number) {
  return spread(Math.ceil(size / (VECTOR * GROUP)));
}

/** As {@link elementwise}, four elements an invocation, in any order of memory: positions are computed once for four. */
export const elementwiseFours = defineKernel({
  ...elementwise,
  name: "elementwiseFours",
  entryPoint: "elementwiseFours",
  variants: undefined,
  neighbours: { element: { vector: "fourElements" }, store: { vector: "storeFour" } },
  grid: ({ SIZE }) => fours(SIZE),
});

/** Invocations of a workgroup of the kernel below. */
const VECTOR_GROUP = 256;

/** Constants for a result of `size` elements, a multiple of four. */
export function elementwise4Constants(size: number) {
  return { SIZE: size, ROW: vectorGroups(size)[0] * VECTOR_GROUP };
}

function vectorGroups(size: number) {
  return spread(Math.ceil(size / (VECTOR * VECTOR_GROUP)));
}

/**
 * As {@link elementwise}, four elements at once, where hooks access only their own elements, or values that four share.
 */
export const elementwise4 = defineKernel({
  ...elementwise,
  name: "elementwise4",
  variants: undefined,
  shader: vectorShader,
  entryPoint: "elementwise4",
  inVectors: true,
  grid: ({ SIZE }) => vectorGroups(SIZE),
  workgroup: () => [VECTOR_GROUP, 1],
});

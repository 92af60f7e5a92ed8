/**
 * reduce: every mode along rows and columns, with one lane to all lanes, sizes around them, ties, parts of the axis, and a
 * grid that grows along y.
 */
import {
  REDUCE_MODES,
  type ReduceMode,
  type ReduceShape,
  reduce,
  reduceConstants,
} from "../../../src/kernels/reduce.ts";
import { loadFrom, storeTo } from "../../helpers/kernel-run.ts";
import { indices, uniform } from "../../helpers/samples.ts";
import { EXACT, type KernelCase, TIGHT } from "./case.ts";

const modes = Object.keys(REDUCE_MODES) as ReduceMode[];

/** Data by shape: cases that differ in lanes alone share them, and with them what wide devices make of them. */
const known = new Map<string, KernelCase["run"]["reads"]>();

function shared(shape: ReduceShape, kind: string, make: (count: number) => Float32Array) {
  const key = `${kind} ${shape.outer} ${shape.size} ${shape.inner}`;
  const reads = known.get(key) ?? { operand0: make(shape.outer * shape.size * shape.inner) };
  known.set(key, reads);
  return reads;
}

const numbers = (shape: ReduceShape) => shared(shape, "numbers", (count) => uniform([count]).data);
/** Few different values, so that almost every row has several maxima. */
const ties = (shape: ReduceShape) =>
  shared(shape, "ties", (count) => Float32Array.from(indices([count], 3).data, (x) => x - 5));

function reduceCase(
  mode: ReduceMode,
  shape: ReduceShape,
  lanes?: number,
  reads = numbers(shape),
): KernelCase {
  const { outer, size, inner } = shape;
  const chosen = reduceConstants(mode, shape);
  const changed = { LANES: lanes, LANE_STRIDE: inner === 1 ? 1 : chosen.WORKGROUP / (lanes ?? 1) };
  const constants = { ...chosen, ...(lanes && changed) };
  const parts = constants.PARTS > 1 ? ` in ${constants.PARTS} parts` : "";
  return {
    name: `${mode} of [${outer}, ${size}, ${inner}]${parts}, ${constants.LANES} lanes`,
    run: {
      kernel: "reduce",
      constants: { ...constants, GROUPS_X: reduce.grid(constants)[0] },
      hooks: { element: loadFrom("operand0"), store: storeTo("result0") },
      reads,
      results: {
        result0: { length: outer * constants.PARTS * inner, dtype: mode === "argmax" ? "i32" : "f32" },
      },
    },
    // A sum of n numbers below 1, in f32: errors of about n / 2 units in the last place of a partial sum.
    tolerance: mode === "sum" ? { ...TIGHT, atol: 1e-6 * Math.sqrt(size) } : EXACT,
  };
}

const rows = (outer: number, size: number): ReduceShape => ({ outer, size, inner: 1 });
const columns = (size: number, inner: number, outer = 1): ReduceShape => ({ outer, size, inner });

function tied(mode: ReduceMode, shape: ReduceShape, lanes: number): KernelCase {
  const plain = reduceCase(mode, shape, lanes, ties(shape));
  return { ...plain, name: `${plain.name}, with ties`, tolerance: EXACT };
}

export const reduceCases: KernelCase[] = modes.flatMap((mode) => [
  reduceCase(mode, rows(1, 1)),
  reduceCase(mode, rows(3, 17)),
  reduceCase(mode, rows(17, 3)),
  reduceCase(mode, rows(65, 65)),
  reduceCase(mode, rows(2, 1025)),
  reduceCase(mode, rows(5000, 3)),
  reduceCase(mode, columns(17, 3)),
  reduceCase(mode, columns(2, 65)),
  reduceCase(mode, columns(65, 17, 3)),
  reduceCase(mode, columns(3, 5000)),
  ...[1, 2, 8, 64].flatMap((lanes) => [
    reduceCase(mode, rows(5, 131), lanes),
    tied(mode, rows(5, 131), lanes),
  ]),
  ...[1, 4, 8].map((lanes) => tied(mode, columns(131, 9, 3), lanes)),
  ...(mode === "argmax"
    ? []
    : [
        reduceCase(mode, { ...rows(3, 1000), chunk: 250 }),
        reduceCase(mode, { ...rows(3, 1001), chunk: 64 }),
        reduceCase(mode, { ...columns(97, 5, 2), chunk: 16 }),
      ]),
  // With one output a workgroup, 65535 of them fill the grid along x.
  ...(mode === "sum" ? [reduceCase(mode, rows(65535 + 3, 2), 64)] : []),
]);

/** reduce: every mode with one lane to all lanes, sizes around them, ties, and a grid that grows along y. */
import { REDUCE_MODES, type ReduceMode, reduce, reduceConstants } from "../../../src/kernels/reduce.ts";
import { loadFrom, storeTo } from "../../helpers/kernel-run.ts";
import { indices, uniform } from "../../helpers/samples.ts";
import { EXACT, type KernelCase, TIGHT } from "./case.ts";

const modes = Object.keys(REDUCE_MODES) as ReduceMode[];

function reduceCase(
  mode: ReduceMode,
  outputs: number,
  size: number,
  lanes?: number,
  data = uniform([outputs * size]).data,
): KernelCase {
  const chosen = reduceConstants(mode, outputs, size);
  const constants = lanes === undefined ? chosen : { ...chosen, LANES: lanes };
  return {
    name: `${mode} of [${outputs}, ${size}], ${constants.LANES} lanes`,
    run: {
      kernel: "reduce",
      constants: { ...constants, GROUPS_X: reduce.grid(constants)[0] },
      hooks: { element: loadFrom("operand0"), store: storeTo("result0") },
      reads: { operand0: data },
      results: { result0: { length: outputs, dtype: mode === "argmax" ? "i32" : "f32" } },
    },
    // A sum of n numbers below 1, in f32: errors of about n / 2 units in the last place of a partial sum.
    tolerance: mode === "sum" ? { ...TIGHT, atol: 1e-6 * Math.sqrt(size) } : EXACT,
  };
}

/** Few different values, so that almost every row has several maxima. */
function tied(mode: ReduceMode, outputs: number, size: number, lanes: number): KernelCase {
  const data = Float32Array.from(indices([outputs * size], 3).data, (x) => x - 5);
  const plain = reduceCase(mode, outputs, size, lanes, data);
  return { ...plain, name: `${plain.name}, with ties`, tolerance: EXACT };
}

export const reduceCases: KernelCase[] = modes.flatMap((mode) => [
  reduceCase(mode, 1, 1),
  reduceCase(mode, 3, 17),
  reduceCase(mode, 17, 3),
  reduceCase(mode, 65, 65),
  reduceCase(mode, 2, 1025),
  reduceCase(mode, 5000, 3),
  ...[1, 2, 8, 64].flatMap((lanes) => [reduceCase(mode, 5, 131, lanes), tied(mode, 5, 131, lanes)]),
  // With one output a workgroup, 65535 of them fill the grid along x.
  ...(mode === "sum" ? [reduceCase(mode, 65535 + 3, 2, 64)] : []),
]);

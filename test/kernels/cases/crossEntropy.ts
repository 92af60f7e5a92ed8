/** crossEntropy: all its hooks, with and without smoothing, one workgroup and many, logits up to ±10⁴. */
import { crossEntropyConstants, fitsOneGroup } from "../../../src/kernels/crossEntropy.ts";
import { loadFrom, storeTo, unused } from "../../helpers/kernel-run.ts";
import { indices, type Sample, uniform } from "../../helpers/samples.ts";
import { type KernelCase, TIGHT } from "./case.ts";

function crossEntropyCase(
  what: string,
  rows: number,
  classes: number,
  smoothing: number,
  logits: Sample<Float32Array>,
): KernelCase {
  const single = fitsOneGroup(rows, classes);
  return {
    name: `[${rows}, ${classes}], smoothing ${smoothing}, ${single ? "one workgroup" : "many workgroups"}, ${what}`,
    run: {
      kernel: "crossEntropy",
      constants: crossEntropyConstants(rows, classes, smoothing),
      hooks: {
        logit: loadFrom("operand0"),
        label: loadFrom("operand1"),
        storeLoss: storeTo("result0"),
        storeGradient: storeTo("result1"),
        // Only a single workgroup sees all rows.
        storeTotal: single ? storeTo("result2") : unused,
        storeCorrect: single ? storeTo("result3") : unused,
        storeHit: single ? unused : storeTo("result2"),
      },
      reads: { operand0: logits.data, operand1: indices([rows], classes).data },
      results: {
        result0: { length: rows },
        result1: { length: rows * classes },
        ...(single
          ? { result2: { length: 1 }, result3: { length: 1, dtype: "i32" as const } }
          : { result2: { length: rows } }),
      },
    },
    tolerance: TIGHT,
  };
}

/** Rows, classes, smoothing. */
const plain = [
  [1, 3, 0],
  [3, 1, 0.2],
  [17, 10, 0],
  [17, 10, 0.2],
  [65, 3, 0],
  [129, 17, 0.2],
  [257, 5, 0],
  [5, 1030, 0.1],
  [400, 22, 0],
  [515, 19, 0.2],
  [7001, 10, 0.2],
] as const;

export const crossEntropyCases: KernelCase[] = [
  ...plain.map(([rows, classes, smoothing]) =>
    crossEntropyCase("logits to ±5", rows, classes, smoothing, uniform([rows * classes], -5, 5)),
  ),
  crossEntropyCase("logits to ±10⁴", 17, 10, 0, uniform([170], -1e4, 1e4)),
  crossEntropyCase("logits to ±10⁴", 17, 10, 0.2, uniform([170], -1e4, 1e4)),
  crossEntropyCase("logits near 10⁴", 17, 10, 0, uniform([170], 1e4 - 3, 1e4)),
  crossEntropyCase("logits near 10⁴", 17, 10, 0.2, uniform([170], 1e4 - 3, 1e4)),
];

/** softmax, its logarithm and their gradients: one lane to all lanes, sizes around them, logits up to ±10⁴. */
import { softmax, softmaxConstants } from "../../../src/kernels/softmax.ts";
import { type KernelRun, loadFrom, storeTo } from "../../helpers/kernel-run.ts";
import { uniform } from "../../helpers/samples.ts";
import { type KernelCase, TIGHT } from "./case.ts";

/** Data by shape: cases that differ in lanes alone share them, and with them what wide devices make of them. */
const known = new Map<string, KernelRun["reads"]>();

function shared(key: string, make: () => KernelRun["reads"]): KernelRun["reads"] {
  const reads = known.get(key) ?? make();
  known.set(key, reads);
  return reads;
}

function constantsFor(logarithm: boolean, rows: number, size: number, lanes?: number) {
  const chosen = softmaxConstants(rows, size, logarithm);
  const constants = { ...chosen, ...(lanes && { LANES: lanes }) };
  return { ...constants, GROUPS_X: softmax.grid(constants)[0] };
}

function softmaxCase(
  logarithm: boolean,
  rows: number,
  size: number,
  scale: number,
  lanes?: number,
): KernelCase {
  const constants = constantsFor(logarithm, rows, size, lanes);
  return {
    name: `${logarithm ? "log-softmax" : "softmax"} of [${rows}, ${size}], logits to ±${scale}, ${constants.LANES} lanes`,
    run: {
      kernel: "softmax",
      constants,
      hooks: { element: loadFrom("operand0"), store: storeTo("result0") },
      reads: shared(`${rows} ${size} ${scale}`, () => ({
        operand0: uniform([rows * size], -scale, scale).data,
      })),
      results: { result0: { length: rows * size } },
    },
    tolerance: TIGHT,
  };
}

/** Results of softmax from 0 to 1, of its logarithm from −3 to 0. */
function gradientCase(logarithm: boolean, rows: number, size: number, lanes?: number): KernelCase {
  const constants = constantsFor(logarithm, rows, size, lanes);
  const [low, high] = logarithm ? [-3, 0] : [0, 1];
  return {
    name: `gradient of ${logarithm ? "log-softmax" : "softmax"} of [${rows}, ${size}], ${constants.LANES} lanes`,
    run: {
      kernel: "softmaxGradient",
      constants,
      hooks: { element: loadFrom("operand0"), arriving: loadFrom("operand1"), store: storeTo("result0") },
      reads: shared(`gradient ${logarithm} ${rows} ${size}`, () => ({
        operand0: uniform([rows * size], low, high).data,
        operand1: uniform([rows * size]).data.toReversed(),
      })),
      results: { result0: { length: rows * size } },
    },
    // A sum of n numbers below 1, in f32: errors of about n / 2 units in the last place of a partial sum.
    tolerance: { ...TIGHT, atol: 1e-6 * Math.sqrt(size) },
  };
}

export const softmaxCases: KernelCase[] = [false, true].flatMap((logarithm) => [
  softmaxCase(logarithm, 1, 1, 5),
  softmaxCase(logarithm, 3, 17, 5),
  softmaxCase(logarithm, 17, 3, 5),
  softmaxCase(logarithm, 65, 65, 5),
  softmaxCase(logarithm, 2, 1025, 5),
  softmaxCase(logarithm, 2, 5001, 5),
  softmaxCase(logarithm, 5000, 3, 5),
  ...[1, 2, 8, 64].map((lanes) => softmaxCase(logarithm, 5, 131, 5, lanes)),
  softmaxCase(logarithm, 17, 10, 100),
  softmaxCase(logarithm, 17, 10, 1e4),
  // With one row a workgroup, 65535 of them fill the grid along x.
  ...(logarithm ? [softmaxCase(logarithm, 65535 + 3, 2, 5, 64)] : []),
]);

export const softmaxGradientCases: KernelCase[] = [false, true].flatMap((logarithm) => [
  gradientCase(logarithm, 1, 1),
  gradientCase(logarithm, 17, 3),
  gradientCase(logarithm, 65, 65),
  gradientCase(logarithm, 2, 5001),
  ...[1, 8].map((lanes) => gradientCase(logarithm, 5, 131, lanes)),
]);

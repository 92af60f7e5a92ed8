/** softmax and its logarithm: one lane to all lanes, sizes around them, logits up to ±10⁴. */
import { softmax, softmaxConstants } from "../../../src/kernels/softmax.ts";
import { loadFrom, storeTo } from "../../helpers/kernel-run.ts";
import { uniform } from "../../helpers/samples.ts";
import { type KernelCase, TIGHT } from "./case.ts";

function softmaxCase(
  logarithm: boolean,
  rows: number,
  size: number,
  scale: number,
  lanes?: number,
): KernelCase {
  const chosen = softmaxConstants(rows, size, logarithm);
  const constants = lanes === undefined ? chosen : { ...chosen, LANES: lanes };
  return {
    name: `${logarithm ? "log-softmax" : "softmax"} of [${rows}, ${size}], logits to ±${scale}, ${constants.LANES} lanes`,
    run: {
      kernel: "softmax",
      constants: { ...constants, GROUPS_X: softmax.grid(constants)[0] },
      hooks: { element: loadFrom("operand0"), store: storeTo("result0") },
      reads: { operand0: uniform([rows * size], -scale, scale).data },
      results: { result0: { length: rows * size } },
    },
    tolerance: TIGHT,
  };
}

export const softmaxCases: KernelCase[] = [false, true].flatMap((logarithm) => [
  softmaxCase(logarithm, 1, 1, 5),
  softmaxCase(logarithm, 3, 17, 5),
  softmaxCase(logarithm, 17, 3, 5),
  softmaxCase(logarithm, 65, 65, 5),
  softmaxCase(logarithm, 2, 1025, 5),
  softmaxCase(logarithm, 5000, 3, 5),
  ...[1, 2, 8, 64].map((lanes) => softmaxCase(logarithm, 5, 131, 5, lanes)),
  softmaxCase(logarithm, 17, 10, 100),
  softmaxCase(logarithm, 17, 10, 1e4),
  // With one row a workgroup, 65535 of them fill the grid along x.
  ...(logarithm ? [softmaxCase(logarithm, 65535 + 3, 2, 5, 64)] : []),
]);

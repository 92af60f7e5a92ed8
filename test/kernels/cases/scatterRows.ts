/** scatterRows: few columns to more than a block has, rows around a block, more indices than a chunk, and none for most. */
import { scatterRowsConstants } from "../../../src/kernels/scatterRows.ts";
import { loadFrom, storeTo } from "../../helpers/kernel-run.ts";
import { indices, uniform } from "../../helpers/samples.ts";
import { type KernelCase, TIGHT } from "./case.ts";

function scatterCase(
  rows: number,
  width: number,
  count: number,
  chosen: Int32Array = indices([count], rows).data,
  name = "",
): KernelCase {
  return {
    name: `${count} rows to [${rows}, ${width}]${name}`,
    run: {
      kernel: "scatterRows",
      constants: scatterRowsConstants(rows, width, count),
      hooks: { rowOf: loadFrom("operand0"), element: loadFrom("operand1"), store: storeTo("result0") },
      reads: { operand0: chosen, operand1: uniform([count * width]).data },
      results: { result0: { length: rows * width } },
    },
    tolerance: { ...TIGHT, atol: 1e-6 * Math.sqrt(count) },
  };
}

const cycle = (count: number, ...values: number[]) =>
  Int32Array.from({ length: count }, (_, i) => values[i % values.length]);

export const scatterRowsCases: KernelCase[] = [
  scatterCase(1, 1, 1),
  scatterCase(3, 17, 5),
  scatterCase(17, 3, 65),
  scatterCase(65, 65, 257),
  scatterCase(33, 64, 1030),
  scatterCase(2049, 1, 300),
  scatterCase(1030, 2, 700),
  scatterCase(7, 130, 40),
  scatterCase(40, 64, 600, cycle(600, 33), ", all to one"),
  scatterCase(40, 9, 300, cycle(300, -1, 3, 40, 2 ** 24, 39, -(2 ** 24)), ", some outside"),
];

/** `store(i, element(i))` for every element. */
import { i32 } from "../assembler/instructions.ts";
import type { WasmKernel } from "./kernel.ts";
import { inVectors } from "./loops.ts";

/** Elements of a part. */
const PART = 1 << 14;

export const elementwise: WasmKernel = ({ constants: { SIZE }, load, store }) => [
  {
    parts: Math.ceil(SIZE / PART),
    build(f, part) {
      const lanes = { stride: 1, size: SIZE };
      const values = load.element.along(f, [], lanes);
      const keep = store.store.along(f, [], lanes);
      const start = f.keep(i32.mul(part, i32.const(PART)));
      const end = f.keep(i32.add(start, i32.const(PART)));
      const size = i32.const(SIZE);
      inVectors(f, start, i32.select(end, size, i32.lt_u(end, size)), (i, count) =>
        keep(i, values(i, count === undefined), count),
      );
    },
  },
];

/** Memory of a kernel's own, by positions, like that of hooks. */
import type { FunctionBuilder } from "../assembler/function.ts";
import { type I32, i32, type V128, v128 } from "../assembler/instructions.ts";
import { storeLanes } from "../hooks/access.ts";
import type { Index } from "./kernel.ts";

const BYTES = 4;

/** Loads along a line of neighbours from memory at `address`: four from lane `i` on. */
export function loadScratch(f: FunctionBuilder, address: number, index: Index): (i: I32) => V128 {
  const start = startOf(f, index);
  return (i) => v128.load(i32.add(start, i32.mul(i, i32.const(BYTES))), address);
}

/** Stores along such a line: four, or the first `count`. */
export function storeScratch(
  f: FunctionBuilder,
  address: number,
  index: Index,
): (i: I32, values: V128, count?: I32 | number) => void {
  const start = startOf(f, index);
  return (i, values, count) =>
    storeLanes(f, i32.add(start, i32.mul(i, i32.const(BYTES))), values, { stride: 1 }, address, count);
}

function startOf(f: FunctionBuilder, index: Index): I32 {
  return f.keep(
    index.reduce(
      (sum, { value, stride }) => i32.add(sum, i32.mul(value, i32.const(stride * BYTES))),
      i32.const(0),
    ),
  );
}

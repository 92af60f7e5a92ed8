/** Loops that kernels share. */
import type { FunctionBuilder } from "../assembler/function.ts";
import { type I32, i32 } from "../assembler/instructions.ts";

/** Number of f32 in a vector. */
export const LANES = 4;

/**
 * A loop over `from` … below `to` in vectors: `body` gets the first of four, and at the end the number that is left
 * where that is 1 to 3. Its code is there twice.
 */
export function inVectors(f: FunctionBuilder, from: I32, to: I32, body: (i: I32, count?: I32) => void): void {
  const i = f.variable("i32", from);
  const end = f.keep(to);
  const next = i32.add(i, i32.const(LANES));
  f.block((exit) =>
    f.repeat((repeat) => {
      exit(i32.gt_s(next, end));
      body(i);
      f.set(i, next);
      repeat();
    }),
  );
  const left = f.keep(i32.sub(end, i));
  f.if(i32.gt_s(left, i32.const(0)), () => body(i, left));
}

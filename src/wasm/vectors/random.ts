/** Random numbers of hooks, four lanes at once: Philox 4x32-10, as in `src/random.ts`. */
import type { FunctionBuilder } from "../assembler/function.ts";
import type { I32, V128 } from "../assembler/instructions.ts";

/** Uniform in [0, 1), with 24 bits: as `stepUniform`, for four positions. */
export function stepUniforms(
  _f: FunctionBuilder,
  _seed: I32,
  _stream: number,
  _counter: I32,
  _positions: V128,
): V128 {
  throw new Error("random numbers are not written yet");
}

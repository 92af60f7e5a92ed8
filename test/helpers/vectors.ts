/** Functions of vectors over arrays, in modules of their own. */
import { type I32, i32, type V128, v128 } from "../../src/wasm/assembler/instructions.ts";
import { ModuleBuilder } from "../../src/wasm/assembler/module.ts";
import { probeFeatures } from "../../src/wasm/features.ts";
import type { Features } from "../../src/wasm/kernels/kernel.ts";
import type { VectorContext } from "../../src/wasm/vectors/arithmetic.ts";

// In Node 20 this switches relaxed SIMD on.
probeFeatures();

/** With relaxed multiply-adds, and without. */
export const FEATURES = { relaxed: { relaxed: true }, plain: { relaxed: false } } as const;

const PAGE = 65_536;

export interface ArrayFunction {
  /** The function's arguments, for a caller to fill. */
  readonly args: readonly Float32Array[];
  readonly result: Float32Array;
  /** Computes the first `count` results, a multiple of 4. */
  run(count: number): void;
}

/** A loop over arrays of `length` numbers, a multiple of 4, that computes four results at a time. */
export function overArrays(
  build: (context: VectorContext, ...args: V128[]) => V128,
  args: number,
  length: number,
  features: Features,
): ArrayFunction {
  const bytes = Math.ceil((length * 4) / PAGE) * PAGE;
  const module = new ModuleBuilder(false);
  module.function(
    ["i32"],
    [],
    (f) => {
      f.loop(i32.const(0), i32.mul(f.parameters[0] as I32, i32.const(4)), 16, (at) => {
        const values = Array.from({ length: args }, (_, n) => f.keep(v128.load(at, n * bytes)));
        f.store(at, build({ f, features }, ...values), args * bytes);
      });
    },
    "run",
  );
  const pages = ((args + 1) * bytes) / PAGE;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), { wgrad: { memory } });
  const array = (n: number) => new Float32Array(memory.buffer, n * bytes, length);
  return {
    args: Array.from({ length: args }, (_, n) => array(n)),
    result: array(args),
    run: instance.exports.run as (count: number) => void,
  };
}

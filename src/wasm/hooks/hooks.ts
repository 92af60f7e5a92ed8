/**
 * Hooks as vectors: the instructions that become WGSL, written inline where a kernel loads or stores four neighbours.
 * What does not change along a line of positions is computed once, before the line.
 */
import type { Hook } from "../../program.ts";
import { f32x4, i32, i32x4 } from "../assembler/instructions.ts";
import type { Lanes, LoadHook, StoreHook } from "../kernels/kernel.ts";
import { storeLanes } from "./access.ts";
import { HookLine, type HookScope } from "./line.ts";

/** The lane digit of a single position. */
const ALONE: Lanes = { stride: 0, size: 1 };

export function loadHook({ code, result = 0 }: Hook, scope: HookScope): LoadHook {
  const along: LoadHook["along"] = (f, index, lanes) => {
    const line = new HookLine(f, code, scope, index, lanes);
    return (i) => line.valuesAt(i, [result])[0];
  };
  return {
    along,
    at: (f, index) => f32x4.extract_lane(along(f, index, ALONE)(i32.const(0)), 0),
  };
}

export function storeHook({ code, stores = [] }: Hook, scope: HookScope): StoreHook {
  const along: StoreHook["along"] = (f, index, lanes) => {
    if (stores.length === 0) return () => {};
    const line = new HookLine(f, code, scope, index, lanes);
    const targets = stores.map(({ binding }) => scope.memory[binding]);
    const addresses = targets.map(({ stepBytes }) => line.addressOf(line.own, 4, stepBytes));
    return (i, values, count) => {
      // All values before the first store, which may overwrite what they are made of.
      const results = line.valuesAt(
        i,
        stores.map(({ from }) => from),
        values,
      );
      results.forEach((vector, n) => {
        const { dtype, address } = targets[n];
        const elements = dtype === "i32" ? f.keep(i32x4.trunc_sat_f32x4_s(vector)) : vector;
        storeLanes(f, addresses[n](i), elements, lanes, address, count);
      });
    };
  };
  return {
    isEmpty: stores.length === 0,
    along,
    at: (f, index, value) => along(f, index, ALONE)(i32.const(0), f32x4.splat(value), 1),
  };
}

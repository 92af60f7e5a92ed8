/**
 * Hooks as vectors: the instructions that become WGSL, written inline where a kernel loads or stores four neighbours.
 * What does not change along a line of positions is computed once, before the line.
 */
import type { Hook } from "../../program.ts";
import { f32x4, i32 } from "../assembler/instructions.ts";
import type { Lanes, LoadHook, StoreHook } from "../kernels/kernel.ts";
import { storedAlong } from "./access.ts";
import { cutsOf } from "./cuts.ts";
import { watchOf } from "./flags.ts";
import { HookLine, type HookScope } from "./line.ts";
import { kept } from "./position.ts";

/** The lane digit of a single position. */
const ALONE: Lanes = { stride: 0, size: 1 };
const ZERO = i32.const(0);

export function loadHook(hook: Hook, scope: HookScope): LoadHook {
  const { code, result = 0 } = hook;
  const along: LoadHook["along"] = (f, index, lanes) => {
    const line = new HookLine(f, code, scope, index, lanes);
    return (i, whole = false) => line.valuesAt(i, whole, [result])[0];
  };
  return {
    cuts: cutsOf(hook),
    along,
    at: (f, index) => f32x4.extract_lane(along(f, index, ALONE)(ZERO), 0),
  };
}

export function storeHook(hook: Hook, scope: HookScope): StoreHook {
  const { code, stores = [], flags = [] } = hook;
  const isEmpty = stores.length === 0 && flags.length === 0;
  const watches = flags.map((flag) => watchOf(flag, scope));
  const along: StoreHook["along"] = (f, index, lanes) => {
    if (isEmpty) return () => {};
    const line = new HookLine(f, code, scope, index, lanes);
    const wanted = [...stores.map(({ from }) => from), ...flags.flatMap(({ of }) => of)];
    const watching = watches.map((watch) => watch(f));
    const targets = stores.map(({ binding }) => storedAlong(f, scope.memory[binding], line.own));
    return (i, values, count) => {
      // All values before the first store, which may overwrite what they are made of.
      const start = kept(f, i);
      const results = line.valuesAt(start, count === undefined, wanted, values);
      let first = stores.length;
      flags.forEach(({ of }, n) => {
        watching[n](results.slice(first, first + of.length), count);
        first += of.length;
      });
      targets.forEach((store, n) => {
        store(start, results[n], count);
      });
    };
  };
  return {
    isEmpty,
    cuts: cutsOf(hook),
    along,
    at: (f, index, value) => along(f, index, ALONE)(ZERO, f32x4.splat(value), 1),
  };
}

/** Flags: a constant is stored where values are not finite. */
import type { Flag } from "../../program.ts";
import type { FunctionBuilder, Variable } from "../assembler/function.ts";
import { f32, type I32, i32, i32x4, type V128, v128 } from "../assembler/instructions.ts";
import { rowOf } from "./access.ts";
import type { HookScope } from "./line.ts";

/** Looks at vectors: at all four lanes, or the first `count`. */
type Watch = (vectors: readonly V128[], count?: I32 | number) => void;

const WITHOUT_SIGN = 0x7fffffff;
const LARGEST_NUMBER = 0x7f7fffff;

/**
 * Prepares a flag in each function that is written. The largest of all bits without their sign stays in a local, and is looked
 * at when the function ends: the bits of NaN and infinities are larger than those of numbers.
 */
export function watchOf({ binding, value }: Flag, { memory }: HookScope): (f: FunctionBuilder) => Watch {
  const largest = new WeakMap<FunctionBuilder, Variable<"v128">>();
  const begin = (f: FunctionBuilder) => {
    const made = f.variable("v128");
    largest.set(f, made);
    f.atEnd(() => {
      const isFlagged = v128.any_true(i32x4.gt_s(made, i32x4.const(LARGEST_NUMBER)));
      f.if(isFlagged, () => {
        const { dtype, address } = memory[binding];
        const number = dtype === "i32" ? i32.const(value) : f32.const(value);
        f.store(rowOf(f, memory[binding]) ?? i32.const(0), number, address);
      });
    });
    return made;
  };
  return (f) => {
    const most = largest.get(f) ?? begin(f);
    const mask = f.constant(i32x4.const(WITHOUT_SIGN));
    return (vectors, count) => {
      const kept = count === undefined ? mask : v128.and(mask, below(f, count));
      for (const vector of vectors) f.set(most, i32x4.max_s(most, v128.and(vector, kept)));
    };
  };
}

/** All bits of the first `count` lanes. */
function below(f: FunctionBuilder, count: I32 | number): V128 {
  if (typeof count === "number")
    return i32x4.const(...([0, 1, 2, 3].map((lane) => (lane < count ? -1 : 0)) as [number]));
  return f.keep(i32x4.gt_s(i32x4.splat(count), f.constant(i32x4.const(0, 1, 2, 3))));
}

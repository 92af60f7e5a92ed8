/** Flags: a constant is stored where values are not finite. */
import type { Flag } from "../../program.ts";
import type { FunctionBuilder, Variable } from "../assembler/function.ts";
import { f32, f32x4, type I32, i32, i32x4, type V128, v128 } from "../assembler/instructions.ts";
import { rowOf } from "./access.ts";
import type { HookScope } from "./line.ts";

/** Looks at vectors: at all four lanes, or the first `count`. */
type Watch = (vectors: readonly V128[], count?: I32 | number) => void;

/**
 * Prepares a flag in each function that is written. x - x is 0 for a number, and NaN for NaN and the infinities; 0 times a number is
 * 0 or -0. Such results are gathered in a local, by their bits, which is looked at when the function ends: a NaN among them
 * stays one. So a value takes two instructions and no constant.
 */
export function watchOf({ binding, value }: Flag, { memory }: HookScope): (f: FunctionBuilder) => Watch {
  const gathered = new WeakMap<FunctionBuilder, Variable<"v128">>();
  const begin = (f: FunctionBuilder) => {
    const made = f.variable("v128");
    gathered.set(f, made);
    f.atEnd(() => {
      f.if(v128.any_true(f32x4.ne(made, made)), () => {
        const { dtype, address } = memory[binding];
        const number = dtype === "i32" ? i32.const(value) : f32.const(value);
        f.store(rowOf(f, memory[binding]) ?? i32.const(0), number, address);
      });
    });
    return made;
  };
  return (f) => {
    const all = gathered.get(f) ?? begin(f);
    return ([first, ...others], count) => {
      const zero = others.reduce((zero, vector) => f32x4.mul(vector, zero), f32x4.sub(first, first));
      f.set(all, v128.or(all, count === undefined || count === 4 ? zero : v128.and(zero, below(f, count))));
    };
  };
}

/** All bits of the first `count` lanes. */
function below(f: FunctionBuilder, count: I32 | number): V128 {
  if (typeof count === "number")
    return i32x4.const(...([0, 1, 2, 3].map((lane) => (lane < count ? -1 : 0)) as [number]));
  return f.keep(i32x4.gt_s(i32x4.splat(count), f.constant(i32x4.const(0, 1, 2, 3))));
}

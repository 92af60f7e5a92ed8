/**
 * How threads share work, in WebAssembly. A run is a sequence of stages, and a stage a number of parts, which threads claim one by
 * one. The thread that does the last part of a stage begins the next one. Nobody waits for a thread that holds no part: threads
 * join and leave a run at any time, and one that the system set aside between two parts is not missed.
 */
import type { FunctionBuilder, FunctionRef } from "./assembler/function.ts";
import { type I32, type I64, i32, i64, type Value } from "./assembler/instructions.ts";
import type { ModuleBuilder } from "./assembler/module.ts";
import { CONTROL } from "./control.ts";

/** Work of which all parts can be done at the same time. */
export interface Stage {
  /** Number of parts, from 1. */
  readonly parts: number;
  /** Does a part: `run(step, part)`. */
  readonly run: FunctionRef;
}

/** What `work` returns. */
export const WORK = {
  /** The run goes on. */
  unfinished: 0,
  /** The run is over. */
  over: 1,
  /** The run is over, and this thread did its last part. */
  finished: 2,
} as const;

/** Loads of the stage's number before a thread goes to sleep: about as long as a short part takes. */
const SPINS = 2000;
/** Longest sleep in nanoseconds: whoever calls `work` then looks whether all is well. */
const SLEEP = 50_000_000;

const at = (name: keyof typeof CONTROL): I32 => i32.const(CONTROL[name]);
const stageOf = (claims: I64): I32 => i32.wrap_i64(i64.shr_u(claims, i64.const(32)));

/**
 * Writes and exports `work(thread, base, first, period, step, count, parts)`, which takes part in a run of `count` stages: those
 * from number `first` of `order` on, and again from there after `period` of them, with the next step. The run's first stage
 * is number `base` among all that were ever run, and its first step is `step`. Returns a number of {@link WORK}, at the latest
 * after `parts` parts.
 * @param order places in `stages`
 * @param begin writes what a thread does first
 */
export function writeWork(
  module: ModuleBuilder,
  stages: readonly Stage[],
  order: readonly number[],
  begin: (f: FunctionBuilder, thread: I32) => void,
): void {
  const claim = claimFunction(module);
  module.function(
    Array.from({ length: 7 }, () => "i32" as const),
    ["i32"],
    (f) => {
      const [thread, base, first, period, step, count, most] = f.parameters as readonly I32[];
      begin(f, thread);
      const left = f.variable("i32", most);
      const claims = f.variable("i64");
      const claimed = f.variable("i32");
      const parts = f.variable("i32");
      f.repeat((repeat) => {
        f.set(claims, i64.atomic_load(at("claims")));
        const past = f.keep(i32.sub(stageOf(claims), base));
        f.if(i32.ge_u(past, count), () => f.return(i32.const(WORK.over)));
        const take = ({ parts: all, run }: Stage) => {
          f.set(claimed, f.callFor("i32", claim, claims, i32.const(all)));
          f.if(i32.eq(claimed, i32.const(CLAIM.taken)), () => {
            f.call(run, i32.add(step, i32.div_u(past, period)), i32.wrap_i64(claims));
            f.set(parts, i32.const(all));
          });
        };
        f.switch(
          i32.add(first, i32.rem_u(past, period)),
          order,
          stages.map((stage) => () => take(stage)),
        );
        f.if(i32.eq(claimed, i32.const(CLAIM.slept)), () => f.return(i32.const(WORK.unfinished)));
        f.if(i32.eq(claimed, i32.const(CLAIM.taken)), () => {
          const done = f.atomicAdd(at("done"), i32.const(1));
          f.if(i32.eq(i32.add(done, i32.const(1)), parts), () => {
            // All claims of this stage are settled: what others still add to its number fails.
            f.atomicStore(at("done"), i32.const(0));
            const next = i64.shl(i64.add(i64.shr_u(claims, i64.const(32)), i64.const(1)), i64.const(32));
            f.atomicStore(at("claims"), next);
            f.if(i32.atomic_load(at("asleep")), () => f.atomicNotify(at("stage"), i32.const(-1)));
            const isLast = i32.eq(i32.add(past, i32.const(1)), count);
            f.if(isLast, () => f.return(i32.const(WORK.finished)));
          });
          f.set(left, i32.sub(left, i32.const(1)));
          f.if(i32.eqz(left), () => f.return(i32.const(WORK.unfinished)));
        });
        repeat();
      });
      f.return(i32.const(WORK.unfinished));
    },
    "work",
  );
}

const CLAIM = { lost: 0, taken: 1, slept: 2 } as const;

/**
 * `claim(claims, parts)`: takes the next part of a stage of so many, unless another thread was faster. Where all are taken,
 * it waits for the next stage, and is back after a while in any case.
 */
function claimFunction(module: ModuleBuilder): FunctionRef {
  const sleep = sleepFunction(module);
  return module.function(["i64", "i32"], ["i32"], (f) => {
    const [claims, parts] = f.parameters as readonly Value[] as readonly [I64, I32];
    f.if(i32.lt_u(i32.wrap_i64(claims), parts), () => {
      const before = f.atomicCompareExchange(at("claims"), claims, i64.add(claims, i64.const(1)));
      f.return(i64.eq(before, claims));
    });
    const stage = f.keep(stageOf(claims));
    const isNext = i32.ne(i32.atomic_load(at("stage")), stage);
    const spins = f.variable("i32", i32.const(SPINS));
    f.repeat((repeat) => {
      f.if(isNext, () => f.return(i32.const(CLAIM.lost)));
      f.set(spins, i32.sub(spins, i32.const(1)));
      repeat(spins);
    });
    f.call(sleep, stage);
    f.return(i32.select(i32.const(CLAIM.lost), i32.const(CLAIM.slept), isNext));
  });
}

/** `sleep(stage)`: until that stage is done, or some time has passed. Once awake, the function uses no local: see `atomicWait`. */
function sleepFunction(module: ModuleBuilder): FunctionRef {
  return module.function(["i32"], [], (f) => {
    f.atomicAdd(at("asleep"), i32.const(1));
    f.atomicWait(at("stage"), f.parameters[0] as I32, i64.const(SLEEP));
    f.atomicAdd(at("asleep"), i32.const(-1));
  });
}

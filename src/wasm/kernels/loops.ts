/** Loops that kernels share. */
import type { FunctionBuilder } from "../assembler/function.ts";
import { constantOf, type I32, i32 } from "../assembler/instructions.ts";
import { kept } from "../hooks/position.ts";

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

/** Most vectors that are written out rather than looped over. */
const WRITTEN_OUT = 4;

/**
 * A loop over `size` lanes from `from` on, in vectors: `body` gets the first of four (a local or a constant), their number (fewer than 4 only at
 * the end), and which of `ways` vectors that are under way together it is: sums of these do not wait for each other.
 */
export function overLanes(
  f: FunctionBuilder,
  from: I32,
  size: number,
  ways: number,
  body: (i: I32, count: number, way: number) => void,
): void {
  const known = constantOf(from);
  const start = kept(f, from);
  const after = (lanes: number): I32 =>
    known === undefined ? f.keep(i32.add(start, i32.const(lanes))) : i32.const(known + lanes);
  const whole = Math.floor(size / LANES);
  const turns = whole <= WRITTEN_OUT ? 0 : Math.floor(whole / ways);
  if (turns > 0) {
    const step = LANES * ways;
    f.loop(start, after(turns * step), step, (i) => {
      for (let way = 0; way < ways; way++)
        body(way === 0 ? i : f.keep(i32.add(i, i32.const(way * LANES))), LANES, way);
    });
  }
  for (let at = turns * ways, way = 0; at * LANES < size; at++, way = (way + 1) % ways)
    body(after(at * LANES), Math.min(LANES, size - at * LANES), way);
}

/** Runs `body` for the numbers of a part: `each` of them, up to `count` in all. */
export function inPart(
  f: FunctionBuilder,
  part: I32,
  each: number,
  count: number,
  body: (n: I32) => void,
): void {
  const from = f.keep(i32.mul(part, i32.const(each)));
  f.loop(from, atMost(f, i32.add(from, i32.const(each)), count), 1, body);
}

/** The smaller one of a value and a limit. */
export function atMost(f: FunctionBuilder, value: I32, limit: number): I32 {
  const kept = f.keep(value);
  return f.keep(i32.select(kept, i32.const(limit), i32.lt_s(kept, i32.const(limit))));
}

/** Writes what is done for the lanes from `i` on, as many as there are below `size`; `known` is `i`, where that is known. */
export function upTo(
  f: FunctionBuilder,
  i: I32,
  size: number,
  known: number | undefined,
  body: (count?: I32 | number) => void,
): void {
  if (known !== undefined) {
    if (known < size) body(Math.min(LANES, size - known));
    return;
  }
  const left = f.keep(i32.sub(i32.const(size), i));
  f.if(
    i32.ge_s(left, i32.const(LANES)),
    () => body(),
    () => {
      if (size % LANES !== 0) f.if(i32.gt_s(left, i32.const(0)), () => body(size % LANES));
    },
  );
}

/** The memory plan, held against lifetimes that are worked out here anew. */

import { describe, expect, it } from "vitest";
import type { DType } from "../../src/dtypes.ts";
import {
  type BufferKind,
  type BufferSpec,
  byteLength,
  type Dispatch,
  type Program,
} from "../../src/program.ts";
import { uniform } from "../../src/random.ts";
import { planMemory } from "../../src/runtime/plan.ts";
import { programOf } from "../helpers/graph-run.ts";
import { randomGraph } from "../helpers/random-graphs.ts";

function program(buffers: readonly BufferSpec[], touched: readonly (readonly number[])[]): Program {
  const dispatches = touched.map((indices): Dispatch => {
    const view = (buffer: number) => ({ buffer, offset: 0, shape: [buffers[buffer].length] });
    const bindings = Object.fromEntries(indices.map((buffer, i) => [`b${i}`, view(buffer)]));
    return { label: "", kernel: "none", constants: {}, hooks: {}, bindings };
  });
  return { name: "random", buffers, dispatches, scalars: [], outputs: {} };
}

function temporary(length: number, dtype: DType = "f32"): BufferSpec {
  return { name: "t", kind: "temporary", dtype, length };
}

/** Dispatches that each make up to 3 buffers and read up to 4 earlier ones, now and then very old ones. */
function randomProgram(seed: number): Program {
  let draws = 0;
  const below = (limit: number) => Math.floor(uniform(seed, 5, draws++) * limit);
  const kinds: BufferKind[] = [
    "temporary",
    "temporary",
    "temporary",
    "temporary",
    "state",
    "data",
    "input",
    "output",
  ];
  const dtypes: DType[] = ["f32", "i32", "u8"];
  const buffers: BufferSpec[] = [];
  const touched = Array.from({ length: 1 + below(40) }, () => {
    const read = Array.from({ length: below(5) }, () => {
      const recent = Math.min(buffers.length, below(4) === 0 ? buffers.length : 5);
      return recent === 0 ? -1 : buffers.length - 1 - below(recent);
    }).filter((buffer) => buffer >= 0);
    const made = Array.from({ length: 1 + below(3) }, () => {
      const kind = kinds[below(kinds.length)];
      return (
        buffers.push({
          name: `b${buffers.length}`,
          kind,
          dtype: dtypes[below(3)],
          length: 1 + below(below(3) === 0 ? 1000 : 40),
        }) - 1
      );
    });
    return [...read, ...made];
  });
  // A buffer that no dispatch touches needs nothing.
  buffers.push(temporary(10));
  return program(buffers, touched);
}

/** Whether a dispatch at or before, and one at or after `position` touch the buffer. */
function aliveAt({ dispatches }: Program, buffer: number, position: number): boolean {
  const touches = ({ bindings }: Dispatch) => Object.values(bindings).some((view) => view.buffer === buffer);
  return dispatches.slice(0, position + 1).some(touches) && dispatches.slice(position).some(touches);
}

function temporaries({ buffers, dispatches }: Program): number[] {
  const used = new Set(
    dispatches.flatMap(({ bindings }) => Object.values(bindings).map(({ buffer }) => buffer)),
  );
  return [...used].filter((buffer) => buffers[buffer].kind === "temporary");
}

/** Bytes of all temporaries alive at once, at most: no plan can need less. */
function peak(given: Program): number {
  const alive = given.dispatches.map((_, position) =>
    temporaries(given)
      .filter((buffer) => aliveAt(given, buffer, position))
      .reduce((bytes, buffer) => bytes + byteLength(given.buffers[buffer]), 0),
  );
  return Math.max(0, ...alive);
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** What is wrong with the plan of a program. */
function planProblems(given: Program): string[] {
  const { slots, slotOf } = planMemory(given);
  const used = temporaries(given);
  const problems: string[] = [];
  if ([...slotOf.keys()].sort().join() !== [...used].sort().join())
    problems.push("not all temporaries, or others, have storage");
  for (const buffer of used) {
    const bytes = byteLength(given.buffers[buffer]);
    const slot = slotOf.get(buffer) ?? -1;
    if (!(slots[slot] >= bytes))
      problems.push(`buffer ${buffer} of ${bytes} bytes is in slot ${slot} of ${slots[slot]}`);
  }
  given.dispatches.forEach((_, position) => {
    const alive = used.filter((buffer) => aliveAt(given, buffer, position));
    if (new Set(alive.map((buffer) => slotOf.get(buffer))).size < alive.length) {
      problems.push(
        `at dispatch ${position}, buffers ${alive.join()} are in slots ${alive.map((buffer) => slotOf.get(buffer)).join()}`,
      );
    }
  });
  return problems;
}

describe("the memory plan", () => {
  const random = Array.from({ length: 300 }, (_, seed) => randomProgram(seed));

  it("gives all that is alive at once storage of its own, large enough", () => {
    expect(random.flatMap(planProblems)).toEqual([]);
  });

  it("does so for programs made from graphs", () => {
    const lowered = Array.from({ length: 60 }, (_, seed) => programOf(randomGraph(1000 + seed)));
    expect(lowered.flatMap(planProblems)).toEqual([]);
    expect(sum(lowered.map((one) => temporaries(one).length))).toBeGreaterThan(100);
  });

  it("shares: it needs little more than what is alive at once", () => {
    const planned = sum(random.map((one) => sum(planMemory(one).slots)));
    const separate = sum(
      random.map((one) => sum(temporaries(one).map((buffer) => byteLength(one.buffers[buffer])))),
    );
    expect(planned).toBeLessThan(0.7 * separate);
    expect(planned).toBeLessThan(1.5 * sum(random.map(peak)));
  });

  it("takes two pieces of storage for a chain, however long", () => {
    const chain = Array.from({ length: 20 }, (_, i) => temporary(100 + i));
    const touched = chain.map((_, i) => (i === 0 ? [0] : [i - 1, i]));
    expect(planMemory(program(chain, touched)).slots).toHaveLength(2);
  });

  it("takes the best fit", () => {
    // Sizes 1000 and 10 are free when 9 is wanted.
    const buffers = [temporary(1000), temporary(10), temporary(9), temporary(500)];
    const { slotOf } = planMemory(program(buffers, [[0, 1], [2], [2, 3]]));
    expect(slotOf.get(2)).toBe(slotOf.get(1));
    expect(slotOf.get(3)).toBe(slotOf.get(0));
  });

  it("is a pure function of the program", () => {
    const [one] = random;
    const before = JSON.stringify(one);
    expect(planMemory(one)).toEqual(planMemory(structuredClone(one)));
    expect(JSON.stringify(one)).toBe(before);
  });
});

describe("the checks of this test", () => {
  it("see storage that is shared too early, and lives that touch", () => {
    const touching = program([temporary(4), temporary(4)], [[0], [0, 1], [1]]);
    expect(aliveAt(touching, 0, 1) && aliveAt(touching, 1, 1)).toBe(true);
    expect(aliveAt(touching, 0, 2) || aliveAt(touching, 1, 0)).toBe(false);
    expect(peak(touching)).toBe(32);
  });
});

/** Elementwise work whose views cut positions every which way: lines, pieces of lines, and lines that end early. */
import { afterAll, expect, it } from "vitest";
import { elementwiseConstants } from "../../src/kernels/elementwise.ts";
import type { IndexTerm } from "../../src/program.ts";
import { cpu } from "../../src/runtime/cpu.ts";
import { stridesFor } from "../../src/wasm/hooks/cuts.ts";
import { openWasm } from "../../src/wasm/open.ts";
import { type KernelRun, runKernel, storeTo } from "../helpers/kernel-run.ts";
import { uniform } from "../helpers/samples.ts";

const engines = { cpu: cpu(), wasm: openWasm(1) };
afterAll(() => engines.wasm.destroy());

/** Each digit of [..., b, a] by a factor: terms of sizes and factors, the innermost first. */
function terms(...digits: readonly (readonly [size: number, factor: number])[]): IndexTerm[] {
  let div = 1;
  return digits
    .map(([size, mul], n) => {
      const term = { div, mod: n === digits.length - 1 ? 0 : size, mul };
      div *= size;
      return term;
    })
    .reverse();
}

/** x plus two views, of which the second is a view of the first's positions. */
function runOf(size: number, first: readonly IndexTerm[], second: readonly IndexTerm[]): KernelRun {
  const positions = (at: number, ofTerms: readonly IndexTerm[]) =>
    ofTerms.reduce((sum, { div, mod, mul }) => {
      const quotient = Math.floor(at / div);
      return sum + (mod === 0 ? quotient : quotient % mod) * mul;
    }, 0);
  let [most, mostOfSecond] = [0, 0];
  for (let i = 0; i < size; i++) {
    const place = positions(i, first);
    most = Math.max(most, place);
    mostOfSecond = Math.max(mostOfSecond, positions(place, second));
  }
  return {
    kernel: "elementwise",
    constants: elementwiseConstants(size),
    hooks: {
      element: {
        code: [
          { op: "index" },
          { op: "load", binding: "operand0", at: 0 },
          { op: "map", from: 0, terms: first, offset: 0 },
          { op: "load", binding: "operand1", at: 2 },
          { op: "map", from: 2, terms: second, offset: 0 },
          { op: "load", binding: "operand2", at: 4 },
          { op: "call", fn: "add", args: [1, 3] },
          { op: "call", fn: "sub", args: [6, 5] },
        ],
        result: 7,
      },
      store: storeTo("result0"),
    },
    reads: {
      operand0: uniform([size]).data,
      operand1: uniform([most + 1]).data,
      operand2: uniform([mostOfSecond + 1]).data,
    },
    results: { result0: { length: size } },
  };
}

const itself = terms([1, 1]);
const runs: Record<string, KernelRun> = {
  "a number a channel, of 49 pixels": runOf(3 * 5 * 49, terms([49, 0], [5, 1], [3, 0]), itself),
  "a number a channel, of more pixels than a part": runOf(2 * 40_003, terms([40_003, 0], [2, 1]), itself),
  "a row of ten": runOf(700, terms([10, 1], [70, 0]), itself),
  "a row of three": runOf(99, terms([3, 2], [33, 0]), itself),
  "a row of one": runOf(5, terms([1, 1], [5, 0]), itself),
  transposed: runOf(37 * 50, terms([37, 50], [50, 1]), terms([50, 1], [37, 3])),
  heads: runOf(2 * 3 * 8 * 4, terms([4, 1], [8, 12], [3, 4], [2, 96]), terms([12, 1], [16, 36])),
  "blocks that end early": runOf(1000, terms([64, 0], [16, 1]), itself),
  "many blocks that end early": runOf(40_000, terms([64, 0], [625, 1]), itself),
  "lines of several parts that end early": runOf(50_001, terms([40_000, 0], [2, 1]), itself),
  "cuts that are no multiples of each other": runOf(640, terms([10, 1], [64, 3]), terms([64, 2], [20, 1])),
};

it.each(Object.keys(runs))("%s", async (name) => {
  const [got, want] = await Promise.all(
    [engines.wasm, engines.cpu].map((engine) => runKernel(engine, runs[name])),
  );
  expect(want.result0.some((value) => value !== 0)).toBe(true);
  expect(got).toEqual(want);
});

it("chooses digits that are multiples of each other, and long or whole vectors", () => {
  expect(stridesFor(6000, [])).toEqual([1]);
  expect(stridesFor(6000, [10, 3])).toEqual([10, 1]);
  expect(stridesFor(4096, [1024, 16, 4096, 1])).toEqual([1024, 16, 1]);
  expect(stridesFor(96, [4, 12, 32])).toEqual([12, 4, 1]);
  expect(stridesFor(640, [3, 10, 64, 320])).toEqual([320, 10, 1]);
});

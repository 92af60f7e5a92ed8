/** Products of square matrices in f32, in wgrad and in its peers. */
import type { ChartSpec } from "../../charts/spec.ts";
import { formatSpread, type Spread, significant } from "../measure.ts";
import { type ContenderName, type Contest, type Entry, hold, type Results } from "./contest.ts";
import type { Host } from "./hosts/host.ts";
import { adapterWords, contestChart, contestLines, entryObject } from "./report.ts";
import { createProducts, expectedRowSums, PRODUCTS_IN_CHAIN } from "./workload.ts";

interface MatmulOptions {
  readonly contenders: readonly ContenderName[];
  /** Rows and columns. */
  readonly size: number;
  readonly seed: number;
  /** Chains of products in a measurement (default: about a second's worth). */
  readonly steps?: number;
  readonly repetitions: number;
}

interface MatmulResult extends Contest {
  readonly size: number;
  readonly repetitions: number;
  readonly productsInChain: number;
  /** The largest difference of any row sum from that in f64, relative to the largest row sum. */
  readonly difference: number;
}

/** Tolerance of sums of f32 products, eight deep. */
const TOLERANCE = 1e-3;

/** @throws Error when a product is wrong: then nothing is timed */
export async function measureMatmul(
  host: Host,
  { contenders, size, seed, steps, repetitions }: MatmulOptions,
  note: (line: string) => void = () => {},
): Promise<MatmulResult> {
  const expected = expectedRowSums(createProducts({ size, seed }));
  let difference = 0;
  const check = (results: Results) => {
    difference = correctness(results, expected);
    note(`row sums agree with f64 to ${difference.toExponential(1)}`);
  };
  const task = { kind: "matmul", options: { size, seed } } as const;
  const contest = await hold(host, { contenders, task, checked: 1, count: steps, repetitions }, check, note);
  return { ...contest, size, repetitions, productsInChain: PRODUCTS_IN_CHAIN, difference };
}

/**
 * The largest difference from `expected`, relative to the largest of it.
 * @throws Error naming who is wrong, NaN included
 */
export function correctness(results: Results, expected: ArrayLike<number>): number {
  const scale = Array.from(expected, Math.abs).reduce((a, b) => Math.max(a, b));
  const differences = [...results].map(([name, [rowSums]]) => {
    const difference =
      rowSums.length === expected.length
        ? Math.max(...rowSums.map((sum, row) => Math.abs(sum - expected[row]))) / scale
        : Number.NaN;
    if (!(difference <= TOLERANCE)) {
      throw new Error(
        `${name}'s product is wrong: its row sums differ from those in f64 by ${difference} of the largest, more than ${TOLERANCE}; nothing was timed`,
      );
    }
    return difference;
  });
  return Math.max(...differences);
}

/** GFLOP/s of a product, from the time of a chain. */
export function gflops(size: number, { median, lowest, highest }: Spread): Spread {
  const speed = (milliseconds: number) => (PRODUCTS_IN_CHAIN * 2 * size ** 3) / milliseconds / 1e6;
  return { median: speed(median), lowest: speed(highest), highest: speed(lowest) };
}

export function matmulLines(result: MatmulResult): string[] {
  const { size, entries, repetitions, productsInChain } = result;
  return [
    `Products of ${size} × ${size} matrices in f32, in ${result.host}${adapterWords(result)}`,
    `Row sums agree with those in f64 to ${result.difference.toExponential(1)} of the largest`,
    "",
    ...contestLines(entries, [
      ["GFLOP/s", ({ milliseconds }) => formatSpread(gflops(size, milliseconds))],
      ["ms a product", ({ milliseconds }) => significant(milliseconds.median / productsInChain)],
    ]),
    `Medians, and from the lowest to the highest, of ${repetitions} measurements by turns: of chains of ${productsInChain} products and a sum of rows.`,
  ];
}

export function matmulObject(result: MatmulResult) {
  const speed = (entry: Entry) =>
    entry.fails === undefined ? { gflops: gflops(result.size, entry.milliseconds) } : {};
  const entries = result.entries.map((entry) => ({ ...entryObject(entry), ...speed(entry) }));
  return { benchmark: "peers-matmul", ...result, entries };
}

export function matmulChart({ size, host, entries }: MatmulResult): ChartSpec {
  return contestChart(entries, {
    title: `Products of ${size} × ${size} matrices in f32, in ${host}`,
    axis: { name: "speed", unit: "GFLOP/s" },
    value: ({ milliseconds }) => gflops(size, milliseconds),
  });
}

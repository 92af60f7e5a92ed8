/** The product of two matrices, in PyTorch and in wgrad. */
import { compile, dataSource, type Engine, init, matmul, max } from "wgrad";
import { table } from "../../src/text.ts";
import { formatSpread, inTurn, significant } from "../measure.ts";
import type { Report } from "../report.ts";
import { relativeDifference } from "../workload.ts";
import {
  ceilingLines,
  chartOf,
  originOf,
  rowsOf,
  type Setting,
  speedCells,
  speedHeadings,
  type TorchResult,
  torchTime,
  writeFiles,
} from "./contest.ts";

interface ProductFlags {
  readonly seed: number;
  /** Products of one measurement. */
  readonly steps: number;
  readonly repetitions: number;
}

/** Products in one submit. */
const PRODUCTS_PER_RUN = 16;
/** Tolerance of sums of products in another order. */
const MATMUL_TOLERANCE = 1e-4;

export async function matmulReport(setting: Setting, size: number, flags: ProductFlags): Promise<Report> {
  const result = await measureProducts(setting, size, flags);
  const lines = [
    `${result.what}; wgrad's is followed by the maxima of its rows`,
    `The maxima agree to ${result.difference.toExponential(1)} relative`,
    "",
    ...table([
      ["", "ms", "times wgrad's", ...speedHeadings(result)],
      ...result.rows.map((row) => [
        row.name,
        formatSpread(row.milliseconds),
        significant(row.ratio),
        ...speedCells(row),
      ]),
    ]),
    "",
    ...ceilingLines(result),
    `Medians, and from the lowest to the highest of ${result.repetitions} measurements of ${result.count} products; all took turns.`,
    originOf(result.pytorch),
  ];
  const object = { benchmark: "torch", size, ...result };
  return { name: `torch-matmul-${size}`, lines, object, chart: chartOf(result, "a product") };
}

async function measureProducts(
  setting: Setting,
  size: number,
  { seed, steps, repetitions }: ProductFlags,
): Promise<TorchResult> {
  const { engine, python, greeting, folder, note } = setting;
  const matrix = (stream: number) => init.uniform(-1, 1)([size, size], { seed, stream });
  const files = { a: matrix(1), b: matrix(2) };
  await writeFiles(folder, files);
  const product = await compileProduct(engine, size, files);
  const { maxima } = (await python.request({ op: "matrices", folder, size })) as { maxima: number[] };
  const actual = [...(await product(1))];
  const difference = relativeDifference(actual, maxima);
  if (!(difference <= MATMUL_TOLERANCE)) {
    throw new Error(
      `the products disagree by ${difference} in the maxima of their rows, more than ${MATMUL_TOLERANCE}; nothing was timed`,
    );
  }
  const wgrad = async () => {
    const began = performance.now();
    await product(steps);
    return (performance.now() - began) / steps;
  };
  const eager = () => torchTime(python, { op: "matmul", count: steps });
  const times = await inTurn(repetitions, { wgrad, eager }, note);
  return {
    what: `The product of two ${size}×${size} matrices in f32`,
    adapter: engine.info.adapter,
    pytorch: greeting,
    difference,
    count: steps,
    repetitions,
    failures: [],
    ceiling: setting.ceiling,
    rows: rowsOf(times, setting, 2 * size ** 3),
  };
}

/** The product, `count` times over; only the maxima of its rows come back, as reading it whole would be most of the time. */
async function compileProduct(
  engine: Engine,
  size: number,
  { a, b }: Readonly<Record<"a" | "b", Float32Array>>,
): Promise<(count: number) => Promise<Float32Array>> {
  const source = (name: string) => dataSource(name, [size, size], "f32");
  const { step } = await compile(engine, {}, () => ({ maxima: max(matmul(source("a"), source("b")), 1) }), {
    name: "product",
    data: { a: engine.buffer("a", "f32", a.length, a), b: engine.buffer("b", "f32", b.length, b) },
    maxSteps: PRODUCTS_PER_RUN,
  });
  return async (count) => {
    const runs: ReturnType<typeof step.runMany>[] = [];
    for (let left = count; left > 0; left -= PRODUCTS_PER_RUN) {
      runs.push(step.runMany(Math.min(left, PRODUCTS_PER_RUN), () => ({})));
    }
    const [{ maxima }] = await Promise.all(runs);
    return (maxima as Float32Array).subarray(0, size);
  };
}

/** Metrics of regressions, and metrics of one's own, held against sums in f64. */
import { describe, expect, it } from "vitest";
import { abs, log, max, sub, sum } from "../../src/index.ts";
import { type Metric, meanAbsolute, rSquared } from "../../src/metrics/index.ts";
import { normals } from "../../src/random.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";
import { measure, squares } from "./samples.ts";

const engines = useEngines();
const COUNT = 47;

/** Two targets around `offset`, and outputs near them. */
function regression(offset: number) {
  const noise = normals(COUNT * 4, 6, 0);
  const targets = Array.from({ length: COUNT }, (_, i) =>
    [0, 1].map((j) => Math.fround(offset + (j + 1) * noise[4 * i + j])),
  );
  const outputs = targets.map((row, i) => row.map((t, j) => Math.fround(t + 0.3 * noise[4 * i + 2 + j])));
  return { outputs, targets };
}

function r2(outputs: readonly number[], targets: readonly number[]): number {
  const mean = targets.reduce((total, t) => total + t, 0) / targets.length;
  const residual = outputs.reduce((total, o, i) => total + (o - targets[i]) ** 2, 0);
  return 1 - residual / targets.reduce((total, t) => total + (t - mean) ** 2, 0);
}

const column = (rows: readonly number[][], j: number) => rows.map((row) => row[j]);

describe.each(ENGINES)("on the %s", (kind) => {
  it.each([0, 10_000])("rSquared and meanAbsolute of targets around %d", async (offset) => {
    const { outputs, targets } = regression(offset);
    const { metrics } = await measure(engines[kind], {
      outputs,
      targets,
      loss: squares,
      batchSize: 15,
      metrics: [rSquared(), meanAbsolute()],
    });
    const want =
      (r2(column(outputs, 0), column(targets, 0)) + r2(column(outputs, 1), column(targets, 1))) / 2;
    expect(want).toBeGreaterThan(0.8);
    expect(Math.abs(metrics.rSquared - want)).toBeLessThanOrEqual(1e-6);
    const distances = outputs.flatMap((row, i) => row.map((o, j) => Math.abs(o - targets[i][j])));
    const mean = distances.reduce((total, d) => total + d, 0) / distances.length;
    expect(Math.abs(metrics.meanAbsolute - mean)).toBeLessThanOrEqual(1e-6);
  });

  it("rSquared of targets without an axis, with a reference that is not quite the mean", async () => {
    const { outputs, targets } = regression(50);
    const measured = (reference: number) =>
      measure(engines[kind], {
        outputs: column(outputs, 0).map((o) => [o]),
        targets: column(targets, 0),
        loss: squares,
        metrics: [rSquared({ reference: [reference] })],
      });
    const { metrics } = await measured(52);
    const want = r2(column(outputs, 0), column(targets, 0));
    expect(Math.abs(metrics.rSquared - want)).toBeLessThanOrEqual(1e-5);
    await expect(measured(5000)).rejects.toThrow(
      "rSquared: target 0 varies too little around the reference (5000",
    );
  });

  it("rSquared of a constant target is 1 where it is met and else 0", async () => {
    const of = async (output: number) => {
      const { metrics } = await measure(engines[kind], {
        outputs: [[output], [0.1], [0.1]],
        targets: [0.1, 0.1, 0.1],
        loss: squares,
        batchSize: 2,
        metrics: [rSquared()],
      });
      return metrics.rSquared;
    };
    expect(await of(0.1)).toBe(1);
    expect(await of(0.2)).toBe(0);
  });

  it("NaN among the outputs is refused", async () => {
    const metrics = [meanAbsolute(), rSquared()].map(
      (metric): Metric => ({
        ...metric,
        trace: (batch) => metric.trace({ ...batch, outputs: log(batch.outputs) }),
      }),
    );
    for (const metric of metrics) {
      const measured = measure(engines[kind], {
        outputs: [[1], [-1], [2]],
        targets: [1, 2, 3],
        loss: squares,
        metrics: [metric],
      });
      await expect(measured).rejects.toThrow(`${metric.name}: the errors sum to NaN`);
    }
  });

  it("metrics of one's own: tensors of any shape are added up, each metric's apart", async () => {
    const { outputs, targets } = regression(0);
    const worst: Metric<"worst", number> = {
      name: "worst",
      // The sum over batches of the largest distance in each.
      trace: ({ outputs, targets }) => ({ total: max(abs(sub(outputs, targets))) }),
      finish: ({ total: [total] }) => total,
    };
    const totals: Metric<"totals", { total: number[]; size: number }> = {
      name: "totals",
      trace: ({ outputs, size }) => ({ total: sum(outputs, 0), [`of ${size}`]: sum(outputs, 0) }),
      finish: ({ total }, size, { loss }) => ({ total: [...total], size: loss > 0 ? size : 0 }),
    };
    const { metrics } = await measure(engines[kind], {
      outputs,
      targets,
      loss: squares,
      batchSize: COUNT,
      metrics: [worst, totals],
    });
    const distances = outputs.flatMap((row, i) =>
      row.map((o, j) => Math.abs(Math.fround(o - targets[i][j]))),
    );
    expect(metrics.worst).toBeCloseTo(Math.max(...distances), 6);
    expect(metrics.totals.size).toBe(COUNT);
    metrics.totals.total.forEach((total, j) => {
      expect(total).toBeCloseTo(
        column(outputs, j).reduce((a, b) => a + b),
        4,
      );
    });
    const twice = await measure(engines[kind], {
      outputs,
      targets,
      loss: squares,
      batchSize: 20,
      metrics: [worst],
    });
    const inBatches = [0, 40, 80].map((start) => Math.max(...distances.slice(start, start + 40)));
    expect(twice.metrics.worst).toBeCloseTo(
      inBatches.reduce((a, b) => a + b),
      5,
    );
  });
});

describe("metrics of regressions refuse", () => {
  it("classes, and references that make no sense", async () => {
    const classes = measure(engines.cpu, {
      outputs: [[1, 2]],
      targets: [1],
      classes: 2,
      metrics: [meanAbsolute()],
    });
    await expect(classes).rejects.toThrow("meanAbsolute (in evaluate dataset): the data set has classes");
    expect(() => rSquared({ reference: [Number.NaN] })).toThrow(
      "rSquared: reference is [NaN]; give finite numbers",
    );
    const two = measure(engines.cpu, {
      outputs: [[1], [2]],
      targets: [1, 2],
      loss: squares,
      metrics: [rSquared({ reference: [1, 2] })],
    });
    await expect(two).rejects.toThrow("rSquared: reference has 2 numbers; the targets have 1");
  });
});

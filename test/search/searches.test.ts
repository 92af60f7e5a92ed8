/** Grid, random and halving searches: what they try, in which order it ends, and that they go on after a break. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  abs,
  cpu,
  createTrainer,
  dense,
  evaluate,
  fit,
  relu,
  sequential,
  sgd,
  sum,
} from "../../src/index.ts";
import { type Metric, rocAuc, topK } from "../../src/metrics/index.ts";
import {
  gridSearch,
  integer,
  logUniform,
  randomSearch,
  successiveHalving,
  type Trial,
} from "../../src/search/index.ts";
import { difference } from "../helpers/compare.ts";
import { DEVICES, ENGINES, useEngines } from "../helpers/engines.ts";
import { memoryRecord, small, steep, train, validation } from "./samples.ts";

const engines = useEngines();
const space = { hidden: [2, 3], learningRate: [0.1, 0.001] } as const;
const drawnSpace = { hidden: integer(2, 3), learningRate: logUniform(1e-3, 0.3) };

const ids = (trials: readonly Trial<unknown>[]) => trials.map(({ trial }) => trial);
const scores = (trials: readonly Trial<unknown>[]) => trials.map(({ score }) => score ?? Number.NaN);

/** Lets a search train so many trials, then breaks off. */
function breakAfter(count: number) {
  let trained = 0;
  return (_trial: unknown, { recorded }: { recorded: boolean }) => {
    if (!recorded && ++trained === count) throw new Error("interrupted");
  };
}

describe.each(ENGINES)("on the %s", (kind) => {
  it("gridSearch trains every combination as fit would, and sorts them", async () => {
    const { trials, best } = await gridSearch(engines[kind], { ...small, validation, space });
    expect(trials.length).toBe(4);
    for (const { trial, choices, score, results, epochs } of trials) {
      expect(choices).toEqual({
        hidden: space.hidden[trial >> 1],
        learningRate: space.learningRate[trial & 1],
      });
      expect(epochs).toBe(2);
      const run = fit(engines[kind], small.model(choices), train, {
        ...small.fit,
        ...small.options(choices),
        seed: 3,
      });
      for await (const _ of run);
      const { confusion: _, ...want } = await evaluate(run.trainer, validation);
      expect(results[0].validation).toEqual(want);
      expect(score).toBe(want.loss);
    }
    expect(scores(trials)).toEqual([...scores(trials)].sort((a, b) => a - b));
    expect(best).toEqual(trials[0]);
  });

  it("successiveHalving keeps the best third and trains it three times as long", async () => {
    const { trials, rungs, best } = await successiveHalving(engines[kind], {
      ...small,
      fit: { batchSize: 12 },
      validation,
      space: drawnSpace,
      configurations: 7,
      maxEpochs: 4,
    });
    expect(rungs.map((rung) => [rung.epochs, rung.trials.length])).toEqual([
      [1, 7],
      [3, 2],
      [4, 1],
    ]);
    expect(new Set(ids(rungs[1].trials))).toEqual(new Set(ids(rungs[0].trials).slice(0, 2)));
    expect(ids(rungs[2].trials)).toEqual(ids(rungs[1].trials).slice(0, 1));
    for (const rung of rungs) {
      expect(scores(rung.trials)).toEqual([...scores(rung.trials)].sort((a, b) => a - b));
      expect(rung.trials.every(({ epochs }) => epochs === rung.epochs)).toBe(true);
    }
    expect(best).toEqual(rungs[2].trials[0]);
    expect(ids(trials)).toEqual([
      ...ids(rungs[2].trials),
      ...ids(rungs[1].trials).slice(1),
      ...ids(rungs[0].trials).slice(2),
    ]);
  });

  it("a search that was interrupted goes on, and ends as if it had not been", async () => {
    const search = (record: ReturnType<typeof memoryRecord>, onTrial?: ReturnType<typeof breakAfter>) =>
      successiveHalving(engines[kind], {
        ...small,
        fit: { batchSize: 12 },
        validation,
        space: drawnSpace,
        configurations: 4,
        maxEpochs: 4,
        eta: 2,
        record,
        onTrial,
      });
    const whole = memoryRecord();
    const want = await search(whole);
    const broken = memoryRecord();
    await expect(search(broken, breakAfter(2))).rejects.toThrow("interrupted");
    await expect(search(broken, breakAfter(3))).rejects.toThrow("interrupted");
    const recorded: boolean[] = [];
    const got = await search(broken, (_trial, progress) => {
      recorded.push(progress.recorded);
      expect(progress).toMatchObject({ done: recorded.length, total: 7 });
    });
    expect(recorded).toEqual([true, true, true, true, true, false, false]);
    expect(got.trials).toEqual(want.trials);
    expect(got.rungs).toEqual(want.rungs);
    expect(got.table()).toBe(want.table());
    expect(broken.text).toBe(whole.text);
  });
});

describe.each(DEVICES)("on the %s and the CPU", (kind) => {
  it("a seed gives the same trials, in the same order", async () => {
    const search = (engine: (typeof engines)["cpu"], seed: number) =>
      randomSearch(engine, { ...small, validation, space: drawnSpace, trials: 5, seed });
    const [found, reference, other] = [
      await search(engines[kind], 3),
      await search(engines.cpu, 3),
      await search(engines.cpu, 4),
    ];
    expect(found.trials.map(({ trial, choices }) => ({ trial, choices }))).toEqual(
      reference.trials.map(({ trial, choices }) => ({ trial, choices })),
    );
    const off = difference("scores", scores(found.trials), scores(reference.trials), {
      rtol: 1e-4,
      atol: 1e-6,
    });
    expect(off).toBe(undefined);
    expect(new Set(scores(reference.trials)).size).toBe(5);
    expect(other.best.choices).not.toEqual(reference.best.choices);
    // A longer search begins with the trials of a shorter one.
    const longer = await randomSearch(engines.cpu, { ...small, validation, space: drawnSpace, trials: 6 });
    const byNumber = (trials: readonly Trial<unknown>[]) => [...trials].sort((a, b) => a.trial - b.trial);
    expect(byNumber(longer.trials).slice(0, 5)).toEqual(byNumber(reference.trials));
  });
});

describe("searches", () => {
  it("go by folds: the score is their mean", async () => {
    const { best, trials } = await gridSearch(cpu(), {
      ...small,
      folds: 3,
      stratified: true,
      fit: { batchSize: 8, epochs: 2 },
      space: { hidden: [2], learningRate: [0.1, 0.01] },
    });
    for (const { results, score, std } of trials) {
      const losses = results.map(({ validation }) => validation.loss);
      expect(losses.length).toBe(3);
      const mean = losses.reduce((a, b) => a + b) / 3;
      expect(score).toBeCloseTo(mean, 12);
      expect(std).toBeCloseTo(Math.sqrt(losses.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 3), 12);
    }
    expect(best.score).toBeLessThan(trials[1].score as number);
  });

  it("monitor accuracy where there are classes, or any function of an evaluation", async () => {
    const base = { ...small, monitor: undefined, validation, space };
    const byAccuracy = await gridSearch(cpu(), base);
    for (const { score, results } of byAccuracy.trials) expect(score).toBe(results[0].validation.accuracy);
    expect(scores(byAccuracy.trials)).toEqual([...scores(byAccuracy.trials)].sort((a, b) => b - a));
    // Equal scores stand as they were numbered.
    const tied = await gridSearch(cpu(), { ...base, monitor: () => 1, mode: "max" });
    expect(ids(tied.trials)).toEqual([0, 1, 2, 3]);
    const fitting = { ...small.fit, metrics: [rocAuc(), topK(1)] };
    const byArea = await gridSearch(cpu(), { ...base, fit: fitting, monitor: "rocAuc.auc", mode: "min" });
    expect(scores(byArea.trials)).toEqual([...scores(byArea.trials)].sort((a, b) => a - b));
    expect(byArea.best.results[0].validation.metrics).toMatchObject({ rocAuc: { auc: byArea.best.score } });
    const byFirst = await gridSearch(cpu(), { ...base, fit: fitting, monitor: "top1" });
    expect(byFirst.trials.map(({ trial, score }) => [trial, score])).toEqual(
      byAccuracy.trials.map(({ trial, score }) => [trial, score]),
    );
  });

  it("take a score that is no number for a failure", async () => {
    const searching = (monitor: string | (() => number)) =>
      gridSearch(cpu(), {
        ...small,
        validation,
        space,
        monitor,
        mode: "max",
        fit: { ...small.fit, metrics: [rocAuc()] },
      });
    await expect(searching(() => Number.NaN)).rejects.toThrow(
      "gridSearch: every trial failed; trial 0: the score (function) is NaN",
    );
    await expect(searching("rocAuc.area")).rejects.toThrow("trial 0: the score (rocAuc.area) is undefined");
  });

  it("hand choices that are options of fit to fit", async () => {
    const { trials } = await gridSearch(cpu(), {
      data: train,
      validation,
      model: () => dense(2),
      space: { batchSize: [6, 12], epochs: [1, 3], clip: [{ norm: 0.5 }] },
      seed: 1,
    });
    for (const { choices, epochs, score } of trials) {
      expect(epochs).toBe(choices.epochs);
      const run = fit(cpu(), dense(2), train, { ...choices, seed: 1 });
      for await (const _ of run);
      expect(score).toBe((await evaluate(run.trainer, validation)).accuracy);
    }
  });

  it("take a training that diverges for a failed trial", async () => {
    const record = memoryRecord();
    const search = (learningRate: readonly number[]) =>
      gridSearch(cpu(), {
        data: train,
        validation,
        model: () => sequential(dense(2), relu(), dense(2)),
        options: ({ learningRate }) => ({ optimizer: sgd({ learningRate }), loss: steep }),
        fit: { batchSize: 6, epochs: 4 },
        monitor: "loss",
        space: { learningRate },
        record,
      });
    const { trials, best, table } = await search([1e6, 1e-3]);
    expect(ids(trials)).toEqual([1, 0]);
    expect(best.trial).toBe(1);
    expect(trials[1].score).toBe(undefined);
    expect(trials[1].error).toMatch(
      /^fit: the loss became (NaN|Infinity|-Infinity) in step \d+ \(epoch \d\): /,
    );
    expect(table()).toContain("fit: the loss became");
    const again = await search([1e6, 1e-3]);
    expect(again.trials).toEqual(trials);
    record.text = "";
    await expect(search([1e6, 1e7])).rejects.toThrow(
      "gridSearch: every trial failed; trial 0: fit: the loss became",
    );
  });

  it("drop what diverges on the way, also where metrics refuse it", async () => {
    const strict: Metric = {
      name: "strict",
      trace: ({ outputs }) => ({ total: sum(abs(outputs)) }),
      finish({ total: [total] }) {
        if (!Number.isFinite(total)) throw new Error("strict: refused");
        return total;
      },
    };
    const search = (metrics: boolean) =>
      successiveHalving(cpu(), {
        data: train,
        validation,
        model: () => sequential(dense(4), relu(), dense(2)),
        options: ({ learningRate }) => ({
          optimizer: sgd({ learningRate }),
          ...(metrics ? { metrics: [strict] } : {}),
        }),
        // One step an epoch: its loss is still that of the start.
        fit: { batchSize: 24 },
        space: { learningRate: [3e38, 1e-2] },
        configurations: 6,
        maxEpochs: 2,
        eta: 2,
      });
    for (const metrics of [false, true]) {
      const { rungs, trials } = await search(metrics);
      const failed = rungs[0].trials.filter(({ choices }) => choices.learningRate > 1);
      expect(failed.length).toBeGreaterThanOrEqual(2);
      expect(failed.length).toBeLessThanOrEqual(4);
      for (const { error, score } of failed) {
        expect(error).toMatch(
          /^(the loss of the trained model is Infinity$|evaluate more clouds: (the loss is NaN|the model's outputs for \d+ of))/,
        );
        expect(score).toBe(undefined);
      }
      expect(rungs[1].trials.length).toBe(Math.min(3, 6 - failed.length));
      expect(rungs[1].trials.every(({ choices }) => choices.learningRate < 1)).toBe(true);
      expect(trials.slice(-failed.length)).toEqual(rungs[0].trials.slice(-failed.length));
    }
  });

  it("print aligned tables", async () => {
    const { table, trials } = await gridSearch(cpu(), {
      ...small,
      validation,
      space: { ...space, shuffle: [true] },
    });
    const lines = table().split("\n");
    expect(lines[0]).toBe("trial  hidden  learningRate  shuffle  epochs   score    loss  accuracy");
    expect(lines.length).toBe(5);
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
    const [{ trial, choices, score, results }] = trials;
    const { accuracy = Number.NaN } = results[0].validation;
    expect(lines[1].trim().split(/\s+/)).toEqual([
      String(trial),
      String(choices.hidden),
      choices.learningRate.toPrecision(4),
      "true",
      "2",
      score?.toPrecision(4),
      score?.toPrecision(4),
      Number.isInteger(accuracy) ? String(accuracy) : accuracy.toPrecision(4),
    ]);
  });

  it("free what their trainings took", async () => {
    const engine = cpu();
    const buffer = engine.buffer.bind(engine);
    let held = 0;
    engine.buffer = (...args) => {
      const made = buffer(...args);
      const release = made.release.bind(made);
      held++;
      made.release = () => {
        held--;
        release();
      };
      return made;
    };
    createTrainer(engine, dense(2), { inputShape: [2] }).release();
    expect(held).toBe(0);
    await gridSearch(engine, { ...small, validation, space });
    expect(held).toBe(0);
  });
});

describe("a record on disk", () => {
  it("is made, grows, and survives a line that was torn off", async () => {
    const folder = await mkdtemp(join(tmpdir(), "wgrad-search-"));
    const path = join(folder, "trials.jsonl");
    try {
      const search = (onTrial?: ReturnType<typeof breakAfter>) =>
        gridSearch(cpu(), { ...small, validation, space, record: path, onTrial });
      const want = await search();
      const text = await readFile(path, "utf8");
      expect(text.split("\n").length).toBe(1 + 4 + 1);
      // Wherever the power was cut, the search goes on from the lines that are whole.
      const lengths = [
        0,
        1,
        20,
        text.indexOf("\n"),
        text.indexOf("\n") + 1,
        text.length - 30,
        text.length - 1,
      ];
      for (const length of lengths) {
        await writeFile(path, text.slice(0, length));
        const seen: boolean[] = [];
        const got = await search((_trial, { recorded }) => seen.push(recorded));
        expect(got.trials, `cut at ${length}`).toEqual(want.trials);
        const whole = text.slice(0, length).split("\n").length - 2;
        expect(seen.filter((recorded) => recorded).length, `cut at ${length}`).toBe(Math.max(0, whole));
        // What was written behind the torn line is read, too.
        const last = await search((_trial, { recorded }) => expect(recorded).toBe(true));
        expect(last.trials).toEqual(want.trials);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

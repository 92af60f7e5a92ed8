/** Callbacks of `fit`: what they are told, early stopping, checkpoints and histories. */
import { execFileSync } from "node:child_process";
import { lstat, mkdir, mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  cpu,
  createTrainer,
  dense,
  type Epoch,
  evaluate,
  type FitOptions,
  fit,
  relu,
  sequential,
  sgd,
  sum,
} from "wgrad";
import {
  bestCheckpoint,
  type Callback,
  checkpoints,
  csvHistory,
  earlyStopping,
  jsonHistory,
} from "wgrad/callbacks";
import { dataset, digits } from "wgrad/data";
import { rocAuc, topK } from "wgrad/metrics";

const { train, test } = digits({ train: 120, test: 60 });
const model = () => sequential(dense(16), relu(), dense(10));
/** A rate at which the validation loss falls, and soon jumps about. */
const restless: FitOptions = {
  epochs: 30,
  batchSize: 20,
  optimizer: sgd({ learningRate: 0.8 }),
  validation: test,
  seed: 4,
};

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wgrad-callbacks-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function trained(callbacks: readonly Callback[], change: FitOptions = {}) {
  const run = fit(cpu(), model(), train, { ...restless, callbacks, ...change });
  const epochs: Epoch[] = [];
  for await (const epoch of run) epochs.push(epoch);
  return { run, epochs };
}

const losses = (epochs: readonly Epoch[]) => epochs.map(({ validation }) => validation?.loss ?? Number.NaN);

describe("early stopping", () => {
  it("stops after `patience` epochs without a better one, and puts the best weights back", async () => {
    const stopping = earlyStopping({ patience: 3 });
    const { run, epochs } = await trained([stopping]);
    const all = losses(epochs);
    const best = all.indexOf(Math.min(...all));
    expect(epochs.length).toBe(best + 1 + 3);
    expect(epochs.length).toBeLessThan(30);
    expect(run.stoppedBy).toBe("earlyStopping");
    expect(stopping.best).toEqual({ epoch: best + 1, value: all[best] });
    expect((await evaluate(run.trainer, test)).loss).toBe(all[best]);
  });

  it("keeps the last weights if asked to", async () => {
    const { run, epochs } = await trained([earlyStopping({ patience: 3, restoreBest: false })]);
    expect((await evaluate(run.trainer, test)).loss).toBe(losses(epochs).at(-1));
  });

  it("goes by accuracy, or by any number of an epoch", async () => {
    const { epochs } = await trained([earlyStopping({ monitor: "accuracy", patience: 2 })]);
    const accuracies = epochs.map(({ validation }) => validation?.accuracy ?? Number.NaN);
    expect(accuracies.lastIndexOf(Math.max(...accuracies))).toBeGreaterThanOrEqual(accuracies.length - 3);
    expect(accuracies.indexOf(Math.max(...accuracies))).toBe(accuracies.length - 3);
    const seen = await trained([
      earlyStopping({ monitor: ({ epoch }) => Math.abs(epoch - 4), mode: "min", patience: 2 }),
    ]);
    expect(seen.epochs.length).toBe(6);
  });

  it("goes by a metric, by its path", async () => {
    const metrics = [topK(2), rocAuc()];
    for (const monitor of ["top2", "rocAuc.auc"]) {
      const stopping = earlyStopping({ monitor, patience: 3 });
      const { epochs } = await trained([stopping], { metrics, epochs: 12 });
      const values = epochs.map(({ validation }) => {
        const found = validation?.metrics as { top2: number; rocAuc: { auc: number } };
        return monitor === "top2" ? found.top2 : found.rocAuc.auc;
      });
      expect(stopping.best?.value, monitor).toBe(Math.max(...values));
    }
  });

  it("does not count what is better by less than minDelta", async () => {
    const { epochs } = await trained([earlyStopping({ minDelta: 100, patience: 4 })]);
    expect(epochs.length).toBe(5);
  });

  it("puts the best weights back where the caller breaks off, too", async () => {
    const run = fit(cpu(), model(), train, { ...restless, callbacks: [earlyStopping({ patience: 20 })] });
    const seen: Epoch[] = [];
    for await (const epoch of run) {
      seen.push(epoch);
      if (seen.length === 12) break;
    }
    expect((await evaluate(run.trainer, test)).loss).toBe(Math.min(...losses(seen)));
  });

  it("counts on after a resume", async () => {
    const whole = await trained([earlyStopping({ patience: 5 })]);
    const begun = fit(cpu(), model(), train, { ...restless, callbacks: [earlyStopping({ patience: 5 })] });
    let resume: Uint8Array = new Uint8Array();
    for await (const { epoch } of begun) {
      if (epoch !== whole.epochs.length - 2) continue;
      resume = await begun.checkpoint();
      break;
    }
    const resumed = await trained([earlyStopping({ patience: 5 })], { resume });
    expect(resumed.epochs.length).toBe(2);
    expect(resumed.run.stoppedBy).toBe("earlyStopping");
  });

  it.each([
    ["earlyStopping: patience is 0; give a whole number from 1", { patience: 0 }],
    ["earlyStopping: minDelta is NaN", { minDelta: Number.NaN }],
    ['earlyStopping: monitor is 5; give "loss", "accuracy", a metric\'s name', { monitor: 5 as never }],
    ['earlyStopping: mode is "least"; give "max" or "min"', { mode: "least" as "min" }],
  ])("refuses: %s", (message, options) => {
    expect(() => earlyStopping(options)).toThrow(message);
  });

  it("says where there is nothing to go by", async () => {
    const table = dataset({
      inputs: { data: new Float32Array(40), shape: [2] },
      targets: { data: new Float32Array(20), shape: [1] },
    });
    const run = fit(cpu(), dense(1), table, {
      batchSize: 5,
      loss: { name: "size", apply: (outputs) => sum(outputs) },
      callbacks: [earlyStopping({ monitor: "accuracy" })],
    });
    await expect(run[Symbol.asyncIterator]().next()).rejects.toThrow(
      'earlyStopping: monitor is "accuracy", and dataset has no classes; give "loss" or a metric',
    );
  });
});

describe("files", () => {
  it("bestCheckpoint keeps the best epoch's weights, whole", async () => {
    const path = join(folder, "best.safetensors");
    const { epochs } = await trained([bestCheckpoint(path)]);
    const trainer = createTrainer(cpu(), model(), { inputShape: [1, 28, 28] });
    await trainer.load(path);
    expect((await evaluate(trainer, test)).loss).toBe(Math.min(...losses(epochs)));
    expect(await readdir(folder)).toEqual(["best.safetensors"]);
  });

  it("checkpoints go on where the run was", async () => {
    const path = join(folder, "run.safetensors");
    const whole = await trained([], { epochs: 5 });
    await trained([checkpoints(path, 2)], { epochs: 3 });
    const resumed = await trained([], { epochs: 5, resume: path });
    expect(resumed.epochs.map(({ epoch }) => epoch)).toEqual([3, 4, 5]);
    expect(losses(resumed.epochs)).toEqual(losses(whole.epochs).slice(2));
  });

  it("histories hold a line for each epoch, after each epoch", async () => {
    const [csv, json] = [join(folder, "history.csv"), join(folder, "history.jsonl")];
    const lines: number[] = [];
    const watch: Callback = {
      name: "watch",
      async onEpoch() {
        lines.push((await readFile(csv, "utf8")).trim().split("\n").length);
      },
    };
    const text = csvHistory();
    const { epochs } = await trained([csvHistory(csv), jsonHistory(json), text, watch], { epochs: 3 });
    expect(lines).toEqual([2, 3, 4]);
    const [head, ...rows] = (await readFile(csv, "utf8")).trim().split("\n");
    expect(head).toBe("epoch,loss,accuracy,validationLoss,validationAccuracy,seconds,samplesPerSecond");
    expect(rows.map((row) => row.split(",").map(Number).slice(0, 5))).toEqual(
      epochs.map(({ epoch, loss, accuracy, validation }) => [
        epoch,
        loss,
        accuracy,
        validation?.loss,
        validation?.accuracy,
      ]),
    );
    expect(text.text).toBe(await readFile(csv, "utf8"));
    const objects = (await readFile(json, "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(objects).toEqual(JSON.parse(JSON.stringify(epochs)));
  });

  it("jsonHistory takes whatever a metric gives", async () => {
    const history = jsonHistory();
    const metrics = { counts: Float64Array.of(1, 2), large: 5n, none: Number.NaN };
    await history.onEpoch?.({ epoch: 1, validation: { loss: 1, metrics } } as unknown as Epoch, {} as never);
    expect(history.text).toBe(
      '{"epoch":1,"validation":{"loss":1,"metrics":{"counts":[1,2],"large":"5","none":null}}}\n',
    );
  });

  it("leave empty what there is not", async () => {
    const history = csvHistory();
    await trained([history], { epochs: 1, validation: undefined });
    expect(history.text.split("\n")[1]).toMatch(/^1,[\d.]+,[\d.]+,,,[\d.e-]+,[\d.]+$/);
  });

  const written: [string, (path: string) => Callback][] = [
    ["bestCheckpoint", bestCheckpoint],
    ["checkpoints", checkpoints],
    ["csvHistory", csvHistory],
    ["jsonHistory", jsonHistory],
  ];
  it.each(written)(
    "%s in a folder that is not there ends the run before its first step",
    async (_name, make) => {
      const path = join(folder, "missing", "file");
      const run = fit(cpu(), model(), train, { ...restless, callbacks: [make(path)] });
      await expect(run).rejects.toThrow(
        `save: ${path} cannot be written: its folder does not exist (ENOENT)`,
      );
      expect(run.trainer.steps).toBe(0);
      expect(run.history).toEqual([]);
    },
  );

  it.each(written)(
    "%s that can be written no more ends the run, and the weights can be saved",
    async (_name, make) => {
      const path = join(folder, "inner", "file");
      await mkdir(join(folder, "inner"));
      let epochs = 0;
      const remove = async () => {
        if (++epochs === 2) await rm(join(folder, "inner"), { recursive: true });
      };
      const metric = ({ epoch }: Epoch) => epoch;
      const callback =
        make === bestCheckpoint ? bestCheckpoint(path, { monitor: metric, mode: "max" }) : make(path);
      const run = fit(cpu(), model(), train, { ...restless, callbacks: [remove, callback] });
      await expect(run).rejects.toThrow(
        `save: ${path} cannot be written: its folder does not exist (ENOENT)`,
      );
      expect(run.history.length).toBe(2);
      await run.save(join(folder, "rescued.safetensors"));
      expect(await readdir(folder)).toEqual(["rescued.safetensors"]);
    },
  );

  it.runIf(process.platform !== "win32")(
    "histories write each line once, to pipes and devices, too",
    async () => {
      const [csv, link] = [join(folder, "history.csv"), join(folder, "link")];
      await writeFile(csv, "of another run");
      await symlink(csv, link);
      const { epochs } = await trained([csvHistory(link), csvHistory("/dev/null")], { epochs: 3 });
      const lines = (await readFile(csv, "utf8")).trim().split("\n");
      expect(lines.slice(1).map((line) => Number(line.split(",")[0]))).toEqual(
        epochs.map(({ epoch }) => epoch),
      );
      expect((await lstat(link)).isSymbolicLink()).toBe(true);
      execFileSync("mkfifo", [join(folder, "pipe")]);
      // Open for both, so that nobody waits: what was written is in the pipe.
      const pipe = await open(join(folder, "pipe"), "r+");
      const history = jsonHistory(join(folder, "pipe"));
      await trained([history], { epochs: 2 });
      const { buffer, bytesRead } = await pipe.read(Buffer.alloc(65_536));
      await pipe.close();
      expect(buffer.toString("utf8", 0, bytesRead)).toBe(history.text);
    },
  );
});

it.each<[string, () => Callback]>([
  ["earlyStopping", () => earlyStopping({ patience: 20 })],
  ["bestCheckpoint", () => bestCheckpoint(join(folder, "best.safetensors"))],
  ["checkpoints", () => checkpoints(join(folder, "run.safetensors"))],
  ["csvHistory", () => csvHistory()],
])("%s watches one run at a time, and the next after it", async (name, make) => {
  const callback = make();
  const open = (seed: number) =>
    fit(cpu(), model(), train, { ...restless, epochs: 3, seed, callbacks: [callback] });
  const alone = fit(cpu(), model(), train, { ...restless, epochs: 3 });
  await alone;
  const [first, second] = [open(4), open(5)];
  for await (const { epoch } of first) {
    if (epoch !== 2) continue;
    const other = await second.then(
      () => "",
      (error) => String(error),
    );
    expect(other).toContain(
      `${name}: this callback already watches another run; make one for each concurrent run`,
    );
    expect(second.trainer.steps).toBe(0);
  }
  expect(losses(first.history)).toEqual(losses(alone.history));
  expect((await second).length).toBe(3);
});

it("callbacks are told of the start, each epoch and the end, in order; the first that stops is named", async () => {
  const events: string[] = [];
  const teller = (name: string, stopAt: number): Callback => ({
    name,
    onStart: ({ history }) => void events.push(`${name} starts after ${history.length}`),
    async onEpoch({ epoch }) {
      events.push(`${name} ${epoch}`);
      return epoch === stopAt ? "stop" : undefined;
    },
    onEnd: () => void events.push(`${name} ends`),
  });
  const { run, epochs } = await trained([teller("a", 3), teller("b", 2)]);
  expect(epochs.length).toBe(2);
  expect(run.stoppedBy).toBe("b");
  expect(events).toEqual([
    "a starts after 0",
    "b starts after 0",
    "a 1",
    "b 1",
    "a 2",
    "b 2",
    "a ends",
    "b ends",
  ]);
});

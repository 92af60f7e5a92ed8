/** Checkpoints as files: the last ones kept, never a moment without a whole one, and the newest whole one resumed. */
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cpu, DivergenceError, dense, type FitOptions, fit, relu, sequential, sgd } from "wgrad";
import { type Callback, type CheckpointsOptions, checkpoints, earlyStopping } from "wgrad/callbacks";
import { digits } from "wgrad/data";
import { crc32 } from "../../src/io/crc32.ts";

const { train, test } = digits({ train: 60, test: 20 });
const options: FitOptions = {
  epochs: 5,
  batchSize: 6,
  optimizer: sgd({ learningRate: 0.3 }),
  validation: test,
  seed: 2,
};

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wgrad-checkpoints-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const open = (change: FitOptions = {}) =>
  fit(cpu(), sequential(dense(6), relu(), dense(10)), train, { ...options, ...change });
async function outcome(change: FitOptions = {}) {
  const run = open(change);
  const history = (await run).map(({ epoch, loss, validation }) => [epoch, loss, validation?.loss]);
  return { history, weights: await run.trainer.weights() };
}
const names = async () => (await readdir(folder)).sort();
const at = (name: string) => join(folder, name);

describe("the last ones are kept", () => {
  it.each<[string, CheckpointsOptions | number | undefined, string[]]>([
    ["run.safetensors", undefined, ["run.safetensors"]],
    ["run.safetensors", 2, ["run.safetensors"]],
    ["run-{epoch}.safetensors", undefined, [3, 4, 5].map((n) => `run-${n}.safetensors`)],
    ["run-{epoch}.safetensors", { keep: 1 }, ["run-5.safetensors"]],
    ["run-{epoch}.safetensors", { every: 2 }, ["run-2.safetensors", "run-4.safetensors"]],
    ["{step}.{epoch}", { keep: 2 }, ["40.4", "50.5"]],
    [
      "run-{epoch}.safetensors",
      { keep: Number.POSITIVE_INFINITY },
      [1, 2, 3, 4, 5].map((n) => `run-${n}.safetensors`),
    ],
  ])("%s, %j", async (name, how, expected) => {
    await open({ callbacks: [checkpoints(at(name), how)] });
    expect(await names()).toEqual(expected);
  });

  it("there is a whole one at any moment, and at most one more than are kept", async () => {
    const seen = new Set<string>();
    const look: Callback = {
      name: "look",
      async onEpoch({ epoch }) {
        const there = await names();
        if (epoch > 1) expect(there.length).toBeGreaterThan(0);
        expect(there.length).toBeLessThanOrEqual(3);
        for (const name of there) seen.add(name);
        return undefined;
      },
    };
    await open({ callbacks: [look, checkpoints(at("{epoch}.safetensors"), { keep: 2 }), look] });
    expect(seen.size).toBe(5);
  });

  it("those of another run stay, and those of the resumed run are its own", async () => {
    await writeFile(at("run-77.safetensors"), "of another run");
    const callbacks = () => [checkpoints(at("run-{epoch}.safetensors"), { keep: 2 })];
    await open({ epochs: 3, callbacks: callbacks() });
    expect(await names()).toEqual(["run-2.safetensors", "run-3.safetensors", "run-77.safetensors"]);
    await rm(at("run-77.safetensors"));
    await open({ callbacks: callbacks(), resume: at("run-{epoch}.safetensors") });
    expect(await names()).toEqual(["run-4.safetensors", "run-5.safetensors"]);
  });

  it.each<[string, unknown, string]>([
    ["run.safetensors", { keep: 2 }, 'checkpoints: keep is 2, and "'],
    ["{epoch}/run.safetensors", { keep: 2 }, "put {epoch} or {step} into the name"],
    ["{epoch}", { keep: 0 }, "checkpoints: keep is 0; give a whole number from 1"],
    ["{epoch}", { every: 0.5 }, "checkpoints: every is 0.5"],
    ["{epoch}", { everySteps: 0 }, "checkpoints: everySteps is 0"],
    ["{epoch}", { everySeconds: 0 }, "checkpoints: everySeconds is 0; give a finite number above 0"],
    ["{epoch}", { last: 3 }, 'checkpoints: there is no option "last"'],
    ["{epoch}", -1, "checkpoints: every is -1"],
  ])("%s, %j is refused", (name, how, message) => {
    expect(() => checkpoints(at(name), how as CheckpointsOptions)).toThrow(message);
  });
});

describe("within an epoch", () => {
  it.each<[string, CheckpointsOptions]>([
    ["steps", { everySteps: 1, every: Number.POSITIVE_INFINITY }],
    ["seconds", { everySeconds: 1e-6, every: Number.POSITIVE_INFINITY }],
  ])("they come after so many %s, and go on to the bit", async (_what, how) => {
    const whole = await outcome();
    const files = checkpoints(at("{step}.safetensors"), { ...how, keep: Number.POSITIVE_INFINITY });
    const kept: (typeof files.last)[] = [];
    const look = () => void kept.push(files.last);
    expect(await outcome({ callbacks: [files], onProgress: look })).toEqual(whole);
    const steps = (await names()).map((name) => Number.parseInt(name, 10));
    expect(steps.some((step) => step % 10 !== 0)).toBe(true);
    for (const step of steps.filter((step) => step < 50)) {
      const resumed = await outcome({ resume: at(`${step}.safetensors`) });
      expect(resumed, `from step ${step}`).toEqual(whole);
    }
    expect(kept.some((last) => last && last.step % 10 !== 0 && last.epoch > last.step / 10)).toBe(true);
  });
});

describe("a run that ends by an error", () => {
  it.each(["signal", "onProgress"])("has a last one: %s", async (way) => {
    const whole = await outcome();
    const controller = new AbortController();
    const files = checkpoints(at("run.safetensors"));
    const run = open({
      signal: controller.signal,
      callbacks: [earlyStopping({ patience: 50 }), files],
      onProgress: ({ epoch, samples }) => {
        if (epoch !== 1 || samples < 6) return;
        if (way === "onProgress") throw new Error("no more");
        controller.abort();
      },
    });
    await expect(run).rejects.toThrow();
    expect(files.last?.path).toBe(at("run.safetensors"));
    expect(files.last?.step).toBe(run.place.steps);
    expect(run.place.steps).toBeLessThan(50);
    expect(await outcome({ resume: at("run.safetensors") })).toEqual(whole);
  });

  it("before its first step leaves the file as it was", async () => {
    await writeFile(at("run.safetensors"), "of another run");
    const fails: Callback = {
      name: "fails",
      onStart: () => {
        throw new Error("not today");
      },
    };
    await expect(open({ callbacks: [checkpoints(at("run.safetensors")), fails] })).rejects.toThrow(
      "not today",
    );
    expect(await readFile(at("run.safetensors"), "utf8")).toBe("of another run");
  });

  it("by numbers gone wrong never writes over a good one", async () => {
    const path = at("run.safetensors");
    const stop = ({ epoch }: { epoch: number }) => (epoch === 2 ? ("stop" as const) : undefined);
    await open({ callbacks: [checkpoints(path), stop] });
    const good = await crc32(await readFile(path));
    const run = open({
      resume: { from: path, allow: ["learningRate", "optimizer"] },
      optimizer: sgd({ learningRate: 1e30 }),
      callbacks: [checkpoints(path)],
    });
    await expect(run).rejects.toThrow(DivergenceError);
    expect(await crc32(await readFile(path))).toBe(good);
  });

  it.each<[string, string, string[]]>([
    ["run.safetensors", "run.last-good.safetensors", ["run.last-good.safetensors", "run.safetensors"]],
    [
      "{epoch}.safetensors",
      "last-good.safetensors",
      ["1.safetensors", "2.safetensors", "last-good.safetensors"],
    ],
  ])(
    "by numbers gone wrong leaves its last good state beside %s, to go on from",
    async (name, lastGood, files) => {
      // The update of step 25, the fifth of epoch 3, overflows.
      const sudden = (step: number) => (step === 24 ? 1e39 : 1);
      const run = open({ schedule: sudden, callbacks: [checkpoints(at(name))] });
      const error = await run.then(
        () => undefined,
        (reason) => reason,
      );
      expect(error).toBeInstanceOf(DivergenceError);
      expect(run.place).toMatchObject({ epoch: 3, steps: 24 });
      expect(await names()).toEqual(files);
      const whole = await outcome();
      for (const from of [at(lastGood), folder])
        expect(await outcome({ resume: { from, allow: ["schedule"] } }), from).toEqual(whole);
    },
  );
});

describe("a file that cannot be written", () => {
  it("is tried again, and the run goes on where that helps", async () => {
    const path = at("inner/run.safetensors");
    await mkdir(at("inner"));
    let removed = false;
    const flicker: Callback = {
      name: "flicker",
      async onEpoch({ epoch }) {
        if (epoch !== 2) return undefined;
        await rm(at("inner"), { recursive: true });
        removed = true;
        setTimeout(() => void mkdir(at("inner")), 200);
        return undefined;
      },
    };
    await open({ callbacks: [flicker, checkpoints(path)] });
    expect(removed).toBe(true);
    expect(await outcome({ epochs: 6, resume: path })).toEqual(await outcome({ epochs: 6 }));
  });

  it("within an epoch ends the run, which can go on", async () => {
    await mkdir(at("inner"));
    let broken = true;
    const files = checkpoints(at("inner/{step}"), { everySteps: 1 });
    const run = open({
      callbacks: [files],
      onProgress: () => {
        if (broken) void rm(at("inner"), { recursive: true, force: true });
      },
    });
    await expect(run).rejects.toThrow(/inner.* cannot be written: its folder does not exist/);
    broken = false;
    await mkdir(at("inner"), { recursive: true });
    await run;
    const whole = open();
    await whole;
    expect(await run.trainer.weights()).toEqual(await whole.trainer.weights());
    expect((await readdir(at("inner"))).length).toBeGreaterThan(0);
  });
});

describe("resume takes the newest whole one", () => {
  const series = () => at("run-{epoch}.safetensors");
  const begin = () =>
    open({ epochs: 4, callbacks: [checkpoints(series(), { keep: Number.POSITIVE_INFINITY })] });

  it("of a series, by the time it was written, whatever copies did to the times of files", async () => {
    const whole = await outcome();
    await begin();
    await utimes(at("run-4.safetensors"), 1, 1);
    const run = open({ resume: series() });
    await run;
    expect(run.history.length).toBe(5);
    expect(run.history.filter(({ seconds }) => seconds > 0).length).toBe(5);
    expect(await outcome({ resume: series() })).toEqual(whole);
  });

  it("of a folder, in which other files lie", async () => {
    await begin();
    await copyFile(at("run-2.safetensors"), at("z.safetensors"));
    await writeFile(at("notes.txt"), "x");
    const weights = open({ epochs: 1 });
    await weights;
    await weights.save(at("weights.safetensors"));
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    expect(await outcome({ resume: folder })).toEqual(await outcome());
    // The weights are newer, and no checkpoint.
    expect(warned.mock.calls.map(([text]) => text).join()).not.toContain("damaged");
    warned.mockRestore();
  });

  it("passes over a damaged one, and says so", async () => {
    await begin();
    const bytes = await readFile(at("run-4.safetensors"));
    bytes[bytes.length - 9] ^= 16;
    await writeFile(at("run-4.safetensors"), bytes);
    await writeFile(at("run-3.safetensors"), bytes.subarray(0, 200));
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    const run = open({ resume: series() });
    await run;
    const said = warned.mock.calls.map(([text]) => String(text));
    warned.mockRestore();
    expect(said).toHaveLength(2);
    expect(said.join()).toMatch(
      /run-4\.safetensors: the checkpoint is damaged: its tensor .*Going on from .*run-2/s,
    );
    expect(said.join()).toContain("run-3.safetensors: the file is cut off");
    expect(await run.trainer.weights()).toEqual((await outcome()).weights);
  });

  it("says where there is none, or none is whole", async () => {
    await expect(open({ resume: series() })).rejects.toThrow(
      /^resume: .*run-\{epoch\}.*: there is no checkpoint$/,
    );
    await writeFile(at("run-1.safetensors"), "x");
    await expect(open({ resume: series() })).rejects.toThrow(/no checkpoint is whole: .*run-1\.safetensors/);
    await expect(open({ resume: at("missing") })).rejects.toThrow(/missing cannot be read: ENOENT/);
  });

  it("of another run is refused, with its differences by name", async () => {
    await begin();
    const error = await open({ seed: 3, batchSize: 7, resume: series() }).then(
      () => undefined,
      (reason) => reason,
    );
    expect(error.name).toBe("CheckpointMismatchError");
    expect(error.differences).toEqual([
      { aspect: "seed", words: "seed is 2, this run's 3" },
      { aspect: "batchSize", words: "batchSize is 6, this run's 7" },
    ]);
  });
});

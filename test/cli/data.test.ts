/** Where the data comes from, and the checks of files and folders. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digits, MnistUnavailableError, type mnist } from "wgrad/data";
import { loadData } from "../../cli/data.ts";
import { UsageError } from "../../cli/errors.ts";
import { checkFolder, checkTargets, resumed } from "../../cli/paths.ts";

const options = { dataset: "mnist", datasetGiven: false, batch: 10 } as const;
const failures = ["a", "b"].map((host) => ({ url: `https://${host}/`, reason: "no network" }));
const offline: typeof mnist = async () => {
  throw new MnistUnavailableError("train-images-idx3-ubyte.gz", failures);
};
/** Stands for MNIST: the loader is wgrad's own, tested elsewhere. */
const small = digits({ train: 100, test: 20, seed: 5 });

describe("the data", () => {
  it("is MNIST, from the folder given, with a line for each file that is fetched", async () => {
    const notes: string[] = [];
    let dir: string | undefined;
    const load: typeof mnist = async (given = {}) => {
      dir = given.dir;
      for (const loadedBytes of [1, 2]) {
        given.onProgress?.({ file: "f", source: "https://a/f.gz", loadedBytes, totalBytes: 2 });
        given.onProgress?.({ file: "g", source: "/folder/g.gz", loadedBytes, totalBytes: 2 });
      }
      return small;
    };
    const data = await loadData({ ...options, data: "folder" }, (line) => notes.push(line), load);
    expect(data).toEqual({ name: "mnist", train: small.train, test: small.test });
    expect(dir).toBe("folder");
    expect(notes).toEqual(["fetching https://a/f.gz"]);
  });

  it("is cut to --count, and the test set is not", async () => {
    const data = await loadData(
      { ...options, count: 30 },
      () => {},
      async () => small,
    );
    expect([data.train.count, data.test.count]).toEqual([30, 20]);
    expect(data.train.inputs.data).toEqual(small.train.inputs.data.slice(0, 30 * 784));
  });

  it("is the built-in digits without a network, and says so", async () => {
    const notes: string[] = [];
    const data = await loadData({ ...options, count: 50 }, (line) => notes.push(line), offline);
    expect([data.name, data.train.count, data.test.count]).toEqual(["digits", 50, 5]);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(/^MNIST cannot be fetched: .*: no network\. Training on the built-in digits/);
  });

  it("is an error without a network when MNIST was asked for by name", async () => {
    const load = loadData({ ...options, datasetGiven: true }, () => {}, offline);
    await expect(load).rejects.toThrow(/MNIST cannot be fetched.*--data.*--dataset digits/);
  });

  it("is digits when asked for, without a look at MNIST", async () => {
    const data = await loadData({ ...options, dataset: "digits", count: 40 }, () => {}, offline);
    expect([data.name, data.train.count, data.test.count]).toEqual(["digits", 40, 4]);
  });

  it("must hold a batch, and as many images as --count", async () => {
    const load = async () => small;
    await expect(loadData({ ...options, batch: 101 }, () => {}, load)).rejects.toThrow(
      new UsageError("--batch is 101, but there are only 100 training images; use 100 at most"),
    );
    await expect(loadData({ ...options, count: 101 }, () => {}, load)).rejects.toThrow(UsageError);
  });

  it("that fails otherwise is not replaced", async () => {
    const load = async () => {
      throw new Error("MD5 sum");
    };
    await expect(loadData(options, () => {}, load)).rejects.toThrow("MD5 sum");
  });
});

describe("paths", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "wgrad-paths-"));
    mkdirSync(join(folder, "inner"));
    writeFileSync(join(folder, "file"), "old");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("of data must be folders", () => {
    expect(() => checkFolder("--data", folder)).not.toThrow();
    expect(() => checkFolder("--data", join(folder, "none"))).toThrow(/^--data: there is no folder/);
    expect(() => checkFolder("--data", join(folder, "file"))).toThrow(/is no folder$/);
    expect(() => checkFolder("--data", "")).toThrow(UsageError);
  });

  it.each([
    ["new.safetensors", undefined],
    ["file", undefined],
    ["", /names no file/],
    ["inner/", /names no file/],
    ["inner", /^--save: .*inner cannot be written: it is a folder/],
    ["none/w.safetensors", /its folder does not exist/],
    ["file/w.safetensors", /a part of the path is no folder/],
    ["w".repeat(300), /the name is too long/],
  ])("to save at: %s", async (name, message) => {
    const path = name === "" ? "" : `${folder}/${name}`;
    const checked = checkTargets({ "--save": path });
    if (message) {
      await expect(checked).rejects.toThrow(UsageError);
      await expect(checked).rejects.toThrow(message);
    } else {
      await checked;
    }
    // Nothing is left of the check.
    expect(readdirSync(folder).sort()).toEqual(["file", "inner"]);
  });

  it("of files to be written must differ, however they are written", async () => {
    const path = join(folder, "w");
    const same = { "--save": path, "--checkpoint": undefined, "--history": `${folder}/inner/../w` };
    await expect(checkTargets(same)).rejects.toThrow(
      `--history and --save name the same file, "${same["--history"]}"`,
    );
    symlinkSync("file", join(folder, "link"));
    const linked = { "--save": join(folder, "file"), "--checkpoint": join(folder, "link") };
    await expect(checkTargets(linked)).rejects.toThrow(/^--checkpoint and --save name the same file/);
    rmSync(join(folder, "link"));
    await checkTargets({ "--save": "/dev/null", "--history": "/dev/null" });
    await checkTargets({ "--save": path, "--checkpoint": join(folder, "file") });
  });

  it("to resume from must be there; without a name, that of the checkpoints is taken where it is there", () => {
    const notes: string[] = [];
    const note = (text: string) => void notes.push(text);
    const file = join(folder, "file");
    const series = join(folder, "run-{epoch}.x");
    expect(resumed({}, note)).toBe(undefined);
    expect(resumed({ resume: file }, note)).toBe(file);
    expect(resumed({ resume: folder }, note)).toBe(folder);
    expect(resumed({ resume: series }, note)).toBe(series);
    expect(resumed({ resume: true, checkpoint: file }, note)).toBe(file);
    expect(() => resumed({ resume: join(folder, "none") }, note)).toThrow(/^--resume: there is no file/);
    expect(() => resumed({ resume: true }, note)).toThrow(
      /^--resume without a file goes on from that of --checkpoint/,
    );
    expect(notes).toEqual([]);
    expect(resumed({ resume: true, checkpoint: series }, note)).toBe(undefined);
    expect(resumed({ resume: true, checkpoint: join(folder, "none") }, note)).toBe(undefined);
    expect(notes).toEqual([
      `There is no checkpoint ${series} yet: training begins`,
      `There is no checkpoint ${join(folder, "none")} yet: training begins`,
    ]);
    writeFileSync(join(folder, "run-12.x"), "");
    expect(resumed({ resume: true, checkpoint: series }, note)).toBe(series);
    rmSync(join(folder, "run-12.x"));
  });
});

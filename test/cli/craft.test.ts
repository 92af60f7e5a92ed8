/** What `npm run train` offers around training: augmentation, filters, early stopping, checkpoints, histories. */
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseOptions } from "../../cli/options.ts";
import { runScript } from "../helpers/command.ts";
import { needsBuild, useTemporaryFolder } from "../helpers/programs.ts";

const MINUTES = 60_000;
needsBuild();
const folder = useTemporaryFolder();
const QUICK = "--dataset digits --count 300 --hidden 16 --batch 50 --device cpu --json".split(" ");

interface Line {
  readonly event: string;
  readonly epoch?: number;
  readonly testLoss: number;
  readonly loss?: number;
}

async function train(...args: string[]): Promise<Line[]> {
  const { exitCode, stdout, stderr } = await runScript("cli/train.ts", [...QUICK, ...args]);
  if (exitCode !== 0) throw new Error(stderr);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** What does not depend on the clock. */
const told = (lines: readonly Line[]) =>
  lines
    .filter(({ event }) => event === "epoch")
    .map(({ epoch, loss, testLoss }) => ({ epoch, loss, testLoss }));

describe("npm run train", () => {
  it(
    "goes on from a checkpoint as if it had not stopped, with augmentation and a history",
    async () => {
      const path = (name: string) => join(folder.path, name);
      const changes = ["--augment", "rotate=10", "noise=0.1"];
      const whole = await train("--epochs", "4", ...changes, "--history", path("whole.jsonl"));
      const begun = await train("--epochs", "2", ...changes, "--checkpoint", path("run.safetensors"));
      const resume = ["--resume", path("run.safetensors"), "--history", path("resumed.jsonl")];
      const resumed = await train("--epochs", "4", ...changes, ...resume);
      expect(told(begun)).toEqual(told(whole).slice(0, 2));
      expect(told(resumed)).toEqual(told(whole).slice(2));
      expect(resumed.at(-1)?.testLoss).toBe(whole.at(-1)?.testLoss);
      const losses = (name: string) =>
        readFileSync(path(name), "utf8")
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line).loss);
      expect(losses("whole.jsonl")).toEqual(told(whole).map(({ loss }) => loss));
      expect(losses("resumed.jsonl")).toEqual(losses("whole.jsonl"));
      expect((await readdir(folder.path)).filter((name) => name.endsWith(".part"))).toEqual([]);
      const plain = await train("--epochs", "1");
      expect(told(plain)[0].loss).not.toBe(told(whole)[0].loss);
    },
    3 * MINUTES,
  );

  it(
    "--early-stopping ends the run, and tells the result of the epoch that it kept",
    async () => {
      const args = ["--epochs", "60", "--early-stopping", "2", "--optimizer", "sgd", "--learning-rate", "1"];
      const lines = await train(...args);
      const losses = told(lines).map(({ testLoss }) => testLoss);
      const best = losses.indexOf(Math.min(...losses));
      expect(losses.length).toBe(best + 3);
      expect(losses.length).toBeLessThan(60);
      expect(lines.at(-1)).toMatchObject({ event: "result", testLoss: losses[best] });
    },
    3 * MINUTES,
  );

  it(
    "refuses a checkpoint of other options",
    async () => {
      const path = join(folder.path, "other.safetensors");
      await train("--epochs", "1", "--checkpoint", path);
      await expect(train("--epochs", "2", "--resume", path, "--seed", "2")).rejects.toThrow(
        "the checkpoint's seed is 1, this run's 2; resume with the same",
      );
    },
    3 * MINUTES,
  );
});

describe("options", () => {
  const parse = (...args: string[]) => parseOptions(args, () => {});

  it("are read", () => {
    expect(parse("--augment", "rotate=15", "mixup")?.augment?.map(({ name }) => name)).toEqual([
      "rotate(15)",
      "mixup(0.2)",
    ]);
    expect(parse("--model", "convnet", "--filters", "8@5,16@3")?.filters).toEqual([
      { filters: 8, kernel: 5 },
      { filters: 16, kernel: 3 },
    ]);
  });

  it.each([
    [["--augment", "spin=3"], 'there is no augmentation "spin"; use one of translate, crop'],
    [["--augment", "rotate"], '"rotate": expected rotate=degrees'],
    [["--augment", "rotate=ten"], '"rotate=ten": expected rotate=degrees'],
    [["--augment", "rotate=999"], "rotate: degrees is 999; give a finite number from 0 to 180"],
    [["--augment", "elastic=1,2,3"], '"elastic=1,2,3": expected elastic=[alpha,sigma]'],
    [["--model", "convnet", "--filters", "8x5"], "Expected filters@size with commas between them"],
    [["--model", "convnet", "--filters", "0@5"], "Expected a whole number from 1"],
    [["--filters", "8@5"], "--filters does nothing with --model mlp; use --model convnet"],
    [["--early-stopping", "0"], "Expected a whole number from 1"],
  ])("%j are refused", (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });
});

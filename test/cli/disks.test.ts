/** Disks that become full, can only be read or go away, under a real file system. Runs on the built package. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { cpu, dense, fit, sequential } from "wgrad";
import { csvHistory, jsonHistory } from "wgrad/callbacks";
import { digits } from "wgrad/data";
import { decodeSafetensors } from "wgrad/safetensors";
import { openCheckpoint } from "../../src/train/checkpoint.ts";
import { type CommandOptions, ownLines, runScript } from "../helpers/command.ts";

const MINUTES = 60_000;
const DISK_BYTES = 256 * 1024;
const QUICK = "--dataset digits --count 600 --hidden 16 --batch 50 --device wasm".split(" ");

const train = (args: readonly string[], options?: CommandOptions) =>
  runScript("cli/train.ts", [...QUICK, ...args], options);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wgrad-disks-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const beside = (name: string) => join(folder, name);

/** Whether this process may mount a disk of its own. */
const mayMount = (() => {
  if (process.platform !== "linux") return false;
  const place = mkdtempSync(join(tmpdir(), "wgrad-mount-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", place], { stdio: "ignore" });
    execFileSync("umount", [place]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
})();
if (!mayMount)
  console.warn("disks.test.ts: this process may mount no disk: full and read-only ones are skipped");

/** The weights of a file: four tensors, all of them finite. */
function weightsOf(path: string) {
  const { tensors } = decodeSafetensors(readFileSync(path));
  expect([...tensors.keys()].sort()).toEqual(["0.bias", "0.weight", "2.bias", "2.weight"]);
  for (const { data } of tensors.values()) expect(Array.from(data).every(Number.isFinite)).toBe(true);
}

describe.runIf(mayMount)("a small disk", () => {
  let disk: string;
  beforeEach(() => {
    disk = mkdtempSync(join(folder, "disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", disk]);
  });
  afterEach(() => void execFileSync("umount", ["-l", disk]));
  const at = (name: string) => join(disk, name);
  /** Fills the disk but for so many pages of 4 KiB. */
  const fill = (pages: number) => writeFileSync(at("fill"), new Uint8Array(DISK_BYTES - 4096 * pages));
  const names = () =>
    readdirSync(disk)
      .filter((name) => name !== "fill")
      .sort();
  const full = (name: string) => `train: save: ${at(name)} cannot be written: the disk is full (ENOSPC)`;

  it(
    "full at the second checkpoint: the first is whole and goes on where there is room, the weights are saved",
    async () => {
      const [path, whole, resumed] = ["rescued", "whole", "resumed"].map(beside);
      const args = ["--epochs", "3", "--checkpoint", at("run-{step}")];
      const { exitCode, stderr } = await train([...args, "--save", path]);
      expect(exitCode).toBe(1);
      expect(ownLines(stderr, "train")).toEqual([full("run-24")]);
      expect(stderr).toContain(`Weights of epoch 2 saved to ${path}`);
      weightsOf(path);
      expect(names()).toEqual(["run-12"]);
      await openCheckpoint(readFileSync(at("run-12")), "run-12");
      await train(["--epochs", "3", "--save", whole]);
      const again = await train(["--epochs", "3", "--resume", at("run-{step}"), "--save", resumed]);
      expect(again.exitCode).toBe(0);
      expect(readFileSync(resumed)).toEqual(readFileSync(whole));
    },
    3 * MINUTES,
  );

  it(
    "full at --save: the old file stays, and the weights are kept elsewhere",
    async () => {
      writeFileSync(at("weights"), "old");
      fill(2);
      const { exitCode, stdout, stderr } = await train(["--epochs", "1", "--save", at("weights")], {
        env: { TMPDIR: folder },
      });
      expect(exitCode).toBe(1);
      expect(stdout).toMatch(/^Test accuracy /m);
      const [line, ...others] = ownLines(stderr, "train");
      expect(others).toEqual([]);
      expect(line.startsWith(`${full("weights")}; the weights are in ${folder}`)).toBe(true);
      weightsOf(/are in (.*) instead$/.exec(line)?.[1] as string);
      expect(names()).toEqual(["weights"]);
      expect(readFileSync(at("weights"), "utf8")).toBe("old");
    },
    MINUTES,
  );

  it.each(["history.jsonl", "history.csv"])(
    "full under --history %s: no line is cut, the weights are saved",
    async (name) => {
      fill(1);
      const path = beside(`${name}.weights`);
      const { exitCode, stderr } = await train(["--epochs", "400", "--history", at(name), "--save", path]);
      expect(exitCode).toBe(1);
      expect(ownLines(stderr, "train")).toEqual([full(name)]);
      const text = readFileSync(at(name), "utf8");
      expect(text.endsWith("\n")).toBe(true);
      const epochs = text
        .trimEnd()
        .split("\n")
        .slice(name.endsWith("csv") ? 1 : 0);
      expect(epochs.length).toBeGreaterThan(1);
      expect(stderr).toContain(`Weights of epoch ${epochs.length + 1} saved to ${path}`);
      weightsOf(path);
    },
    MINUTES,
  );

  it.each([
    ["jsonHistory", jsonHistory],
    ["csvHistory", csvHistory],
  ] as const)(
    "full under %s: the run fails behind its epoch, and goes on when there is room",
    async (name, history) => {
      fill(1);
      const { train: data } = digits({ train: 20, test: 10 });
      const told = history(at(name));
      const run = fit(cpu(), sequential(dense(10)), data, { epochs: 100, batchSize: 10, callbacks: [told] });
      await expect(run).rejects.toThrow(`save: ${at(name)} cannot be written: the disk is full (ENOSPC)`);
      const before = run.history.length;
      expect(before).toBeLessThan(100);
      await expect(run.save(at("weights"))).rejects.toThrow("the disk is full (ENOSPC)");
      expect(names()).toEqual([name]);
      rmSync(at("fill"));
      await run;
      expect(run.history).toHaveLength(100);
      expect(readFileSync(at(name), "utf8")).toBe(told.text);
      expect(told.text.trimEnd().split("\n")).toHaveLength(name === "csvHistory" ? 101 : 100);
      await run.save(at("weights"));
      expect(names()).toEqual([name, "weights"].sort());
    },
  );

  it(
    "that can only be read is refused before any work",
    async () => {
      execFileSync("mount", ["-o", "remount,ro", disk]);
      for (const option of ["--checkpoint", "--save", "--history"]) {
        const { exitCode, stdout, stderr } = await train(["--epochs", "1", option, at("file")]);
        expect([exitCode, stdout]).toEqual([2, ""]);
        expect(ownLines(stderr, "train")).toEqual([
          expect.stringContaining(
            `${option}: ${at("file")} cannot be written: the disk can only be read (EROFS)`,
          ),
        ]);
      }
    },
    MINUTES,
  );

  it(
    "that becomes read-only during a run: the checkpoint before stays, the weights are saved",
    async () => {
      // With room for the old checkpoint and the new one.
      execFileSync("mount", ["-o", "remount,size=1m", disk]);
      const [file, path] = [at("run"), beside("readonly")];
      let done = false;
      const args = ["--epochs", "100000", "--checkpoint", file, "--save", path];
      const { exitCode, stderr } = await train(args, {
        onOutput(stdout) {
          if (done || !/^epoch +2\//m.test(stdout)) return;
          // Refused as long as a file is being written there.
          try {
            execFileSync("mount", ["-o", "remount,ro", disk], { stdio: "ignore" });
            done = true;
          } catch {}
        },
      });
      expect(exitCode).toBe(1);
      expect(ownLines(stderr, "train")).toEqual([
        `train: save: ${file} cannot be written: the disk can only be read (EROFS)`,
      ]);
      expect(stderr).toMatch(/^Weights of epoch \d+ saved to /m);
      weightsOf(path);
      expect(names()).toEqual(["run"]);
      await openCheckpoint(readFileSync(file), "run");
    },
    MINUTES,
  );
});

describe("a folder that vanishes during a run", () => {
  it.each([
    ["--checkpoint", "run-{step}"],
    ["--history", "history.csv"],
  ])(
    "with %s: one line says so, and the weights are saved elsewhere",
    async (option, name) => {
      const gone = beside(`gone${option}`);
      mkdirSync(gone);
      const path = beside(`kept${option}`);
      const args = ["--epochs", "100000", option, join(gone, name), "--save", path];
      const { exitCode, stderr } = await train(args, {
        onOutput(stdout) {
          // At once, whatever is being written there.
          if (/^epoch +2\//m.test(stdout) && existsSync(gone)) renameSync(gone, `${gone}-away`);
        },
      });
      expect(exitCode).toBe(1);
      const [line, ...others] = ownLines(stderr, "train");
      expect(others).toEqual([]);
      expect(line).toMatch(/cannot be written: its folder does not exist \(ENOENT\)$/);
      expect(stderr).toMatch(/^Weights of epoch \d+ saved to /m);
      weightsOf(path);
      expect(existsSync(gone)).toBe(false);
    },
    MINUTES,
  );
});

describe.skipIf(process.platform === "win32")("a reader of the output that ends, as `head` does", () => {
  it(
    "with --checkpoint: a checkpoint is written, and goes on",
    async () => {
      const file = beside("piped");
      const args = ["--epochs", "100000", "--checkpoint", file];
      const { exitCode, stderr } = await train(args, {
        onOutput(stdout, child) {
          if (/^epoch +2\//m.test(stdout)) child.stdout?.destroy();
        },
      });
      expect(exitCode).toBe(141);
      expect(stderr).not.toMatch(/EPIPE|^\s+at /m);
      expect(stderr).toMatch(/^Checkpoint .*piped, of step \d+ in epoch \d+\. To go on: /m);
      const { contents } = await openCheckpoint(readFileSync(file), "piped");
      expect(stderr).toContain(`of step ${contents.steps} in epoch`);
      expect(readdirSync(folder).filter((name) => name.includes(".part"))).toEqual([]);
    },
    MINUTES,
  );
});

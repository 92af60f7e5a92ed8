/** The command line of `npm run experiments`. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ImageSource } from "../../demo/experiments/frame/data.ts";
import { type Flags, readCommand } from "../../demo/experiments/frame/options.ts";
import { publish } from "../../demo/experiments/frame/page.ts";
import { commandOf } from "../../demo/experiments/frame/report.ts";
import { EXPERIMENTS } from "../../demo/experiments/index.ts";
import { ownLines, runScript } from "../helpers/command.ts";
import { needsBuild, useTemporaryFolder } from "../helpers/programs.ts";

needsBuild();
const folder = useTemporaryFolder();
const names = EXPERIMENTS.map(({ name }) => name);

const read = (...args: string[]) => readCommand(args, EXPERIMENTS, () => {});

describe("options", () => {
  it("name one experiment, or all", () => {
    expect(read("slowdown")).toMatchObject({
      experiments: [{ name: "slowdown" }],
      flags: { seed: 1, quick: false, publish: false, out: "demo/experiments/out" },
    });
    expect(read("all", "--seed", "7", "--engine", "cpu", "--quick")).toMatchObject({
      experiments: names.map((name) => ({ name })),
      flags: { seed: 7, engine: "cpu", quick: true },
    });
    expect(read("list")).toBeUndefined();
  });

  it.each([
    [["nothing"], /there is no experiment "nothing"; use all, or one of perceptron, .*colour/],
    [[], /missing required argument 'name'/],
    [["slowdown", "optimizers"], /too many arguments/],
    [["slowdown", "--seed", "-1"], /--seed <n>.*Expected a whole number from 0 to 4294967295/],
    [["slowdown", "--seed", "1.5"], /Expected a whole number/],
    [["slowdown", "--engine", "tpu"], /--engine <name>.*Allowed choices are gpu, wasm, cpu/],
    [["slowdown", "--data", "/nowhere/at/all"], /--data <folder>.*Expected a folder that exists/],
    [["slowdown", "--out", ""], /--out <folder>.*Expected a folder/],
    [["slowdown", "--fast"], /unknown option '--fast'/],
    [["slowdown", "--quick", "--publish"], /--publish writes the page that people read, but --quick/],
  ])("%j are refused", (args, message) => {
    expect(() => read(...args)).toThrow(message);
  });

  it("make the command that is told, without folders", () => {
    const flags: Flags = { seed: 1, out: "/some/where", data: "/else/where", quick: false, publish: true };
    const [experiment] = EXPERIMENTS;
    expect(commandOf({ experiment, flags })).toBe(`npm run experiments -- ${experiment.name}`);
    expect(commandOf({ experiment, flags: { ...flags, seed: 3, engine: "cpu", quick: true } })).toBe(
      `npm run experiments -- ${experiment.name} --engine cpu --seed 3 --quick`,
    );
  });
});

describe("images", () => {
  it("are refused where a folder was named that MNIST is not in", async () => {
    const empty = join(folder.path, "empty");
    mkdirSync(empty);
    const source = new ImageSource(empty, () => {});
    await expect(source.take({ train: 10, test: 10 })).rejects.toThrow(/mnist: .*empty/s);
  });

  it("that stand in for MNIST's are never published", async () => {
    const [experiment] = EXPERIMENTS;
    const flags: Flags = { seed: 1, out: folder.path, quick: false, publish: true };
    const outcome = { figures: {}, lines: [], charts: [] };
    await expect(
      publish({ experiment, outcome, flags, adapter: "any", data: "digits", seconds: 1 }),
    ).rejects.toThrow(/digits stood in for MNIST/);
  });
});

describe("the program", () => {
  const experiments = (args: readonly string[], options = {}) =>
    runScript("demo/experiments/main.ts", args, options);

  it("prints figures on stdout, and writes them as JSON with charts", async () => {
    const out = join(folder.path, "out");
    const { exitCode, stdout, stderr } = await experiments([
      "perceptron",
      "--quick",
      "--engine",
      "cpu",
      "--seed",
      "2",
      "--out",
      out,
    ]);
    expect(stderr).not.toMatch(/experiments: /);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^The perceptron and XOR\nWhat can a single neuron learn/);
    expect(stdout).toMatch(/^AND +\d+ +0 +4 of 4 /m);
    expect(stdout).toContain("The short version (--quick)");
    expect(stdout).toContain("CPU reference (JavaScript)");
    expect(readdirSync(out).sort()).toEqual(["perceptron.json", "perceptron.svg"]);
    const object = JSON.parse(readFileSync(join(out, "perceptron.json"), "utf8"));
    expect(object).toMatchObject({
      experiment: "perceptron",
      command: "npm run experiments -- perceptron --engine cpu --seed 2 --quick",
      data: "generated",
      seed: 2,
      quick: true,
      figures: { "right, AND": 4 },
    });
    expect(readFileSync(join(out, "perceptron.svg"), "utf8")).toContain("the short version");
  });

  it("lists the experiments with their questions", async () => {
    const { exitCode, stdout } = await experiments(["list"]);
    expect(exitCode).toBe(0);
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .map((line) => line.split(" ")[0]),
    ).toEqual(names);
  });

  it("ends with 2 where it is used wrongly, in one line", async () => {
    const { exitCode, stdout, stderr } = await experiments(["nothing"]);
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
    expect(ownLines(stderr, "experiments")).toEqual([
      `experiments: there is no experiment "nothing"; use all, or one of ${names.join(", ")} (--help lists the options, list the experiments)`,
    ]);
  });

  it("refuses a file where a folder must be, before anything runs", async () => {
    const path = join(folder.path, "file");
    writeFileSync(path, "");
    const { exitCode, stderr } = await experiments(["perceptron", "--out", path]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("Expected a folder.");
  });

  it("stops when interrupted, and leaves no file behind", async () => {
    const out = join(folder.path, "interrupted");
    let sent = false;
    const { exitCode, stderr } = await experiments(["regression", "--engine", "cpu", "--out", out], {
      onOutput(stdout: string, child: { kill(signal: "SIGINT"): void }) {
        if (sent || !stdout.includes("Linear and logistic")) return;
        sent = true;
        child.kill("SIGINT");
      },
    });
    expect(exitCode).toBe(130);
    expect(ownLines(stderr, "experiments")).toEqual(["experiments: interrupted"]);
    expect(() => readdirSync(out)).toThrow(/ENOENT/);
  });
});

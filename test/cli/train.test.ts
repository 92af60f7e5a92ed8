/** `npm run train` from end to end, without npm: exit codes, what goes to which stream, and the file it saves. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cpu, createTrainer, dense, evaluate, relu, sequential } from "wgrad";
import { digits } from "wgrad/data";
import { decodeSafetensors } from "wgrad/safetensors";
import { type CommandOptions, NO_ADAPTER, ownLines, runScript } from "../helpers/command.ts";

const MINUTES = 60_000;
const QUICK = "--dataset digits --count 600 --hidden 16 --epochs 2 --batch 50".split(" ");
/** All but what text on several lines is made of. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\x00-\x09\x0b-\x1f\x7f]/;

const train = (args: readonly string[], options?: CommandOptions) => runScript("cli/train.ts", args, options);
const objects = (stdout: string) =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wgrad-train-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(["cpu", "wasm", "gpu"] as const)("training on the %s engine", (device) => {
  it(
    "prints epochs, the confusion matrix and the times, all of it plain text",
    async () => {
      const { exitCode, stdout, stderr } = await train([...QUICK, "--device", device, "--describe"]);
      expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
      expect(exitCode).toBe(0);
      expect(`${stdout}${stderr}`).not.toMatch(CONTROL);
      expect(stdout).toContain("784-16-10, relu, 12,730 parameters");
      expect(stdout).toMatch(new RegExp(`\\(${device} engine\\)`));
      expect(stdout).toMatch(/^train: \d+ dispatches/m);
      expect(
        stdout.match(/^epoch \d\/2 {2}loss \d\.\d{4} {2}accuracy .* {2}test accuracy .*samples\/s$/gm),
      ).toHaveLength(2);
      expect(stdout.indexOf("train: ")).toBeLessThan(stdout.indexOf("epoch 1/2"));
      expect(stdout).toMatch(/^Test accuracy \d+\.\d\d % \(\d+ of 60\)/m);
      expect(stdout.match(/^\d( +(·|\d+)){10} +\d+\.\d\d %$/gm)).toHaveLength(10);
      expect(stdout).toMatch(/^ {2}compile and first steps +\d+\.\d\d s/m);
    },
    3 * MINUTES,
  );

  it(
    "--json prints only objects to stdout, and --save keeps the weights that were tested",
    async () => {
      const path = join(folder, `${device}.safetensors`);
      const args = [...QUICK, "--device", device, "--save", path, "--json", "--seed", "7"];
      const { exitCode, stdout, stderr } = await train(args);
      expect(exitCode).toBe(0);
      const [first, second, result, ...others] = objects(stdout);
      expect(others).toEqual([]);
      expect([first.event, second.event, result.event]).toEqual(["epoch", "epoch", "result"]);
      expect([first.epoch, second.epoch]).toEqual([1, 2]);
      expect(second.loss).toBeLessThan(first.loss);
      expect(result).toMatchObject({ device, dataset: "digits", seed: 7, samples: 1200, parameters: 12_730 });
      expect(result.options).toMatchObject({
        hidden: [16],
        epochs: 2,
        batch: 50,
        optimizer: "adam",
        learningRate: 0.001,
      });
      expect(result.testAccuracy).toBe(second.testAccuracy);
      expect(result.adapter).toEqual(expect.stringMatching(/\S/));
      const { data, device: opening, compile, training, evaluation, total } = result.timing;
      expect(data + opening + compile + training + evaluation).toBeLessThanOrEqual(total);
      expect(result.seconds).toBe(total);
      expect(result.samplesPerSecond).toBeCloseTo(1200 / (first.seconds + second.seconds), 0);
      expect(stderr).toContain("digits: 600 images to train on");

      const { tensors } = decodeSafetensors(readFileSync(path));
      expect([...tensors.keys()].sort()).toEqual(["0.bias", "0.weight", "2.bias", "2.weight"]);
      const model = sequential(dense(16), relu(), dense(10));
      const trainer = createTrainer(cpu(), model, { inputShape: [1, 28, 28] });
      await trainer.load(path);
      const { accuracy, loss } = await evaluate(trainer, digits({ train: 600, test: 60 }).test);
      expect(accuracy).toBe(result.testAccuracy);
      expect(Math.abs((loss as number) - result.testLoss)).toBeLessThan(1e-4);
      expect(readdirSync(folder).filter((name) => name.includes(".part"))).toEqual([]);
    },
    3 * MINUTES,
  );
});

describe("every part of training at once", () => {
  it(
    "trains a convnet, prints its layers, and saves its statistics, too",
    async () => {
      const path = join(folder, "convnet.safetensors");
      const line =
        "--model convnet --hidden 32 --activation silu --batch-norm --dropout 0.2 --loss sigmoid-cross-entropy --l1 1e-6 --l2 1e-5 --optimizer rmsprop --learning-rate 2e-3 --clip-norm 10 --clip-value 1 --schedule cosine --warmup-steps 2 --dataset digits --count 200 --batch 40 --accumulate 2 --epochs 3 --json --summary";
      const { exitCode, stdout, stderr } = await train([...line.split(" "), "--save", path]);
      expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
      expect(exitCode).toBe(0);
      expect(stderr).toContain("784-24@5×5-32@3×3-32-10, silu, batch norm, dropout 0.2, 33,706 parameters");
      expect(stderr).toMatch(/^0\.conv2d +\[1, 24, 24, 24\] +624 /m);
      expect(stderr).toMatch(/running statistics 704 B/);
      const [first, , third, result] = objects(stdout);
      expect(third.loss).toBeLessThan(first.loss);
      expect(result.options).toMatchObject({ model: "convnet", accumulate: 2, clipNorm: 10, warmupSteps: 2 });
      const { tensors } = decodeSafetensors(readFileSync(path));
      expect(tensors.get("1.running_var")?.shape).toEqual([24]);
      expect(tensors.get("9.running_mean")?.data.some((value) => value !== 0)).toBe(true);
    },
    3 * MINUTES,
  );
});

describe.runIf(process.platform === "linux")("without an adapter", () => {
  it("training goes on with the wasm engine, and says why", async () => {
    const { exitCode, stdout, stderr } = await train([...QUICK, "--json"], { env: NO_ADAPTER });
    expect(stderr).toMatch(
      /^On the wasm engine, which computes on the processor, as there is no GPU: .*no adapter.*wasm\(\) of wgrad\/wasm$/m,
    );
    expect(exitCode).toBe(0);
    expect(objects(stdout).at(-1)).toMatchObject({ device: "wasm" });
  });

  it("--device gpu is an error, and nothing is saved", async () => {
    const path = join(folder, "none.safetensors");
    const args = [...QUICK, "--device", "gpu", "--save", path];
    const { exitCode, stdout, stderr } = await train(args, { env: NO_ADAPTER });
    expect(exitCode).toBe(1);
    expect(stdout).toBe("");
    expect(ownLines(stderr, "train")).toEqual([expect.stringMatching(/--device gpu: .*no adapter/)]);
    expect(existsSync(path)).toBe(false);
  });
});

describe("what cannot work", () => {
  it.each([
    [["--epoch", "3"], 2, /unknown option '--epoch' \(Did you mean --epochs\?\)/],
    [["--learning-rate", "nan"], 2, /'nan' is invalid/],
    [["--save", "no-such-folder/w.safetensors"], 2, /--save: no-such-folder.* its folder does not exist/],
    [
      ["--checkpoint", "no-such-folder/c"],
      2,
      /--checkpoint: no-such-folder\/c cannot be written: its folder/,
    ],
    [["--history", "test"], 2, /--history: test cannot be written: it is a folder/],
    [["--resume"], 2, /--resume without a file goes on from that of --checkpoint, which is not given/],
    [["--keep", "2"], 2, /--keep does nothing without --checkpoint/],
    [["--keep", "2", "--checkpoint", "c"], 2, /--keep 2 needs a --checkpoint with \{epoch\}/],
    [["--resume", "no-such-file"], 2, /--resume: there is no file "no-such-file"/],
    [
      ["--save", "same", "--checkpoint", "./same"],
      2,
      /--checkpoint and --save name the same file, ".\/same"/,
    ],
    [["--data", "no-such-folder"], 2, /--data: there is no folder "no-such-folder"/],
    [["--dataset", "digits", "--count", "100"], 2, /--batch is 128, but there are only 100 training images/],
    [["--data", "test"], 1, /train-images-idx3-ubyte/],
    [
      [...QUICK, "--device", "cpu", "--optimizer", "sgd", "--learning-rate", "1e30"],
      1,
      /the loss became (NaN|Infinity)/,
    ],
  ])("%j: exit code %i and one line", async (args, code, message) => {
    const { exitCode, stdout, stderr } = await train([...args]);
    expect(exitCode).toBe(code);
    expect(ownLines(stderr, "train")).toEqual([expect.stringMatching(message)]);
    expect(stderr).not.toMatch(/^\s+at /m);
    if (code === 2) expect(stdout).toBe("");
  });

  it("shows where it happened with DEBUG=wgrad", async () => {
    const { exitCode, stderr } = await train(["--batch", "0"], { env: { DEBUG: "other,wgrad" } });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^\s+at .*options\.ts/m);
  });
});

describe("the process", () => {
  it("shows its options", async () => {
    const { exitCode, stdout, stderr } = await train(["--help"]);
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^Usage: npm run train -- \[options\]/);
  });

  it.skipIf(process.platform === "win32")("ends with 130 on Ctrl-C", async () => {
    const path = join(folder, "interrupted.safetensors");
    let sent = false;
    const args = [...QUICK, "--device", "cpu", "--epochs", "100000", "--save", path];
    const { exitCode } = await train(args, {
      onOutput(stdout, child) {
        if (sent || !stdout.includes("epoch      1/100000")) return;
        sent = true;
        child.kill("SIGINT");
      },
    });
    expect(exitCode).toBe(130);
    expect(readdirSync(folder).filter((name) => name.startsWith("interrupted"))).toEqual([]);
  });

  it.skipIf(process.platform === "win32").each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)(
    "at %s, a checkpoint is written in the middle of an epoch, and goes on to the bit",
    async (signal, code) => {
      const [path, whole, resumed] = ["run", "whole", "resumed"].map((name) =>
        join(folder, `${signal}-${name}`),
      );
      const args = "--dataset digits --count 3000 --hidden 16 --epochs 4 --batch 5 --device wasm".split(" ");
      let sent = false;
      const stopped = await train([...args, "--checkpoint", path], {
        onOutput(stdout, child) {
          if (sent || !stdout.includes("epoch 1/4")) return;
          sent = true;
          child.kill(signal);
        },
      });
      expect(stopped.exitCode).toBe(code);
      expect(stopped.stderr).toContain("interrupted: the next time, it ends at once");
      const said = /Checkpoint (.*), of step (\d+) in epoch (\d)\. To go on: npm run train -- (.*)$/m.exec(
        stopped.stderr,
      );
      expect(said?.[1]).toBe(path);
      expect(said?.[4]).toBe(`${args.join(" ")} --checkpoint ${path} --resume`);
      expect(Number(said?.[2])).toBeGreaterThanOrEqual(600);
      expect((await train([...args, "--save", whole])).exitCode).toBe(0);
      const again = await train([...args, "--checkpoint", path, "--resume", "--save", resumed]);
      expect(again.exitCode).toBe(0);
      expect(readFileSync(resumed)).toEqual(readFileSync(whole));
      expect(readdirSync(folder).filter((name) => name.includes(".part"))).toEqual([]);
    },
    3 * MINUTES,
  );

  it.skipIf(process.platform === "win32")("at a second signal, it ends at once", async () => {
    const path = join(folder, "twice");
    const { exitCode, stderr } = await train(
      [...QUICK, "--device", "cpu", "--epochs", "100000", "--checkpoint", path],
      {
        onOutput(stdout, child) {
          if (!stdout.includes("epoch      1/100000")) return;
          // Again with each line, until it ends.
          child.kill("SIGINT");
          child.kill("SIGTERM");
        },
      },
    );
    expect([130, 143]).toContain(exitCode);
    expect(stderr).toContain("interrupted");
  });

  it("ends quietly when no one reads its output", async () => {
    const args = [...QUICK, "--device", "cpu", "--epochs", "100000"];
    const { exitCode, stderr } = await train(args, {
      onOutput: (_stdout, child) => void child.stdout?.destroy(),
    });
    expect(exitCode).toBe(141);
    expect(stderr).not.toMatch(/EPIPE|^\s+at /m);
  });
});

describe.runIf(process.platform === "linux")("a disk that is full", () => {
  const quick = [...QUICK, "--device", "cpu"];

  it("at the end: the weights are kept elsewhere, and the results are told", async () => {
    const env = { TMPDIR: folder };
    const { exitCode, stdout, stderr } = await train([...quick, "--save", "/dev/full"], { env });
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^Test accuracy /m);
    expect(stdout).not.toContain("Weights saved");
    const [line, ...others] = ownLines(stderr, "train");
    expect(others).toEqual([]);
    const said =
      /^train: save: \/dev\/full cannot be written: the disk is full \(ENOSPC\); the weights are in (.*) instead$/;
    const path = said.exec(line)?.[1] as string;
    expect(path.startsWith(folder)).toBe(true);
    expect([...decodeSafetensors(readFileSync(path)).tensors.keys()].sort()).toEqual([
      "0.bias",
      "0.weight",
      "2.bias",
      "2.weight",
    ]);
  });

  it("while a checkpoint is written: the epoch's weights are saved, and nothing is lost", async () => {
    const path = join(folder, "rescued.safetensors");
    const args = ["--checkpoint", "/dev/full", "--save", path];
    const { exitCode, stderr } = await train([...quick, ...args]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`Weights of epoch 1 saved to ${path}`);
    expect(ownLines(stderr, "train")).toEqual([
      "train: save: /dev/full cannot be written: the disk is full (ENOSPC)",
    ]);
    expect(decodeSafetensors(readFileSync(path)).tensors.size).toBe(4);
  });

  it("under what is printed: one line says so, training goes on, and the weights are saved", async () => {
    const path = join(folder, "printed.safetensors");
    const { exitCode, stderr } = await train([...quick, "--save", path], { stdout: "/dev/full" });
    expect(exitCode).toBe(1);
    expect(ownLines(stderr, "train")).toEqual([
      expect.stringMatching(/^train: the output cannot be written: ENOSPC/),
    ]);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(decodeSafetensors(readFileSync(path)).tensors.size).toBe(4);
  });
});

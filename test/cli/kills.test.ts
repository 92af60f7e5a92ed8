/** Trainings that are killed, and started again by a supervisor until they succeed. Runs on the built package. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runScript } from "../helpers/command.ts";

const MINUTES = 60_000;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "wgrad-kills-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

it.skipIf(process.platform === "win32")(
  "killed four times, during writes and in training: the weights at the end are those of an unbroken training, to the bit",
  async () => {
    const { exitCode, stdout, stderr } = await runScript("scripts/kill-test.mjs", [
      "--kills",
      "4",
      "--seed",
      "3",
    ]);
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^wasm: 4 kills: [01] before the first checkpoint, .*; 0 failures$/m);
    expect(stdout).toMatch(/; [1-9]\d* trainings came to their end/);
  },
  4 * MINUTES,
);

describe("a training that is complete, started again with --resume", () => {
  const quick = "--dataset digits --count 600 --hidden 16 --batch 50 --device wasm".split(" ");
  const train = (args: readonly string[]) => runScript("cli/train.ts", [...quick, ...args]);

  it.each([
    ["all epochs are taken", ["--epochs", "2"], /its checkpoint has all 2 epochs; for more, give --epochs/],
    [
      "early stopping ended it",
      "--epochs 50 --early-stopping 1 --learning-rate 0.5".split(" "),
      /earlyStopping ended it after epoch \d+/,
    ],
  ])(
    "%s: it says so, writes the same weights, and ends with 0",
    async (name, args, message) => {
      const [checkpoint, first, second] = ["run", "first", "second"].map((file) =>
        join(folder, `${name}-${file}`),
      );
      const whole = await train([...args, "--checkpoint", checkpoint, "--save", first]);
      expect(whole.exitCode).toBe(0);
      const held = readFileSync(checkpoint);
      const again = await train([...args, "--checkpoint", checkpoint, "--resume", "--save", second]);
      expect(again.stderr).toMatch(message);
      expect(again.exitCode).toBe(0);
      expect(again.stdout).not.toMatch(/NaN|Infinity|^epoch|samples trained on/m);
      expect(/^Test accuracy .*$/m.exec(again.stdout)?.[0]).toBe(
        /^Test accuracy .*$/m.exec(whole.stdout)?.[0],
      );
      expect(readFileSync(second)).toEqual(readFileSync(first));
      expect(readFileSync(checkpoint)).toEqual(held);
    },
    3 * MINUTES,
  );

  it(
    "--json: the result has no samples, and no epoch is told",
    async () => {
      const checkpoint = join(folder, "json");
      const args = ["--epochs", "1", "--checkpoint", checkpoint, "--json"];
      await train(args);
      const { exitCode, stdout } = await train([...args, "--resume"]);
      expect(exitCode).toBe(0);
      const lines = stdout.trim().split("\n");
      expect(lines).toHaveLength(1);
      expect(JSON.parse(lines[0])).toMatchObject({ event: "result", samples: 0, samplesPerSecond: 0 });
    },
    MINUTES,
  );
});

/** The options of `npm run train`: what they come to, and every way in which they can be wrong. */
import { describe, expect, it } from "vitest";
import { UsageError } from "../../cli/errors.ts";
import { ACTIVATIONS, LOSSES, OPTIMIZERS, SCHEDULES } from "../../cli/model.ts";
import { parseOptions } from "../../cli/options.ts";

function parse(...args: string[]) {
  const options = parseOptions(args, () => {});
  if (!options) throw new Error("help was shown");
  return options;
}

describe("defaults", () => {
  it("train 256-128 with Adam for five epochs on MNIST, on whatever device there is", () => {
    expect(parse()).toEqual({
      dataset: "mnist",
      datasetGiven: false,
      hidden: [256, 128],
      activation: "relu",
      loss: "cross-entropy",
      labelSmoothing: 0,
      epochs: 5,
      batch: 128,
      dropLast: false,
      optimizer: "adam",
      lr: 0.001,
      weightDecay: 0,
      momentum: undefined,
      schedule: "constant",
      seed: 1,
      describe: false,
      json: false,
    });
  });

  it.each([
    ["sgd", { lr: 0.01, weightDecay: 0, momentum: undefined }],
    ["momentum", { lr: 0.01, weightDecay: 0, momentum: 0.9 }],
    ["nesterov", { lr: 0.01, weightDecay: 0, momentum: 0.9 }],
    ["adam", { lr: 0.001, weightDecay: 0, momentum: undefined }],
    ["adamw", { lr: 0.001, weightDecay: 0.01, momentum: undefined }],
  ])("follow the optimizer: %s", (optimizer, expected) => {
    expect(parse("--optimizer", optimizer)).toMatchObject(expected);
  });
});

describe("values", () => {
  it("are read", () => {
    const args =
      "--dataset digits --count 700 --hidden 30,20,10 --activation tanh --loss cross-entropy --label-smoothing 0.1 --epochs 7 --batch 16 --drop-last --optimizer nesterov --lr 2.5e-2 --momentum .8 --weight-decay 1e-4 --schedule one-cycle --seed 0 --device cpu --save w.safetensors --describe --json";
    expect(parse(...args.split(" "))).toEqual({
      dataset: "digits",
      datasetGiven: true,
      count: 700,
      hidden: [30, 20, 10],
      activation: "tanh",
      loss: "cross-entropy",
      labelSmoothing: 0.1,
      epochs: 7,
      batch: 16,
      dropLast: true,
      optimizer: "nesterov",
      lr: 0.025,
      momentum: 0.8,
      weightDecay: 1e-4,
      schedule: "one-cycle",
      seed: 0,
      device: "cpu",
      save: "w.safetensors",
      describe: true,
      json: true,
    });
  });

  it("--hidden none is a linear model", () => {
    expect(parse("--hidden", "none").hidden).toEqual([]);
  });

  it("--data asks for MNIST by name", () => {
    expect(parse("--data", "folder")).toMatchObject({ dataset: "mnist", datasetGiven: true, data: "folder" });
  });

  it.each([
    ["--activation", ACTIVATIONS],
    ["--loss", LOSSES],
    ["--optimizer", OPTIMIZERS],
    ["--schedule", SCHEDULES],
  ])("%s takes every name of its table", (option, values) => {
    for (const name of Object.keys(values)) expect(Object.values(parse(option, name))).toContain(name);
  });
});

describe("bad input is refused in one line that says what is allowed", () => {
  it.each([
    ["--epoch 3", /unknown option '--epoch'.*Did you mean --epochs\?/],
    ["--nonsense", /unknown option '--nonsense'/],
    ["extra", /unexpected "extra".*npm run train -- --epochs 3/],
    ["--dataset cifar", /'cifar' is invalid.*mnist, digits/],
    [
      "--activation reul",
      /'reul' is invalid.*relu, leakyRelu, elu, selu, gelu, silu, sigmoid, tanh, softplus/,
    ],
    ["--loss huber", /'huber' is invalid.*cross-entropy, quadratic, mse/],
    ["--optimizer adm", /'adm' is invalid.*sgd, momentum, nesterov, adam, adamw/],
    ["--schedule cosine", /'cosine' is invalid.*constant, one-cycle/],
    ["--device tpu", /'tpu' is invalid.*gpu, cpu/],
    ["--lr nan", /'nan' is invalid.*finite number above 0/],
    ["--lr NaN", /'NaN' is invalid.*finite number above 0/],
    ["--lr -1", /'-1' is invalid.*finite number above 0/],
    ["--lr 0", /'0' is invalid.*finite number above 0/],
    ["--lr 1e-60", /'1e-60' is invalid.*finite number above 0/],
    ["--lr 1e300", /'1e300' is invalid.*finite number above 0/],
    ["--lr Infinity", /'Infinity' is invalid/],
    ["--lr 0x10", /'0x10' is invalid/],
    ["--lr", /argument missing/],
    ["--batch 0", /'0' is invalid.*whole number from 1/],
    ["--batch 1.5", /'1.5' is invalid.*whole number from 1/],
    ["--batch -128", /'-128' is invalid.*whole number from 1/],
    ["--epochs 0", /'0' is invalid.*whole number from 1/],
    ["--epochs many", /'many' is invalid.*whole number from 1/],
    ["--count 0", /'0' is invalid.*whole number from 1 to 1000000/],
    ["--count 2000000", /'2000000' is invalid.*whole number from 1 to 1000000/],
    ["--seed -1", /'-1' is invalid.*whole number from 0/],
    ["--seed 9007199254740993", /is invalid.*whole number from 0/],
    ["--hidden a,b", /'a,b' is invalid.*such as 256,128, or none/],
    ["--hidden 256,", /'256,' is invalid/],
    ["--hidden 0", /'0' is invalid/],
    ["--hidden 256;128", /'256;128' is invalid/],
    ["--hidden none,10", /'none,10' is invalid/],
    ["--hidden 100000", /whole numbers from 1 to 65536/],
    ["--momentum 1 --optimizer momentum", /'1' is invalid.*between 0 and 1/],
    ["--weight-decay -0.1", /'-0.1' is invalid.*finite number from 0/],
    ["--label-smoothing 1", /'1' is invalid.*from 0 up to, not including, 1/],
    ["--momentum 0.9", /--momentum does nothing with --optimizer adam; use/],
    ["--label-smoothing 0.1 --loss mse", /--label-smoothing does nothing with --loss mse; use/],
    ["--dataset digits --data folder", /--data reads MNIST's files, but --dataset is digits/],
  ])("%s", (line, message) => {
    let caught: unknown;
    try {
      parse(...line.split(" "));
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(UsageError);
    expect((caught as Error).message).toMatch(message);
    expect((caught as Error).message).not.toMatch(/\n|^error/);
  });

  it("an empty value is none", () => {
    expect(() => parse("--epochs", "")).toThrow(UsageError);
    expect(() => parse("--lr", " ")).toThrow(UsageError);
  });
});

describe("--help", () => {
  it("names every option with its default, and gives examples", () => {
    let text = "";
    const result = parseOptions(["--help"], (part) => {
      text += part;
    });
    expect(result).toBeUndefined();
    const words = text.replace(/\s+/g, " ");
    const options = [
      "--dataset <name>",
      "--data <folder>",
      "--count <n>",
      "--hidden <widths>",
      "--activation <name>",
      "--loss <name>",
      "--label-smoothing <part>",
      "--epochs <n>",
      "--batch <n>",
      "--drop-last",
      "--optimizer <name>",
      "--lr <rate>",
      "--momentum <part>",
      "--weight-decay <rate>",
      "--schedule <name>",
      "--seed <n>",
      "--device <name>",
      "--save <file>",
      "--describe",
      "--json",
    ];
    for (const option of options) expect(words).toContain(`${option} `);
    for (const value of ["mnist", "256,128", "relu", "cross-entropy", "5", "128", "adam", "0.001", "1"]) {
      expect(words).toContain(`default: ${value}`);
    }
    expect(text).toContain("npm run train -- --hidden none");
  });
});

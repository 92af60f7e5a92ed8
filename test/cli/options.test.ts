/** The options of `npm run train`: what they come to, and every way in which they can be wrong. */
import { describe, expect, it } from "vitest";
import { UsageError } from "../../cli/errors.ts";
import { MODELS } from "../../cli/model.ts";
import { parseOptions } from "../../cli/options.ts";
import { LOSSES, SCHEDULES } from "../../cli/training.ts";
import { ACTIVATIONS, OPTIMIZERS } from "../../presets/choices.ts";

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
      model: "mlp",
      hidden: [256, 128],
      activation: "relu",
      dropout: 0,
      batchNorm: false,
      loss: "cross-entropy",
      l1: 0,
      l2: 0,
      epochs: 5,
      batch: 128,
      dropLast: false,
      accumulate: 1,
      optimizer: "adam",
      learningRate: 0.001,
      beta1: 0.9,
      beta2: 0.999,
      weightDecay: 0,
      schedule: "constant",
      warmupSteps: 0,
      seed: 1,
      summary: false,
      describe: false,
      json: false,
    });
  });

  it.each([
    ["sgd", { learningRate: 0.01, weightDecay: 0, momentum: 0, beta1: undefined }],
    ["momentum", { learningRate: 0.01, weightDecay: 0, momentum: 0.9, beta1: undefined }],
    ["nesterov", { learningRate: 0.01, weightDecay: 0, momentum: 0.9, beta1: undefined }],
    ["adam", { learningRate: 0.001, weightDecay: 0, momentum: undefined, beta1: 0.9, beta2: 0.999 }],
    ["adamw", { learningRate: 0.001, weightDecay: 0.01, momentum: undefined, beta1: 0.9, beta2: 0.999 }],
    ["rmsprop", { learningRate: 0.001, weightDecay: 0, momentum: 0, beta1: undefined }],
    ["adagrad", { learningRate: 0.01, weightDecay: 0, momentum: undefined, beta1: undefined }],
    ["nadam", { learningRate: 0.002, weightDecay: 0, momentum: undefined, beta1: 0.9, beta2: 0.999 }],
    ["adamax", { learningRate: 0.002, weightDecay: 0, momentum: undefined, beta1: 0.9, beta2: 0.999 }],
    ["lion", { learningRate: 1e-4, weightDecay: 0, momentum: undefined, beta1: 0.9, beta2: 0.99 }],
    ["muon", { learningRate: 0.02, weightDecay: 0, momentum: 0.95, beta1: undefined }],
  ])("follow the optimizer: %s", (optimizer, expected) => {
    const { learningRate, weightDecay, momentum, beta1, beta2 } = parse("--optimizer", optimizer);
    expect({ learningRate, weightDecay, momentum, beta1, beta2 }).toEqual(expected);
  });

  it.each([
    ["mlp", { hidden: [256, 128], activation: "relu" }],
    ["convnet", { hidden: [256], activation: "relu" }],
    ["textbook", { hidden: [30], activation: "sigmoid" }],
    ["linear", { hidden: [], activation: "relu" }],
  ])("follow the model: %s", (model, expected) => {
    expect(parse("--model", model)).toMatchObject(expected);
  });

  it.each([
    ["constant", {}],
    ["step", { stepSize: 2, gamma: 0.1 }],
    ["exponential", { gamma: 0.9 }],
    ["plateau", { gamma: 0.1, patience: 2 }],
  ])("follow the schedule: %s", (schedule, expected) => {
    const { stepSize, gamma, patience } = parse("--schedule", schedule);
    expect({ stepSize, gamma, patience }).toEqual(expected);
  });
});

describe("values", () => {
  it("are read", () => {
    const args =
      "--dataset digits --count 700 --model convnet --hidden 30,20,10 --activation tanh --batch-norm --dropout 0.25 --loss cross-entropy --label-smoothing 0.1 --l1 1e-5 --l2 0.5 --epochs 7 --batch 16 --accumulate 4 --drop-last --optimizer nesterov --learning-rate 2.5e-2 --momentum .8 --weight-decay 1e-4 --clip-norm 2 --clip-value 0.1 --schedule step --step-size 3 --gamma 0.2 --warmup-steps 9 --seed 0 --device cpu --save w.safetensors --summary --describe --json";
    expect(parse(...args.split(" "))).toEqual({
      dataset: "digits",
      datasetGiven: true,
      count: 700,
      model: "convnet",
      hidden: [30, 20, 10],
      activation: "tanh",
      batchNorm: true,
      dropout: 0.25,
      loss: "cross-entropy",
      labelSmoothing: 0.1,
      l1: 1e-5,
      l2: 0.5,
      epochs: 7,
      batch: 16,
      accumulate: 4,
      dropLast: true,
      optimizer: "nesterov",
      learningRate: 0.025,
      momentum: 0.8,
      weightDecay: 1e-4,
      clipNorm: 2,
      clipValue: 0.1,
      schedule: "step",
      stepSize: 3,
      gamma: 0.2,
      warmupSteps: 9,
      seed: 0,
      device: "cpu",
      save: "w.safetensors",
      summary: true,
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

  it("--threads goes with the wasm engine", () => {
    expect(parse("--device", "wasm", "--threads", "3")).toMatchObject({ device: "wasm", threads: 3 });
  });

  it("options that ask for nothing go with everything", () => {
    const idle = "--model linear --hidden none --dropout 0 --warmup-steps 0 --schedule one-cycle";
    expect(parse(...idle.split(" "))).toMatchObject({ hidden: [], dropout: 0, warmupSteps: 0 });
  });

  it.each([
    ["--model", MODELS],
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
    ["--loss mae", /'mae' is invalid.*cross-entropy, .*bce, quadratic, mse, l1, huber/],
    [
      "--optimizer adm",
      /'adm' is invalid.*sgd, momentum, nesterov, adam, adamw, nadam, adamax, rmsprop, adagrad, lion, muon/,
    ],
    ["--schedule cos", /'cos' is invalid.*constant, step, exponential, cosine, one-cycle, plateau/],
    ["--model cnn", /'cnn' is invalid.*mlp, convnet, textbook, linear/],
    ["--dropout 1", /'1' is invalid.*from 0 up to, not including, 1/],
    ["--beta1 1", /'1' is invalid.*from 0 up to, not including, 1/],
    ["--beta2 0.9999999999", /is invalid.*from 0 up to, not including, 1/],
    ["--l1 -1", /'-1' is invalid.*finite number from 0/],
    ["--clip-norm 0", /'0' is invalid.*finite number above 0/],
    ["--accumulate 0", /'0' is invalid.*whole number from 1/],
    ["--gamma 1 --schedule step", /'1' is invalid.*between 0 and 1/],
    ["--step-size 0 --schedule step", /'0' is invalid.*whole number from 1/],
    ["--device tpu", /'tpu' is invalid.*gpu, wasm, cpu/],
    ["--threads 0 --device wasm", /'0' is invalid.*whole number from 1 to 256/],
    ["--threads 2", /^--threads does nothing without --device wasm$/],
    ["--threads 2 --device cpu", /^--threads does nothing without --device wasm$/],
    ["--learning-rate nan", /'nan' is invalid.*finite number above 0/],
    ["--learning-rate NaN", /'NaN' is invalid.*finite number above 0/],
    ["--learning-rate -1", /'-1' is invalid.*finite number above 0/],
    ["--learning-rate 0", /'0' is invalid.*finite number above 0/],
    ["--learning-rate 1e-60", /'1e-60' is invalid.*finite number above 0/],
    ["--learning-rate 1e300", /'1e300' is invalid.*finite number above 0/],
    ["--learning-rate Infinity", /'Infinity' is invalid/],
    ["--learning-rate 0x10", /'0x10' is invalid/],
    ["--learning-rate", /argument missing/],
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
    [
      "--momentum 0.9",
      /^--momentum does nothing with --optimizer adam; use --optimizer sgd, momentum, nesterov, rmsprop or muon$/,
    ],
    [
      "--beta1 0.9 --optimizer sgd",
      /^--beta1 does nothing with --optimizer sgd; use --optimizer adam, adamw, nadam, adamax or lion$/,
    ],
    [
      "--beta2 0.9 --optimizer rmsprop",
      /^--beta2 does nothing with --optimizer rmsprop; use --optimizer adam, adamw, nadam, adamax or lion$/,
    ],
    ["--step-size 2", /^--step-size does nothing with --schedule constant; use --schedule step$/],
    [
      "--gamma 0.5 --schedule cosine",
      /^--gamma does nothing with --schedule cosine; use --schedule step, exponential or plateau$/,
    ],
    [
      "--patience 2 --schedule step",
      /^--patience does nothing with --schedule step; use --schedule plateau$/,
    ],
    ["--warmup-steps 5 --schedule one-cycle", /^--warmup-steps conflicts with --schedule one-cycle/],
    ["--accumulate 3", /3 does not divide --batch 128; use 2$/],
    ["--accumulate 200", /200 does not divide --batch 128; use 128$/],
    ["--batch-norm --batch 1", /--batch-norm needs 2 samples or more at a time, but --batch 1 gives 1$/],
    ["--batch-norm --accumulate 128", /--batch 128 in 128 parts gives 1$/],
    [
      "--model linear --hidden 30",
      /^--hidden does nothing with --model linear, .*use --model mlp, convnet or textbook$/,
    ],
    ["--model textbook --activation relu", /of sigmoid, but --activation is relu; use --model mlp$/],
    ["--model linear --dropout 0.5", /^--dropout does nothing without hidden layers/],
    ["--model convnet --hidden none --dropout 0.5", /^--dropout does nothing without hidden layers/],
    ["--hidden none --batch-norm", /^--batch-norm does nothing without hidden layers/],
    ["--hidden none --activation tanh", /^--activation does nothing without hidden layers/],
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

  it("--lr is --learning-rate", () => {
    expect(parse("--lr", "0.25").learningRate).toBe(0.25);
    expect(() => parse("--learnig-rate", "1")).toThrow("Did you mean --learning-rate?");
  });

  it("an empty value is none", () => {
    expect(() => parse("--epochs", "")).toThrow(UsageError);
    expect(() => parse("--learning-rate", " ")).toThrow(UsageError);
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
      "--model <name>",
      "--hidden <widths>",
      "--activation <name>",
      "--batch-norm",
      "--dropout <rate>",
      "--loss <name>",
      "--label-smoothing <fraction>",
      "--l1 <weight>",
      "--l2 <weight>",
      "--optimizer <name>",
      "--lr, --learning-rate <rate>",
      "--momentum <factor>",
      "--beta1 <rate>",
      "--beta2 <rate>",
      "--weight-decay <rate>",
      "--clip-norm <limit>",
      "--clip-value <limit>",
      "--schedule <name>",
      "--step-size <epochs>",
      "--gamma <factor>",
      "--patience <epochs>",
      "--warmup-steps <n>",
      "--epochs <n>",
      "--batch <n>",
      "--drop-last",
      "--accumulate <n>",
      "--seed <n>",
      "--device <name>",
      "--save <file>",
      "--summary",
      "--describe",
      "--json",
    ];
    for (const option of options) expect(words).toContain(`${option} `);
    for (const value of ["mnist", "256,128", "relu", "cross-entropy", "5", "128", "adam", "0.001", "1"]) {
      expect(words).toContain(`default: ${value}`);
    }
    const groups = [...text.matchAll(/^(\w+):$/gm)].map(([, name]) => name);
    expect(groups).toEqual([
      "Data",
      "Model",
      "Loss",
      "Optimizer",
      "Schedule",
      "Augmentation",
      "Run",
      "Output",
      "Options",
      "Examples",
    ]);
  });

  it("gives examples that can be typed as they stand", () => {
    let text = "";
    parseOptions(["--help"], (part) => {
      text += part;
    });
    const commands = text
      .replace(/\\\n\s*/g, "")
      .split("\n")
      .filter((line) => line.startsWith("  npm run "));
    expect(commands.length).toBeGreaterThan(5);
    for (const command of commands) {
      // Behind two spaces comes a comment, behind > a file.
      const [line] = command.trim().split(/\s{2,}|\s+>/);
      const args = line.split(" -- ")[1];
      expect(() => parse(...(args?.split(" ") ?? []))).not.toThrow();
    }
  });
});

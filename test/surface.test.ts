/**
 * Every exported function, given what it does not take: each refuses unknown options by name, and values of wrong kinds
 * with a sentence of its own that begins with its name. A new function fails here until it has a case.
 */
import { describe, expect, it } from "vitest";
import * as augmentEntry from "../src/augment/index.ts";
import * as callbacksEntry from "../src/callbacks/index.ts";
import * as csvEntry from "../src/csv/index.ts";
import * as dataEntry from "../src/data/index.ts";
import * as wgrad from "../src/index.ts";
import * as inspectEntry from "../src/inspect/index.ts";
import * as linearEntry from "../src/linear/index.ts";
import * as metricsEntry from "../src/metrics/index.ts";
import * as minimizeEntry from "../src/minimize/index.ts";
import * as rules from "../src/nn/training/optimizers.ts";
import * as safetensorsEntry from "../src/safetensors/index.ts";
import * as searchEntry from "../src/search/index.ts";
import * as wasmEntry from "../src/wasm/index.ts";

/** What is put in the place of each argument in turn. */
const WRONG = {
  null: null,
  text: "wrong",
  function: () => undefined,
  object: { misspelt: 1 },
  promise: Promise.resolve(1),
} as const;
type Wrong = keyof typeof WRONG;

interface Case {
  /** Arguments that it takes. */
  readonly good: readonly unknown[];
  /** Which of them are options: what is unknown there is refused by its name. */
  readonly options?: number;
  /** By position: what of the wrong is right there. */
  readonly takes?: Readonly<Record<number, readonly Wrong[]>>;
  /** What messages begin with, if not with the function's name. */
  readonly begins?: string;
}

const of = (
  good: readonly unknown[],
  options?: number,
  others: Omit<Case, "good" | "options"> = {},
): Case => ({
  good,
  options,
  ...others,
});

const { cpu, dense, tensor } = wgrad;
const engine = cpu();
const model = dense(2);
const x = tensor([1, 2, 3, 4], [2, 2]);
const row = tensor([1, 2], [2]);
const images = tensor(
  Array.from({ length: 16 }, (_, i) => i),
  [1, 1, 4, 4],
);
const labels = tensor([0, 1]);
const data = dataEntry.dataset({
  inputs: { data: Float32Array.from({ length: 2 * 128 }, (_, i) => Math.sin(i)), shape: [2] },
  targets: { data: Uint8Array.from({ length: 128 }, (_, i) => i % 2) },
  classes: 2,
});
const trainer = wgrad.createTrainer(engine, model, { inputShape: [2] });
const idx = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 7);
const small = { model: () => dense(2), data, validation: data, fit: { epochs: 1 } };
const minimum = {
  position: async () => Float64Array.of(0),
  at: async () => ({ loss: 0, gradient: Float64Array.of(0) }),
};

/** Not to be given wrong arguments, and why. */
const EXEMPT: Readonly<Record<string, string>> = {
  cpu: "takes nothing, and is handed an error by connect().catch(cpu)",
  describe: "prints a program; what is none: test/inspect/programFor.test.ts",
  launchProfiles: "reads a program, which only the library makes",
  programCost: "reads a program; what is none: test/inspect/programFor.test.ts",
  launchDetails: "reads a program; what is none: test/inspect/programFor.test.ts",
  programFor: "reads a program; its traits, and what is no program: test/inspect/programFor.test.ts",
  memoryLayout: "reads a program; what is none: test/inspect/programFor.test.ts",
  chromeTrace: "reads a program, which only the library makes",
  writeFileWhole: "writes files; see test/io",
  checkWritable: "writes files; see test/io",
};

const casesOf = (names: readonly string[], one: Case) => Object.fromEntries(names.map((name) => [name, one]));

const CASES: Readonly<Record<string, Readonly<Record<string, Case>>>> = {
  ops: {
    ...casesOf(
      ["abs", "cos", "exp", "floor", "isFinite", "log", "neg", "sign", "sin", "sqrt", "square"],
      of([x]),
    ),
    ...casesOf(["relu", "selu", "gelu", "silu", "sigmoid", "tanh", "softplus"], of([x])),
    ...casesOf(["add", "sub", "mul", "div", "maximum", "minimum", "greater", "equal"], of([x, 2])),
    ...casesOf(
      ["meanSquaredError", "meanAbsoluteError", "quadratic", "binaryCrossEntropy", "sigmoidCrossEntropy"],
      of([x, x]),
    ),
    crossEntropy: of([x, labels, {}], 2),
    huber: of([x, x, {}], 2),
    elu: of([x, 1]),
    leakyRelu: of([x, 0.1]),
    softmax: of([x, 0]),
    logSoftmax: of([x, 0]),
    conv2d: of([images, images, {}], 2),
    avgPool2d: of([images, 2, {}], 2),
    maxPool2d: of([images, 2, {}], 2),
    reshape: of([x, [4]]),
    dropout: of([x, 0.5, 1], undefined, { begins: "(dropout|randomUniform)" }),
    attention: of([images, images, images, {}], 3),
    correctCount: of([x, labels]),
    gather: of([x, labels]),
    matmul: of([x, x]),
    moments: of([x, [1]], undefined, { begins: "(moments|mean)" }),
    layerNorm: of([x, row, row, { epsilon: 1e-5 }], 3),
    normalise: of([x, { mean: x, variance: x }, { weight: x, bias: x, epsilon: 1 }], 1),
    randomUniform: of([[2], 1]),
    argmax: of([x, 1, {}], 2),
    max: of([x, 1, {}], 2),
    mean: of([x, 1, {}], 2),
    sum: of([x, 1, {}], 2),
    broadcastTo: of([x, [2, 2]]),
    choose: of([x, x, 1]),
    oneHot: of([labels, 2]),
    concat: of([[x, x], 0]),
    pad: of([x, 0, 1, 1]),
    slice: of([x, 0, 1, 0], undefined, { takes: { 2: ["null"] } }),
    constant: of([1, [2]]),
    dataSource: of(["name", [2], "f32"], undefined, { takes: { 0: ["text"] } }),
    iota: of([[2], 0]),
    stepScalar: of(["name"], undefined, { takes: { 0: ["text"] } }),
    stepWindow: of([labels, "start", 1], undefined, {
      takes: { 1: ["text"] },
      begins: "(stepWindow|window)",
    }),
    tensor: of([[1, 2], [2]]),
    transpose: of([x, [1, 0]]),
  },
  wgrad: {
    ...casesOf(["relu", "selu", "gelu", "silu", "sigmoid", "tanh", "softplus", "softmax"], of([])),
    ...casesOf(
      ["meanSquaredError", "meanAbsoluteError", "quadratic", "binaryCrossEntropy", "sigmoidCrossEntropy"],
      of([{}], 0),
    ),
    ...casesOf([...Object.keys(rules), "muon"], of([{}], 0)),
    optimizer: of([{ name: "still", learningRate: 1, update: (state: wgrad.UpdateState) => state }], 0),
    averaged: of([wgrad.adam(), {}], 1),
    averagedModel: of([trainer]),
    clipped: of([wgrad.adam(), { norm: 1 }], 1),
    decayed: of([wgrad.adam(), { weightDecay: 0.1 }], 1),
    grouped: of([wgrad.adam(), []]),
    lookahead: of([wgrad.adam(), {}], 1),
    gradients: of([wgrad.sum(wgrad.square(x)), [x]]),
    elu: of([1]),
    leakyRelu: of([0.1]),
    multiHeadAttention: of([2, {}], 1),
    conv2d: of([3, 3, {}], 2),
    dense: of([3, {}], 1),
    dropout: of([0.5]),
    embedding: of([3, 2, {}], 2),
    batchNorm: of([{}], 0),
    layerNorm: of([{}], 0),
    avgPool2d: of([2, {}], 1),
    maxPool2d: of([2, {}], 1),
    reshape: of([2, 2]),
    frozen: of([model], undefined, { takes: { 0: ["function"] } }),
    residual: of([model], undefined, { takes: { 0: ["function"] } }),
    flatten: of([]),
    globalAvgPool2d: of([]),
    scaling: of([{}], 0),
    unscaling: of([{}], 0),
    scaledLoss: of([{ shape: [], offset: [0], factor: [1] }, wgrad.huber()], undefined, {
      takes: { 1: ["function"] },
    }),
    crossEntropy: of([{}], 0),
    huber: of([{}], 0),
    sequential: of([model], undefined, { takes: { 0: ["function"] } }),
    constantRate: of([]),
    cosineDecay: of([{}], 0),
    exponentialDecay: of([{ gamma: 0.9 }], 0),
    oneCycle: of([{}], 0),
    reduceOnPlateau: of([{}], 0),
    stepDecay: of([{ epochs: 2 }], 0),
    warmUp: of([{ steps: 2 }], 0),
    summary: of([model, { inputShape: [2] }], 1, {
      takes: { 0: ["function"] },
      begins: "(summary|the model)",
    }),
    connect: of([{}], 0),
    compile: of([engine, { a: [2] }, ({ a }: { a: wgrad.Tensor }) => ({ a: wgrad.square(a) })], undefined, {
      begins: "(compile|a step)",
    }),
    evaluate: of([trainer, data, {}], 2),
    session: of([engine, model, data, {}], 3, { takes: { 1: ["function"] }, begins: "(session|the model)" }),
    fit: of([engine, model, data, {}], 3, { takes: { 1: ["function"] }, begins: "(fit|the model)" }),
    openData: of([engine, data, { batchSize: 2 }], 2),
    predict: of([trainer, [1, 2], {}], 2),
    predictor: of([trainer, {}], 1),
    createTrainer: of([engine, model, { inputShape: [2] }], 2, {
      takes: { 1: ["function"] },
      begins: "(createTrainer|the model)",
    }),
  },
  "wgrad/data": {
    epochOrder: of([3, 0, 0], undefined, { begins: "(epochOrder|permutation|random)" }),
    permutation: of([3, 0, 0], undefined, { begins: "(permutation|random)" }),
    dataset: of([{ inputs: data.inputs, targets: data.targets }], 0),
    sampleSize: of([data.inputs]),
    subset: of([data, [0]]),
    take: of([data, 1], undefined, { begins: "(take|dataset: take)" }),
    digits: of([{ train: 1, test: 1 }], 0),
    kFold: of([data, 2, {}], 2),
    stratifiedKFold: of([data, 2, {}], 2),
    timeSeriesSplit: of([data, 2, {}], 2),
    makeBlobs: of([{}], 0),
    makeMoons: of([{}], 0),
    makeRegression: of([{}], 0),
    gunzip: of([Uint8Array.of(1), "gzip", {}], 2, { begins: "(gunzip|wrong)" }),
    idxImages: of(
      ["name", { shape: [1, 1, 1], data: Uint8Array.of(1) }, { shape: [1], data: Uint8Array.of(1) }, 2],
      undefined,
      { takes: { 0: ["text"] } },
    ),
    parseIdx: of([idx, "idx"], undefined, { takes: { 1: ["text"] } }),
    readIdx: of([idx, "idx", {}], 2, { takes: { 1: ["text"] } }),
    imageDataset: of([{ images: [[1]], labels: [0], classes: 1, width: 1, height: 1 }], 0),
    mnist: of([{ dir: "/nowhere" }], 0),
    oneHotColumn: of([["a"], ["a"]]),
    oneHotTargets: of([data]),
    scalerFrom: of([{ kind: "standard", shape: [], offset: [0], factor: [1] }]),
    minMaxScaler: of([{}], 0),
    robustScaler: of([{}], 0),
    standardScaler: of([{}], 0),
    split: of([data, [0.5, 0.5], {}], 2),
    stream: of([{ count: 1, inputs: { type: "u8" }, targets: { type: "u8" }, open: () => [] }], 0),
  },
  "wgrad/csv": {
    parseCsv: of(["a,b\n1,2", {}], 1, { takes: { 0: ["text"] } }),
    readCsv: of([new Blob(["a,b\n1,2"]), {}], 1, { takes: { 0: ["text"] } }),
  },
  "wgrad/augment": {
    augment: of([augmentEntry.rotate(3)]),
    crop: of([1]),
    elastic: of([{}], 0),
    flip: of([{}], 0),
    rotate: of([1]),
    scale: of([1, 2]),
    shear: of([1]),
    translate: of([1, {}], 1),
    augmentationNamed: of(["rotate=3"], undefined, {
      begins: "(augmentationNamed|there is no augmentation)",
    }),
    preview: of([engine, data, augmentEntry.augment(augmentEntry.noise(0.1)), {}], 3),
    brightness: of([1]),
    contrast: of([1, 2]),
    cutout: of([1]),
    mixup: of([1]),
    noise: of([1]),
  },
  "wgrad/metrics": {
    precisionRecall: of([{}], 0),
    meanAbsolute: of([]),
    rSquared: of([{}], 0),
    classReport: of([
      [
        [1, 0],
        [0, 1],
      ],
    ]),
    rocAuc: of([{}], 0),
    topK: of([1]),
  },
  "wgrad/callbacks": {
    bestCheckpoint: of(["a", {}], 1, { takes: { 0: ["text"] } }),
    checkpoints: of(["a", 1], undefined, { takes: { 0: ["text"] } }),
    csvHistory: of(["a"], undefined, { takes: { 0: ["text"] } }),
    jsonHistory: of(["a"], undefined, { takes: { 0: ["text"] } }),
    earlyStopping: of([{}], 0),
  },
  "wgrad/search": {
    crossValidate: of([engine, model, data, { folds: 2, epochs: 1 }], 3, {
      takes: { 1: [] },
      begins: "(crossValidate|fit|the model)",
    }),
    learningCurve: of([engine, model, data, { sizes: [2], validation: data, epochs: 1 }], 3, {
      begins: "(learningCurve|fit|the model)",
    }),
    gridSearch: of([engine, { ...small, space: { epochs: [1] }, fit: {} }], 1),
    randomSearch: of([engine, { ...small, space: { epochs: [1] }, trials: 1, fit: {} }], 1),
    successiveHalving: of(
      [engine, { ...small, space: { batchSize: [128] }, configurations: 1, maxEpochs: 1, fit: {} }],
      1,
    ),
    choice: of([[1]]),
    integer: of([1, 2]),
    logUniform: of([1, 2]),
    uniform: of([1, 2]),
  },
  "wgrad/safetensors": {
    decodeSafetensors: of([safetensorsEntry.encodeSafetensors({}), "name"], undefined, {
      takes: { 1: ["text"] },
    }),
    encodeSafetensors: of([{ a: { shape: [1], data: Float32Array.of(1) } }, {}], undefined, {
      begins: "(encodeSafetensors|safetensors)",
      takes: { 1: ["object"] },
    }),
  },
  "wgrad/linear": {
    linearRegression: of([{ x: [[1], [2], [4]], y: [1, 2, 3] }, {}], 1),
  },
  "wgrad/minimize": {
    gradientDescent: of([minimum, { learningRate: 0.1 }], 1, { begins: "(gradientDescent|minimize)" }),
    lbfgs: of([minimum, {}], 1, { begins: "(lbfgs|minimize)" }),
    newtonCG: of([minimum, {}], 1, { begins: "(newtonCG|minimize)" }),
    objective: of(
      [
        trainer,
        { x: [1, 2] },
        ({ x }: { x: wgrad.Tensor }, call: wgrad.ModelCall) => wgrad.sum(call(x)),
        { x: new Float32Array(2) },
      ],
      undefined,
      { begins: "(objective|compile|gradients|program objective)" },
    ),
  },
  "wgrad/wasm": { wasm: of([{ threads: 1 }], 0) },
  // Takes a GPU engine; this one is none.
  "wgrad/inspect": { measureCeiling: of([engine]) },
};

const ENTRIES: Readonly<Record<string, object>> = {
  ops: wgrad.ops,
  wgrad,
  "wgrad/data": dataEntry,
  "wgrad/csv": csvEntry,
  "wgrad/augment": augmentEntry,
  "wgrad/metrics": metricsEntry,
  "wgrad/callbacks": callbacksEntry,
  "wgrad/search": searchEntry,
  "wgrad/safetensors": safetensorsEntry,
  "wgrad/linear": linearEntry,
  "wgrad/minimize": minimizeEntry,
  "wgrad/wasm": wasmEntry,
  "wgrad/inspect": inspectEntry,
};

const isClass = (value: unknown) => /^class\b/.test(Function.prototype.toString.call(value));
const ops = new Set<unknown>(Object.values(wgrad.ops));
const functions = Object.entries(ENTRIES).flatMap(([entry, module]) =>
  Object.entries(module as Record<string, (...args: readonly unknown[]) => unknown>).flatMap(
    ([name, call]) =>
      // What `ops` has is looked at there.
      typeof call === "function" && !isClass(call) && !(name in EXEMPT) && (entry === "ops" || !ops.has(call))
        ? [{ entry, name, call }]
        : [],
  ),
);

/** Words of a JavaScript engine, where there should be ours. */
const FOREIGN =
  /is not (a function|iterable|defined|an? (object|instance|constructor))|Cannot |undefined \(|must be of type|Invalid |reading '|\bis not valid/;

/** The error of a call, or undefined where it did what it was asked. */
async function refusal(call: () => unknown): Promise<Error | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

describe("every exported function", () => {
  it("has a case", () => {
    const without = functions.filter(({ entry, name }) => !(name in (CASES[entry] ?? {})));
    expect(without.map(({ entry, name }) => `${entry}: ${name}`)).toEqual([]);
  });

  it.each(functions.map((one) => [one.entry, one.name, one] as const))(
    "%s: %s refuses what it does not take",
    async (entry, name, { call }) => {
      const {
        good,
        options,
        takes = {},
        begins = name,
      } = (CASES[entry] as Record<string, Case>)[name] as Case;
      const problems: string[] = [];
      for (let at = 0; at < Math.max(1, good.length); at++) {
        for (const [kind, value] of Object.entries(WRONG)) {
          if (takes[at]?.includes(kind as Wrong)) continue;
          const what = `${name}, argument ${at}, ${kind}`;
          const error = await refusal(() => call(...good.slice(0, at), value, ...good.slice(at + 1)));
          if (!error) problems.push(`${what}: not refused`);
          else if (FOREIGN.test(error.message) || !new RegExp(`^${begins}\\b`).test(error.message))
            problems.push(`${what}: ${error.message}`);
          else if (at === options && kind === "object" && !error.message.includes('"misspelt"'))
            problems.push(`${what}: does not name the option: ${error.message}`);
        }
      }
      expect(problems).toEqual([]);
    },
  );
});

describe("an option that is misspelt", () => {
  const withOptions = functions.flatMap(({ entry, name, call }) => {
    const { good, options } = CASES[entry]?.[name] ?? of([]);
    return options === undefined ? [] : [{ entry, name, options, good, call }];
  });

  it.each(withOptions.map((one) => [one.entry, one.name, one] as const))(
    "%s: %s is refused with the nearest that is known",
    async (_entry, _name, { good, options, call }) => {
      const refused = async (given: object) =>
        (await refusal(() => call(...good.slice(0, options), given, ...good.slice(options + 1))))?.message ??
        "";
      const all = /"misspelt"; (?:there (?:is|are) (.+)|it takes none)$/.exec(await refused({ misspelt: 1 }));
      expect(all).not.toBeNull();
      for (const known of all?.[1]?.split(", ") ?? []) {
        const [first = "", second = "", ...rest] = known;
        const slip = rest.length > 1 ? [second, first, ...rest].join("") : known + known.slice(-1);
        expect(await refused({ [slip]: 1 })).toContain(
          `there is no option "${slip}"; did you mean ${known}?`,
        );
      }
    },
  );
});

describe("a name that both an op and a layer or a loss have", () => {
  const own = Object.keys(wgrad.ops).filter((name) => name in wgrad && !ops.has(Reflect.get(wgrad, name)));

  it("is the layer's or the loss's, and the op's in ops", () => {
    expect(own).toHaveLength(23);
    for (const name of Object.keys(wgrad.ops)) expect(name in wgrad, name).toBe(true);
  });

  it.each(own)("%s refuses a tensor, and says what to write", (name) => {
    const call: (...args: readonly unknown[]) => unknown = Reflect.get(wgrad, name);
    const told = new RegExp(
      `^${name}: got a tensor; ${name}\\(\\) is a (layer|loss); write ops\\.${name}\\((x|outputs)`,
    );
    expect(() => call(x, x)).toThrow(TypeError);
    expect(() => call(x, x)).toThrow(told);
  });
});

describe("methods and options", () => {
  const step = trainer.compile(({ x }, call) => ({ y: call(x) }), { inputs: { x: [2, 2] } });
  const scaler = dataEntry.standardScaler().fit([
    [1, 2],
    [3, 4],
  ]);
  const table = csvEntry.parseCsv("a,b\n1,2");

  it.each<[string, (value: never) => unknown, (readonly Wrong[])?]>([
    ["step.run(inputs)", async (value) => (await step).run(value)],
    ["step.run(scalars)", async (value) => (await step).run({ x: new Float32Array(4) }, value), ["object"]],
    ["step.runMany(count)", async (value) => (await step).runMany(value, () => ({}))],
    ["step.runMany(scalarsAt)", async (value) => (await step).runMany(1, value)],
    ["step.write(inputs)", async (value) => (await step).write(value)],
    ["trainer.load(source)", (value) => trainer.load(value)],
    ["scaler.transform(data)", (value) => scaler.transform(value)],
    ["scaler.transformRows(rows)", (value) => scaler.transformRows(value)],
    ["scaler.inverse(rows)", (value) => scaler.inverse(value)],
    ["table.column(name)", (value) => table.column(value)],
    ["table.numbers(name)", (value) => table.numbers(value)],
    ["table.categories(name)", (value) => table.categories(value)],
    ["table.dataset(options)", (value) => table.dataset(value)],
    ["target", (value) => table.dataset({ target: value })],
    ["classes", (value) => table.dataset({ target: "b", classes: value })],
    ["categorical", (value) => table.dataset({ target: "b", categorical: value })],
    ["header", (value) => csvEntry.parseCsv("a,b\n1,2", { header: value })],
    ["inputs of a data set", (value) => dataEntry.dataset({ inputs: value })],
    ["classes of a data set", (value) => dataEntry.dataset({ ...data, classes: value })],
    ["groups", (value) => wgrad.adam({ groups: [value] })],
    ["clip", (value) => wgrad.fit(engine, model, data, { clip: value })],
    ["penalty", (value) => wgrad.fit(engine, model, data, { penalty: value })],
    ["tune", (value) => wgrad.connect({ tune: value })],
  ])("%s is refused in words of our own", async (name, call, takes = []) => {
    const problems: string[] = [];
    for (const [kind, value] of Object.entries(WRONG)) {
      if (takes.includes(kind as Wrong)) continue;
      const error = await refusal(() => call(value as never));
      if (!error) problems.push(`${name}, ${kind}: not refused`);
      else if (FOREIGN.test(error.message) || error.message.includes("[object"))
        problems.push(`${name}, ${kind}: ${error.message}`);
    }
    expect(problems).toEqual([]);
  });
});

describe("every initializer", () => {
  it.each(Object.entries(wgrad.init).filter(([name]) => name !== "fans"))(
    "%s refuses options",
    (name, make) => {
      const call = make as (...args: readonly unknown[]) => unknown;
      for (const value of [{ misspelt: 1 }, "wrong", null]) {
        expect(() => call(value, 1)).toThrow(new RegExp(`^${name}: `));
      }
    },
  );
});

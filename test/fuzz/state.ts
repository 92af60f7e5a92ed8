/** Readers of weights, checkpoints, records of searches, choices of tuning and MNIST's files. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { adam, cpu, createTrainer, dense, type Epoch, fit, relu, sequential, sgd, type Trainer } from "wgrad";
import { earlyStopping } from "wgrad/callbacks";
import { type Dataset, dataset, type Schema } from "wgrad/data";
import { decodeSafetensors, encodeSafetensors } from "wgrad/safetensors";
import { gridSearch } from "wgrad/search";
import { loadMnist } from "../../src/data/mnist.ts";
import { matmulConstants } from "../../src/kernels/matmul.ts";
import { variantsOf } from "../../src/kernels/variants.ts";
import type { Dispatch, Program } from "../../src/program.ts";
import { Tuner } from "../../src/runtime/gpu/tune.ts";
import { restoreCheckpoint } from "../../src/train/checkpoint.ts";
import { CHECKSUMS_KEY, checksums } from "../../src/train/checksums.ts";
import type { Run } from "../../src/train/run.ts";
import { packed } from "../data/files.ts";
import { files as mnistFiles, tiny } from "../data/mnist-server.ts";
import { ensure, type Reader, reader, sameNumbers, utf8 } from "./reader.ts";
import { checkTensors, tensorSample } from "./text.ts";

const engine = cpu();
const model = () => sequential(dense(3), relu(), dense(2));
const data: Dataset = dataset({
  name: "points",
  inputs: { data: Float32Array.of(1, 2, -1, 0.5, 3, -2, 0, 1), shape: [2] },
  targets: { data: Uint8Array.of(0, 1, 1, 0) },
  classes: ["__proto__", "constructor"],
});

const schema: Schema = {
  columns: [{ name: "__proto__" }, { name: "kind", categories: ["toString", "v"], fill: "v" }],
  targets: ["y"],
  classes: ["__proto__", "constructor"],
  scale: 0.5,
  scalers: [{ kind: "standard", shape: [2], offset: [1, 2], factor: [3, 4] }],
};

const SCHEMA = "wgrad.schema";
const weightsFile = encodeSafetensors(
  {
    "0.weight": { shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, -6) },
    "0.bias": { shape: [3], data: Float32Array.of(0, -0, 1e30) },
    "2.weight": { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
    "2.bias": { shape: [2], data: Float32Array.of(7, 8) },
  },
  { format: "pt", [SCHEMA]: JSON.stringify(schema) },
);

const texts = (list: unknown) => Array.isArray(list) && list.every((text) => typeof text === "string");

/** What each user of a schema takes for granted. */
function checkSchema({ columns = [], targets = [], classes = [], scale = 1, scalers = [] }: Schema): void {
  ensure(texts(targets) && texts(classes), "names that are no texts");
  ensure(typeof scale === "number" && Number.isFinite(scale) && scale !== 0, `a scale of ${scale}`);
  for (const { name, categories = [], fill = 0 } of columns) {
    ensure(typeof name === "string" && texts(categories), "a column without texts");
    ensure(typeof fill === "string" || Number.isFinite(fill), "a column whose gaps are filled by nothing");
  }
  for (const { shape, offset, factor } of scalers) {
    const size = shape.reduce((product, length) => product * length, 1);
    for (const list of [offset, factor])
      ensure(
        Array.isArray(list) && list.length === size && list.every(Number.isFinite),
        "a scaler that is none",
      );
  }
}

const weightsTrainer = createTrainer(engine, model(), { inputShape: [2] });
let loaded = await weightsTrainer.weights();

export const weights: Reader = reader<typeof loaded>({
  name: "weights",
  samples: [
    tensorSample(weightsFile, SCHEMA),
    tensorSample(encodeSafetensors(decodeSafetensors(weightsFile).tensors)),
  ],
  async read(bytes) {
    weightsTrainer.schema = undefined;
    let failed = true;
    try {
      await weightsTrainer.load(bytes);
      failed = false;
    } finally {
      const now = await weightsTrainer.weights();
      for (const [name, { data }] of Object.entries(failed ? loaded : {}))
        ensure(sameNumbers(data, now[name].data), `${name} was changed by a file that was refused`);
      loaded = now;
    }
    return loaded;
  },
  check(read, bytes) {
    const file = decodeSafetensors(bytes);
    checkTensors(file, bytes);
    for (const [name, { data }] of Object.entries(read))
      ensure(
        data.every(Number.isFinite) && sameNumbers(data, file.tensors.get(name)?.data ?? []),
        `other ${name}`,
      );
    const text = file.metadata[SCHEMA];
    const { schema } = weightsTrainer;
    ensure(JSON.stringify(schema) === (text && JSON.stringify(JSON.parse(text))), "another schema");
    if (schema) checkSchema(schema);
  },
  words: /^weights/,
});

const options = { epochs: 4, batchSize: 2, seed: 3, optimizer: adam(), validation: data };
const run = fit(engine, model(), data, options) as Run;

const CONTENTS = "wgrad.checkpoint";

/** The file with checksums that fit, as one writes it who means harm; as it is where it is no safetensors file. */
async function summed(bytes: Uint8Array): Promise<Uint8Array> {
  try {
    const { tensors, metadata } = decodeSafetensors(bytes);
    const text = metadata[CONTENTS];
    return encodeSafetensors(tensors, { ...metadata, [CHECKSUMS_KEY]: await checksums(text, tensors) });
  } catch {
    return bytes;
  }
}

async function resumed(bytes: Uint8Array) {
  const { history } = await restoreCheckpoint(run.parts, await summed(bytes));
  return { state: await run.trainer.snapshot(), history };
}

/** Of a run with a callback that has a state; at the end of an epoch, or within the next. */
async function checkpointAfter(epochs: number, within = false): Promise<Uint8Array> {
  let asked: Promise<Uint8Array> | undefined;
  const taken = fit(engine, model(), data, {
    ...options,
    callbacks: [earlyStopping()],
    onProgress: ({ epoch }) => {
      if (within && epoch > epochs) asked ??= taken.checkpoint();
    },
  });
  for await (const { epoch } of taken)
    if (epoch === epochs + Number(within)) return asked ?? taken.checkpoint();
  throw new Error("the run is too short");
}

export const checkpoint: Reader = reader<{
  state: Awaited<ReturnType<Trainer["snapshot"]>>;
  history: readonly Epoch[];
}>({
  name: "checkpoints",
  samples: [
    tensorSample(await checkpointAfter(1), CONTENTS),
    tensorSample(await checkpointAfter(1, true), CONTENTS),
  ],
  read: resumed,
  check({ state, history }, bytes) {
    const file = decodeSafetensors(bytes);
    checkTensors(file, bytes);
    for (const [name, arena] of Object.entries(state.arenas)) {
      ensure(arena.every(Number.isFinite), `${name} that are not finite`);
      ensure(sameNumbers(arena, file.tensors.get(name)?.data ?? []), `other ${name}`);
    }
    ensure(
      history.length < 4 && history.every(({ epoch, loss }, i) => epoch === i + 1 && Number.isFinite(loss)),
      "a history that is none",
    );
  },
  words: /^(?:resume|fit): /,
});

const search = {
  data,
  validation: data,
  model: ({ hidden }: { hidden: number }) => sequential(dense(hidden), relu(), dense(2)),
  options: ({ learningRate }: { learningRate: number }) => ({ optimizer: sgd({ learningRate }) }),
  fit: { batchSize: 4, epochs: 1 },
  monitor: "loss",
  space: { hidden: [1, 2], learningRate: [0.1] },
} as const;

/** The trials of a search, with what was added to its record; undefined where a trial would be trained. */
async function searched(text: string, train: boolean) {
  let added = "";
  let isRead = false;
  const record = {
    async read() {
      isRead = true;
      return text;
    },
    async append(line: string) {
      added += line;
    },
  };
  const again = new Error("a trial is trained again");
  const model: typeof search.model = (choices) => {
    if (isRead && !train) throw again;
    return search.model(choices);
  };
  try {
    return { ...(await gridSearch(engine, { ...search, model, record })), added };
  } catch (error) {
    if (error === again) return undefined;
    throw error;
  }
}

/** Losses beyond all numbers are null in JSON. */
const isLoss = (loss: unknown) => loss === null || typeof loss === "number";

const recordFile = utf8((await searched("", true))?.added ?? "");
const lines = new TextDecoder().decode(recordFile).split("\n");

export const record: Reader = reader<Awaited<ReturnType<typeof searched>>>({
  name: "records of searches",
  samples: [
    {
      bytes: recordFile,
      texts: lines
        .slice(0, -1)
        .map((text, i) => ({ text, with: (other) => utf8(lines.with(i, other).join("\n")) })),
    },
  ],
  read: (bytes) => searched(new TextDecoder().decode(bytes), false),
  check(found) {
    if (found === undefined) return;
    const { trials, table } = found;
    ensure(trials.length === 2, `${trials.length} trials`);
    for (const { score, error, results, epochs } of trials) {
      ensure(score === undefined ? typeof error === "string" : Number.isFinite(score), `a score of ${score}`);
      ensure(
        epochs === 1 &&
          results.every(({ validation, train }) => isLoss(validation.loss) && isLoss(train.loss)),
        "results that are none",
      );
    }
    ensure(table().split("\n").length >= 3, "a table without its lines");
  },
  words: /^gridSearch: /,
});

const traits = { narrow: true, subgroupSize: 8, workgroupBytes: 16384, workgroupInvocations: 256 };
const product: Dispatch = {
  label: "",
  kernel: "matmul",
  constants: matmulConstants({
    batch: 1,
    m: 256,
    n: 256,
    k: 256,
    transposeA: false,
    transposeB: false,
    batchedA: false,
    batchedB: false,
  }),
  hooks: { store: { code: [{ op: "value" }], stores: [{ binding: "result0", from: 0 }] } },
  bindings: Object.fromEntries(
    ["a", "b", "result0"].map((name, buffer) => [name, { buffer, offset: 0, shape: [256, 256] }]),
  ),
};
const program: Program = {
  name: "products",
  buffers: ["a", "b", "c"].map((name) => ({ name, kind: "state", dtype: "f32", length: 2 ** 20 })),
  dispatches: [product],
  scalars: [],
  outputs: {},
};

async function tuned(bytes: Uint8Array | undefined) {
  let written: Uint8Array | undefined;
  const store = {
    locate: (name: string) => name,
    read: async () => bytes,
    write: async (_name: string, content: Uint8Array) => {
      written = content;
    },
  };
  let measured = 0;
  const choose = await new Tuner("device", traits, store, 1000).tune(program, async () => ++measured);
  return { chosen: choose(product), measured, written };
}

const choices = (await tuned(undefined)).written as Uint8Array;
const choicesText = new TextDecoder().decode(choices);

/** A file that cannot be used is no error: the choice is measured again. */
export const tuning: Reader = reader<Awaited<ReturnType<typeof tuned>>>({
  name: "choices of tuning",
  samples: [{ bytes: choices, texts: [{ text: choicesText, with: utf8 }] }],
  read: tuned,
  check({ chosen, measured, written }) {
    ensure(
      variantsOf(product, traits).some((way) => JSON.stringify(way) === JSON.stringify(chosen)),
      "no variant",
    );
    ensure(measured === 0 || written !== undefined, "the measurement was not kept");
    if (written) ensure(written.length < 2 ** 17, "junk was kept");
  },
  words: /^$/,
});

const folder = mkdtempSync(join(tmpdir(), "wgrad-fuzz-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const [name, content] of Object.entries(mnistFiles))
  writeFileSync(join(folder, `${name}.gz`), packed(content));
const images = "train-images";

/** The file of the training images; the others are whole. */
export const mnistFolder: Reader = reader<{ train: Dataset; test: Dataset }>({
  name: "MNIST's files",
  samples: [{ bytes: packed(mnistFiles[images]) }, { bytes: mnistFiles[images] }],
  read(bytes) {
    writeFileSync(join(folder, `${images}.gz`), bytes);
    return loadMnist({ dir: folder }, tiny);
  },
  check({ train }, bytes) {
    const content = bytes[0] === 0x1f ? gunzipSync(bytes) : bytes;
    const sum = createHash("md5").update(content).digest("hex");
    ensure(sum === tiny.trainImages.md5, "another file passed");
    ensure(sameNumbers(train.inputs.data, content.subarray(16)), "other pixels");
  },
  words: /^mnist: /,
});

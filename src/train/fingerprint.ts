/** Fingerprints of runs of `fit`, by which a checkpoint recognises its run. */
import { atOnce } from "../checks.ts";
import type { Field } from "../data/dataset.ts";
import type { StreamField } from "../data/stream.ts";
import { type Tensor, topological, withLabel } from "../nn/graph/tensor.ts";
import { applyModel } from "../nn/model/model.ts";
import { ModelTrace, Scope } from "../nn/model/parameters.ts";
import { isFrozen, type Optimizer } from "../nn/training/optimizer.ts";
import { constantRate, type Schedule } from "../nn/training/schedules.ts";
import { formatShape } from "../program.ts";
import { hashBytes, hashText } from "./hash.ts";
import type { Settings } from "./settings.ts";
import { type Data, tracedBatch, typeOf } from "./source.ts";
import type { Trainer } from "./trainer.ts";

/** The parts of a run that determine its numbers. */
export interface RunParts {
  readonly trainer: Trainer;
  readonly dataset: Data;
  readonly options: Settings;
  readonly batchSize: number;
}

type Plain = number | string | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };
type Facts = Readonly<Record<string, Plain>>;

/** Aspects of a run that are compared, and may be allowed to differ. */
export const ASPECTS = [
  "seed",
  "batchSize",
  "accumulate",
  "shuffle",
  "dropLast",
  "data",
  "augment",
  "model",
  "loss",
  "optimizer",
  "learningRate",
  "schedule",
  "clip",
  "penalty",
] as const;

export type ResumeAspect = (typeof ASPECTS)[number];

/** Each aspect as plain values. */
export type Fingerprint = Readonly<Record<ResumeAspect, Plain>>;

const known = new WeakMap<RunParts, Promise<Fingerprint>>();

/** The fingerprint of a run. Models, losses and augmentations are identified by the ops that they trace, not by name. */
export function fingerprintOf(run: RunParts): Promise<Fingerprint> {
  const found = known.get(run) ?? factsOf(run);
  known.set(run, found);
  return found;
}

async function factsOf(run: RunParts): Promise<Fingerprint> {
  const { trainer, options } = run;
  const { shuffle = true, dropLast = false, clip = {}, penalty = {}, schedule = constantRate() } = options;
  const optimizer = trainer.optimizer as Optimizer;
  return {
    ...tracedFacts(run, sizesOf(run)),
    optimizer: optimizerFacts(optimizer),
    learningRate: optimizer.learningRate,
    schedule: scheduleFacts(schedule),
    data: await dataFacts(run),
    seed: trainer.seed,
    ...sizesOf(run),
    shuffle,
    dropLast,
    clip: { norm: clip.norm ?? "none", value: clip.value ?? "none" },
    penalty: { l1: penalty.l1 ?? 0, l2: penalty.l2 ?? 0 },
  };
}

/**
 * The fingerprint of a run for comparison with another: the model is traced for the other's batch size where it accepts
 * that size.
 */
export async function fingerprintBeside(
  run: RunParts,
  { batchSize, accumulate }: Fingerprint,
): Promise<Fingerprint> {
  const own = await fingerprintOf(run);
  if (batchSize === own.batchSize && accumulate === own.accumulate) return own;
  try {
    return { ...own, ...tracedFacts(run, { batchSize: Number(batchSize), accumulate: Number(accumulate) }) };
  } catch {
    return own;
  }
}

const sizesOf = ({ batchSize, options: { accumulate = 1 } }: RunParts) => ({ batchSize, accumulate });

/** The ops of a training step on one part of a batch, by layer. */
function tracedFacts({ trainer, dataset, options }: RunParts, sizes: ReturnType<typeof sizesOf>) {
  const size = sizes.batchSize / sizes.accumulate;
  const { loss, augment } = options;
  const trace = new ModelTrace(trainer.layout.specs, (spec) => isFrozen(trainer.optimizer, spec));
  for (const spec of trainer.statistics.specs) trace.statistics.specs.set(spec.name, spec);
  const batch = tracedBatch(dataset, (column) => column, size, size, 0, false);
  const { x, y } = augment ? withLabel("augment", () => atOnce("augment", augment.apply(batch))) : batch;
  const outputs = withLabel("model", () => applyModel(trainer.model, x, new Scope(trace, true)));
  const minimised = withLabel("loss", () => loss.apply(outputs, y));
  const before = new Set(topological([x, y]));
  const model = topological([outputs, ...trace.observations.values()]).filter((node) => !before.has(node));
  const modelled = new Set(model);
  const after = topological([minimised]).filter((node) => !before.has(node) && !modelled.has(node));
  const parameters = trainer.layout.specs.map(({ name, shape, decay, frozen }) => [
    name,
    [formatShape(shape), ...(decay ? ["decays"] : []), ...(frozen ? ["frozen"] : [])].join(", "),
  ]);
  const statistics = trainer.statistics.specs.map(({ name, shape, momentum }) => [
    name,
    `${formatShape(shape)}, rate ${momentum}`,
  ]);
  return {
    model: { ...Object.fromEntries([...parameters, ...statistics]), ...opsByLabel(model, [x]) },
    loss: { name: loss.name, ...opsByLabel(after, [outputs, y]) },
    augment: augment
      ? { name: augment.name, ops: hashText(opsText([...before], numbered([...before]))) }
      : "none",
  };
}

/** A fingerprint of the ops of each layer; `given` are results of other parts of the step. */
function opsByLabel(nodes: readonly Tensor[], given: readonly Tensor[]): Record<string, string> {
  const byLabel = new Map<string, Tensor[]>();
  for (const node of nodes) {
    const own = byLabel.get(node.label);
    if (own) own.push(node);
    else byLabel.set(node.label, [node]);
  }
  // Independent of other layers: their results are numbered by position.
  const places = numbered(given, "given");
  for (const [label, own] of byLabel)
    for (const [node, place] of numbered(own, label)) places.set(node, place);
  return Object.fromEntries(
    [...byLabel].map(([label, own]) => [`ops ${label}`, hashText(opsText(own, places))]),
  );
}

function numbered(nodes: readonly Tensor[], label = ""): Map<Tensor, string> {
  return new Map(nodes.map((node, i) => [node, `${label}#${i}`]));
}

/** Ops in order, with their attributes and the results they use. */
function opsText(nodes: readonly Tensor[], places: ReadonlyMap<Tensor, string>): string {
  return nodes
    .map(({ op, inputs, attributes, shape, dtype }) => {
      const operands = inputs.map((input) => places.get(input) ?? input.op.name);
      return [op.name, plain(attributes), formatShape(shape), dtype, ...operands].join(" ");
    })
    .join("\n");
}

/** Attributes as text: numbers with all digits, and nothing left out for not being JSON. */
function plain(value: unknown): string {
  return JSON.stringify(value, (_key, inner) => {
    if (typeof inner === "number" && !Number.isFinite(inner)) return String(inner);
    if (inner instanceof RegExp || typeof inner === "bigint") return String(inner);
    return typeof inner === "function" ? "function" : inner;
  });
}

/** An optimizer's settings, by their option names. */
function optimizerFacts({ name, settings, scalars, groups }: Optimizer): Facts {
  // Scalars that change with the step are functions; their values at some steps reveal the settings.
  const followed = Object.entries(scalars).map(
    ([scalar, at]) => [scalar, [1, 2, 10, 1000].map((step) => at(step))] as const,
  );
  return {
    name,
    ...settings,
    ...Object.fromEntries(followed),
    groups: groups.map(({ match, ...group }) => plain({ match: String(match), ...group })),
  };
}

/** Steps, of a thousand in ten epochs, at which a schedule is sampled. */
const MOMENTS = [0, 1, 49, 100, 250, 300, 301, 500, 777, 998, 999];
/** Histories of losses for the samples: constant, and falling ever less. */
const LOSSES = [0, 0.5].map((first) => {
  let loss = 1;
  return Array.from({ length: 400 }, (_, epoch) => {
    loss *= 1 - first * 0.95 ** epoch;
    return loss;
  });
});

/** A schedule is a function: identified by its name and sampled factors. */
function scheduleFacts(schedule: Schedule): Facts {
  const at = (step: number, history: readonly number[]) =>
    schedule.factor({ step, total: 1000, stepsPerEpoch: 100, history });
  const factors = [
    ...MOMENTS.map((step) => at(step, LOSSES[0].slice(0, Math.floor(step / 100)))),
    ...LOSSES.flatMap((losses) => losses.map((_, epochs) => at(100 * epochs, losses.slice(0, epochs)))),
  ];
  return { name: schedule.name, factors: hashText(plain(factors)) };
}

async function dataFacts({ dataset, options }: RunParts): Promise<Facts> {
  const { name, count, classes, inputs, targets } = dataset;
  const column = async (field: Field | StreamField) => ({
    shape: formatShape(field.shape),
    type: typeOf(field),
    scale: field.scale,
    ...("data" in field ? { numbers: await hashBytes(field.data) } : {}),
  });
  // A stream's content is unknown in advance; its order depends on how much of it is in memory at once.
  const streamed = "open" in dataset ? { stream: name, dataMemory: options.dataMemory ?? "usual" } : {};
  return {
    samples: count,
    classes: classes ?? "none",
    inputs: await column(inputs),
    targets: await column(targets),
    ...streamed,
  } as Facts;
}

/** Differences between two runs, in words, except for `allowed` aspects. */
export function differences(
  then: Fingerprint,
  now: Fingerprint,
  allowed: readonly ResumeAspect[],
): { aspect: ResumeAspect; words: string }[] {
  return ASPECTS.filter((aspect) => !allowed.includes(aspect)).flatMap((aspect) => {
    const words = difference(NAMES[aspect] ?? aspect, own(then, aspect), now[aspect]);
    return words === undefined ? [] : [{ aspect, words }];
  });
}

const NAMES: Partial<Record<ResumeAspect, string>> = { data: "data set", learningRate: "learning rate" };
/** Facts that are check sums: they reveal a difference, but not its kind. */
const SUMS: Readonly<Record<string, string>> = {
  numbers: "holds other numbers",
  factors: "gives other rates",
  ops: "computes something else",
};

function difference(name: string, then: Plain | undefined, now: Plain | undefined): string | undefined {
  if (plain(then) === plain(now)) return undefined;
  if (!isFacts(then) || !isFacts(now)) return `${name} is ${shown(then)}, this run's ${shown(now)}`;
  const keys = [...new Set([...Object.keys(then), ...Object.keys(now)])];
  const labels = (has: Facts, lacks: Facts) =>
    keys.flatMap((key) =>
      key.startsWith("ops ") && Object.hasOwn(has, key) && !Object.hasOwn(lacks, key) ? [key.slice(4)] : [],
    );
  const [gone, added] = [labels(then, now), labels(now, then)];
  if (gone.length + added.length > 0) {
    return `${name} has ${few(gone) || "nothing"} where this run's has ${few(added) || "nothing"}`;
  }
  const changed = keys.filter((key) => plain(own(then, key)) !== plain(own(now, key)));
  const named = changed.find((key) => !Object.hasOwn(SUMS, key) && !key.startsWith("ops "));
  if (named !== undefined)
    return difference(
      named === "name" ? name : `${name}'s ${shortened(named)}`,
      own(then, named),
      own(now, named),
    );
  const sum = Object.hasOwn(SUMS, changed[0]) ? SUMS[changed[0]] : SUMS.ops;
  const where = few(changed.flatMap((key) => (key.startsWith("ops ") ? [key.slice(4)] : [])));
  return where && where !== name ? `${name} ${sum} in ${where}` : `${name} ${sum}`;
}

/** A file's facts may be called as a method of each object is. */
function own(facts: Facts, key: string): Plain | undefined {
  return Object.hasOwn(facts, key) ? facts[key] : undefined;
}

function few(names: readonly string[]): string {
  return shortened(names.length > 3 ? `${names.slice(0, 3).join(", ")} …` : names.join(", "));
}

function shown(value: Plain | undefined): string {
  if (isFacts(value) && typeof value.name === "string") return shortened(value.name);
  return shortened(typeof value === "string" ? value : (JSON.stringify(value) ?? "not given"));
}

/** A file's texts may be of any length. */
function shortened(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

function isFacts(value: Plain | undefined): value is Facts {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

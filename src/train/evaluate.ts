/** Evaluation: a model's loss and hits on a data set, counted on the engine. */
import { checkOptions, checkWhole, type OptionKinds } from "../checks.ts";
import { checkData } from "../data/dataset.ts";
import { asLoss, crossEntropy, type Loss, type LossFunction } from "../nn/losses.ts";
import { matmul } from "../nn/ops/matmul.ts";
import { argmax } from "../nn/ops/reduce.ts";
import { greater, oneHot, sub } from "../nn/ops/scalar.ts";
import { reshape, transpose } from "../nn/ops/view.ts";
import type { StepOutputs } from "../nn/step.ts";
import type { Tensor } from "../nn/tensor.ts";
import { elementCount } from "../program.ts";
import type { Outputs } from "../runtime/engine.ts";
import { checkMetrics, checkTrainer } from "./arguments.ts";
import type { CompiledStep } from "./compiledStep.ts";
import { compileSteps, openData } from "./open.ts";
import { BATCH_START, type BatchSource, type Data } from "./source.ts";
import type { Trainer } from "./trainer.ts";

/** What a metric sees of a batch while a step is traced. */
export interface MetricBatch {
  /** The model's outputs, [size, …]. */
  readonly outputs: Tensor;
  /** [size] class indices where the data set has classes, else [size, …] numbers. */
  readonly targets: Tensor;
  /** How many classes the data set has; undefined where its targets are no class indices. */
  readonly classes: number | undefined;
  /** Samples in this batch. */
  readonly size: number;
  readonly dataset: Data;
}

/** Sums over all batches, by the names that `trace` gave them; elements in row-major order. */
export type MetricSums = Readonly<Record<string, Float64Array>>;

/**
 * Something that an evaluation counts on the engine. `wgrad/metrics` has the usual ones; one of your own is an object
 * like theirs.
 */
export interface Metric<Name extends string = string, Value = unknown> {
  /** The key of its value in `Evaluation.metrics`. */
  readonly name: Name;
  /** Tensors whose elements are to be added up over all batches; called once for each size of batch. */
  trace(batch: MetricBatch): StepOutputs;
  /** The value, from those sums over `count` samples; `evaluation` is what is always counted. */
  finish(sums: MetricSums, count: number, evaluation: Evaluation): Value;
}

/** What metrics give, by their names. */
export type MetricValues<M extends readonly Metric[]> = {
  readonly [K in M[number] as K["name"]]: ReturnType<K["finish"]>;
};

export interface Evaluation {
  /** Mean over all samples. */
  readonly loss: number;
  /** The part of samples whose largest output is at the label; present when the targets are classes. */
  readonly accuracy?: number;
  /** Rows are true classes, columns predicted ones, all outputs of the model; present when the targets are classes. */
  readonly confusion?: readonly (readonly number[])[];
  /** The values of `metrics`, by name; present when some were asked for. */
  readonly metrics?: Readonly<Record<string, unknown>>;
}

/** An evaluation with the metrics that were asked for, each as its own type. */
export type Measured<M extends readonly Metric[]> = Omit<Evaluation, "metrics"> & {
  readonly metrics: MetricValues<M>;
};

export interface EvaluateOptions {
  /** Default: softmax cross-entropy. A function of outputs and targets is a loss of your own. */
  readonly loss?: Loss | LossFunction;
  /** Samples a step (default 1000); all are counted, whatever the size. */
  readonly batchSize?: number;
  /** Bytes of the engine's memory that the data set may take; a larger one is streamed (default: as much as fits). */
  readonly dataMemory?: number;
  /** What else to count; each has a name of its own. */
  readonly metrics?: readonly Metric[];
}

const EVALUATE_OPTIONS: OptionKinds<EvaluateOptions> = {
  loss: "any",
  batchSize: "number",
  dataMemory: "number",
  metrics: "array",
};

/** The model's loss, accuracy and confusion matrix on all samples of a data set, and what `metrics` count. */
export async function evaluate<const M extends readonly Metric[]>(
  trainer: Trainer,
  dataset: Data,
  options: EvaluateOptions & { readonly metrics: M },
): Promise<Measured<M>>;
export async function evaluate(
  trainer: Trainer,
  dataset: Data,
  options?: EvaluateOptions,
): Promise<Evaluation>;
export async function evaluate(
  trainer: Trainer,
  dataset: Data,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  checkTrainer("evaluate", trainer);
  trainer.checkAwaited("evaluate");
  checkData("evaluate", "the data", dataset);
  checkOptions("evaluate", options, EVALUATE_OPTIONS);
  const evaluator = await Evaluator.compile(trainer, dataset, options);
  try {
    return await evaluator.run();
  } finally {
    evaluator.release();
  }
}

/** An evaluation, compiled once and run as often as the model changes. */
export class Evaluator {
  private constructor(
    readonly trainer: Trainer,
    readonly dataset: Data,
    readonly source: BatchSource,
    /** By the size of a batch. */
    readonly steps: ReadonlyMap<number, CompiledStep>,
    readonly metrics: readonly Metric[],
  ) {}

  static async compile(trainer: Trainer, dataset: Data, options: EvaluateOptions): Promise<Evaluator> {
    const { batchSize = 1000, dataMemory, metrics = [] } = options;
    checkWhole("evaluate: batchSize", batchSize);
    checkMetrics("evaluate", metrics);
    const loss = options.loss === undefined ? crossEntropy() : asLoss("evaluate", options.loss);
    const source = await openData(trainer.engine, dataset, { batchSize, dataMemory });
    try {
      const steps = await compileSteps(source, dataset.count, batchSize, (size) =>
        trainer.compile((_inputs, model) => measured(source, dataset, model, loss, size, metrics), {
          name: `evaluate ${dataset.name}`,
          training: false,
          data: source.data,
          maxSteps: source.batchesAtOnce,
        }),
      );
      return new Evaluator(trainer, dataset, source, steps, metrics);
    } catch (error) {
      source.release();
      throw error;
    }
  }

  async run(): Promise<Evaluation> {
    const { count } = this.dataset;
    const { outputs: views } = this.#first.program;
    const sums = Object.fromEntries(
      Object.entries(views).map(([name, { shape }]) => [name, new Float64Array(elementCount(shape))]),
    );
    const collect = async (size: number, run: Promise<Outputs>) => {
      for (const [name, values] of Object.entries(await run)) {
        const sum = sums[name];
        const weight = name === "loss" ? size / count : 1;
        values.forEach((value, i) => {
          sum[i % sum.length] += value * weight;
        });
      }
    };
    let last: Promise<unknown> = Promise.resolve();
    for await (const parts of this.source.read({ epoch: 0, seed: this.trainer.seed, shuffle: false })) {
      const runs = parts.map(({ size, starts }) => {
        const step = this.steps.get(size) as CompiledStep;
        return collect(
          size,
          step.runMany(starts.length, (i) => ({ [BATCH_START]: starts[i] })),
        );
      });
      // What is read next may take the place of what the part before read.
      await last;
      last = Promise.all(runs);
      // Its failure is met when its turn comes to be awaited; until then it must not count as unhandled.
      last.catch(() => {});
    }
    await last;
    const { confusion: pairs } = sums;
    let evaluation: Evaluation = { loss: sums.loss[0] };
    if (pairs) {
      const [rows, columns] = views.confusion.shape;
      const confusion = Array.from({ length: rows }, (_, row) => [
        ...pairs.subarray(row * columns, (row + 1) * columns),
      ]);
      const correct = confusion.reduce((sum, row, i) => sum + row[i], 0);
      evaluation = { ...evaluation, accuracy: correct / count, confusion };
    }
    const { metrics } = this;
    if (metrics.length === 0) return evaluation;
    const values = metrics.map((metric, i) => [
      metric.name,
      metric.finish(ownSums(sums, i), count, evaluation),
    ]);
    return { ...evaluation, metrics: Object.fromEntries(values) };
  }

  get #first(): CompiledStep {
    return [...this.steps.values()][0];
  }

  release(): void {
    for (const step of this.steps.values()) step.release();
    this.source.release();
  }
}

function measured(
  source: BatchSource,
  dataset: Data,
  model: (x: Tensor) => Tensor,
  loss: Loss,
  size: number,
  metrics: readonly Metric[],
): StepOutputs {
  const { x, y: targets } = source.batch(size);
  const outputs = model(x);
  const { classes } = dataset;
  const traced: Record<string, Tensor> = { loss: loss.apply(outputs, targets) };
  if (classes) {
    // Counts of (true, predicted) pairs are the product of the two one-hot matrices.
    const count = outputs.shape[outputs.rank - 1];
    // One output decides between two by its sign: as a logit, it says that the second is as likely, or more.
    const best = count > 1 ? argmax(outputs) : reshape(sub(1, greater(0, outputs)), [size]);
    const guesses = oneHot(best, Math.max(classes, count));
    traced.confusion = matmul(transpose(oneHot(targets, classes)), guesses);
  }
  metrics.forEach((metric, i) => {
    const own = metric.trace({ outputs, targets, classes, size, dataset });
    for (const [key, tensor] of Object.entries(own)) traced[`${i} ${key}`] = tensor;
  });
  return traced;
}

/** What a metric traced: its names have its number in front, so that no two metrics meet. */
function ownSums(sums: MetricSums, metric: number): MetricSums {
  const prefix = `${metric} `;
  const own = Object.entries(sums).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, sum]) => [name.slice(prefix.length), sum]));
}

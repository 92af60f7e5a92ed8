/** A compiled evaluation, run as often as the model changes. */
import { atOnce } from "../checks.ts";
import { asLoss, type Loss } from "../nn/training/losses.ts";
import type { ModelCall } from "../nn/training/step.ts";
import { aligned, BATCH_START, elementCount, type Program } from "../program.ts";
import type { Outputs } from "../runtime/engine.ts";
import { MemoryLimitError } from "../runtime/limits.ts";
import type { CompiledStep } from "./compiledStep.ts";
import { defaultLoss } from "./defaults.ts";
import { DivergenceError } from "./divergence.ts";
import type { EvaluateOptions, Evaluation, Metric, MetricSums } from "./evaluate.ts";
import { measured, ownSums } from "./measured.ts";
import { openData } from "./open.ts";
import { compileSteps, mostPerBatch } from "./opened.ts";
import type { BatchSource, Data } from "./source.ts";
import type { Trainer } from "./trainer.ts";

/** Default batch sizes: the first that the device can hold. */
const BATCH_SIZES = [1000, 500, 250, 125, 64, 32, 16, 8, 4, 2, 1];
/** Rows of the step table: the most steps in one submit. */
const MOST_STEPS = 256;
/** Limit of one submit's outputs in bytes; they exist three times, on the device and off it. */
const MOST_RETURNED_BYTES = 16 * 2 ** 20;
/** Number of submits in flight besides the awaited one. */
const RUNS_IN_FLIGHT = 2;

export class Evaluator {
  private constructor(
    readonly trainer: Trainer,
    readonly dataset: Data,
    readonly source: BatchSource,
    /** By batch size. */
    readonly steps: ReadonlyMap<number, CompiledStep>,
    readonly metrics: readonly Metric[],
    readonly signal: AbortSignal | undefined,
  ) {}

  /** @throws as `evaluate` */
  static async compile(
    owner: string,
    trainer: Trainer,
    dataset: Data,
    options: EvaluateOptions,
  ): Promise<Evaluator> {
    const { batchSize, dataMemory } = options;
    const loss = options.loss === undefined ? defaultLoss(owner, dataset) : asLoss(owner, options.loss);
    if (batchSize !== undefined) {
      const option = owner === "evaluate" ? "a batchSize" : "a validationBatchSize";
      return Evaluator.#compileFor(trainer, dataset, loss, batchSize, options, option);
    }
    let most = Math.max(1, mostPerBatch(trainer.engine, dataset, dataMemory));
    for (let before = Number.POSITIVE_INFINITY; ; ) {
      const size = BATCH_SIZES.find((one) => one <= most) ?? 1;
      try {
        return await Evaluator.#compileFor(trainer, dataset, loss, size, options);
      } catch (error) {
        // Memory that did not shrink with the batch will not shrink further.
        if (!(error instanceof MemoryLimitError) || size === 1 || error.bytes >= before) throw error;
        before = error.bytes;
        most = Math.min(size - 1, Math.floor((Math.min(size, dataset.count) * error.limit) / error.bytes));
        most = Math.max(1, most);
      }
    }
  }

  static async #compileFor(
    trainer: Trainer,
    dataset: Data,
    loss: Loss,
    batchSize: number,
    { dataMemory, metrics = [], confusion, signal }: EvaluateOptions,
    /** Name of the option that gave the size, if any. */
    option?: string,
  ): Promise<Evaluator> {
    const source = await openData(trainer.engine, dataset, { batchSize, dataMemory });
    const atOnce = Math.min(MOST_STEPS, source.batchesAtOnce);
    const step = (size: number) => ({
      body: (_inputs: object, model: ModelCall) =>
        measured({ source, dataset, model, loss, size, metrics, confusion }),
      options: {
        name: `evaluate ${dataset.name}`,
        training: false,
        data: source.data,
        signal,
        maxSteps: (program: Program) =>
          Math.max(1, Math.min(atOnce, Math.floor(MOST_RETURNED_BYTES / returnedBytes(program)))),
      },
    });
    try {
      const steps = await compileSteps(source, dataset.count, batchSize, (size) => {
        const { body, options } = step(size);
        return trainer.compile(body, options);
      });
      return new Evaluator(trainer, dataset, source, steps, metrics, signal);
    } catch (error) {
      const sized = { trainer, count: dataset.count, batchSize, step };
      const told = option && (await (await import("./advice.ts")).advised(error, { ...sized, option }));
      source.release();
      throw told ?? error;
    }
  }

  /** @throws DivergenceError where an output of the model is NaN; the signal's reason */
  async run(): Promise<Evaluation> {
    const { count } = this.dataset;
    const sums = await this.#sums();
    const evaluation = this.#counted(sums);
    const { metrics } = this;
    if (metrics.length === 0) return evaluation;
    const values = metrics.map((metric, i) => [
      metric.name,
      atOnce(
        `evaluate: finish of the metric ${metric.name}`,
        metric.finish(ownSums(sums, i), count, evaluation),
      ),
    ]);
    return { ...evaluation, metrics: Object.fromEntries(values) };
  }

  /** Loss, accuracy and confusion matrix. */
  #counted({ loss: [loss], lost: [lost], correct, confusion }: MetricSums): Evaluation {
    const { name, count } = this.dataset;
    if (lost > 0) {
      throw new DivergenceError(
        `evaluate ${name}: the model's outputs for ${lost} of ${count} samples hold NaN; look for NaN in the model's weights, which a lower learning rate may prevent, or in the results of its layers`,
      );
    }
    if (Number.isNaN(loss)) {
      throw new DivergenceError(
        `evaluate ${name}: the loss is NaN, of outputs that are numbers; look for outputs that are infinite, or at the loss`,
      );
    }
    if (!correct) return { loss };
    const accuracy = correct[0] / count;
    if (!confusion) return { loss, accuracy };
    const { shape } = this.#first.program.outputs.confusion;
    const [rows, columns] = shape;
    const matrix = Array.from({ length: rows }, (_, row) =>
      Array.from(confusion.subarray(row * columns, (row + 1) * columns)),
    );
    return { loss, accuracy, confusion: matrix };
  }

  /** Sums of each output over all batches; the loss is averaged. */
  async #sums(): Promise<MetricSums> {
    const { signal } = this;
    const { count } = this.dataset;
    const { outputs } = this.#first.program;
    const sums = Object.fromEntries(
      Object.entries(outputs).map(([name, { shape }]) => [name, new Float64Array(elementCount(shape))]),
    );
    const collect = async (size: number, run: Promise<Outputs>) => {
      for (const [name, values] of Object.entries(await run))
        addRows(sums[name], values, name === "loss" ? size / count : 1);
    };
    const inFlight: Promise<void>[] = [];
    let last: Promise<unknown> = Promise.resolve();
    try {
      const reading = { epoch: 0, seed: this.trainer.seed, shuffle: false, signal };
      for await (const parts of this.source.read(reading)) {
        const runs: Promise<void>[] = [];
        for (const { size, starts } of parts) {
          const step = this.steps.get(size) as CompiledStep;
          const { rows } = step.executable.table;
          for (let first = 0; first < starts.length; first += rows) {
            signal?.throwIfAborted();
            const some = starts.slice(first, first + rows);
            const run = collect(
              size,
              step.runMany(some.length, (i) => ({ [BATCH_START]: some[i] })),
            );
            // A failure is reported when this promise is awaited; until then the rejection must not count as unhandled.
            run.catch(() => {});
            runs.push(run);
            inFlight.push(run);
            while (inFlight.length > RUNS_IN_FLIGHT) await inFlight.shift();
          }
        }
        // The next part may overwrite the memory of the part before the last.
        await last;
        last = Promise.all(runs);
        last.catch(() => {});
      }
      await last;
    } finally {
      // After a failure, too, nothing goes on behind the caller's back.
      await Promise.allSettled(inFlight);
    }
    return sums;
  }

  get #first(): CompiledStep {
    return [...this.steps.values()][0];
  }

  release(): void {
    for (const step of this.steps.values()) step.release();
    this.source.release();
  }
}

/** Adds the rows of `values` to `sum`. */
function addRows(sum: Float64Array, values: ArrayLike<number>, weight: number): void {
  for (let row = 0; row < values.length; row += sum.length) {
    for (let i = 0; i < sum.length; i++) sum[i] += values[row + i] * weight;
  }
}

function returnedBytes({ outputs }: Program): number {
  return Object.values(outputs).reduce((sum, { shape }) => sum + aligned(elementCount(shape)) * 4, 0);
}

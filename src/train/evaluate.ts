/** Evaluation: a model's loss and hits on a data set, counted on the engine. */
import type { Dataset } from "../data/dataset.ts";
import { crossEntropy, type Loss } from "../nn/losses.ts";
import { matmul } from "../nn/ops/matmul.ts";
import { argmax } from "../nn/ops/reduce.ts";
import { oneHot } from "../nn/ops/scalar.ts";
import { transpose } from "../nn/ops/view.ts";
import type { StepOutputs } from "../nn/step.ts";
import { BATCH_START, ResidentDataset } from "./resident.ts";
import type { CompiledStep, Trainer } from "./trainer.ts";

export interface Evaluation {
  /** Mean over all samples. */
  readonly loss: number;
  /** The part of samples whose largest output is at the label; present when the targets are classes. */
  readonly accuracy?: number;
  /** Rows are true classes, columns predicted ones, all outputs of the model; present when the targets are classes. */
  readonly confusion?: readonly (readonly number[])[];
}

export interface EvaluateOptions {
  /** Default: softmax cross-entropy. */
  readonly loss?: Loss;
  /** Samples a step (default 1000); all are counted, whatever the size. */
  readonly batchSize?: number;
}

/** The model's loss, accuracy and confusion matrix on all samples of a data set. */
export async function evaluate(
  trainer: Trainer,
  dataset: Dataset,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
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
    readonly resident: ResidentDataset,
    readonly parts: readonly {
      readonly step: CompiledStep;
      readonly starts: readonly number[];
      readonly size: number;
    }[],
  ) {}

  static async compile(trainer: Trainer, dataset: Dataset, options: EvaluateOptions): Promise<Evaluator> {
    const { loss = crossEntropy(), batchSize = 1000 } = options;
    checkBatchSize("evaluate", batchSize);
    const resident = new ResidentDataset(trainer.engine, dataset);
    try {
      const parts = await Promise.all(
        batches(dataset.count, batchSize).map(async ({ size, starts }) => {
          const step = await trainer.compile((_inputs, model) => measured(resident, model, loss, size), {
            name: `evaluate ${dataset.name}`,
            training: false,
            data: resident.data,
            maxSteps: starts.length,
          });
          resident.check(step.program);
          return { step, starts, size };
        }),
      );
      return new Evaluator(resident, parts);
    } catch (error) {
      resident.release();
      throw error;
    }
  }

  async run(): Promise<Evaluation> {
    const { count, classes } = this.resident.dataset;
    let loss = 0;
    const [rows, columns] = this.parts[0].step.program.outputs.confusion?.shape ?? [0, 0];
    const counts = new Float64Array(rows * columns);
    const runs = this.parts.map(({ step, starts }) =>
      step.runMany(starts.length, (i) => ({ [BATCH_START]: starts[i] })),
    );
    (await Promise.all(runs)).forEach((outputs, part) => {
      for (const value of outputs.loss) loss += (value * this.parts[part].size) / count;
      outputs.confusion?.forEach((value, i) => {
        counts[i % counts.length] += value;
      });
    });
    if (!classes) return { loss };
    const confusion = Array.from({ length: rows }, (_, row) => [
      ...counts.subarray(row * columns, (row + 1) * columns),
    ]);
    const correct = confusion.reduce((sum, row, i) => sum + row[i], 0);
    return { loss, accuracy: correct / count, confusion };
  }

  release(): void {
    for (const { step } of this.parts) step.release();
    this.resident.release();
  }
}

function measured(
  resident: ResidentDataset,
  model: (x: StepOutputs[string]) => StepOutputs[string],
  loss: Loss,
  size: number,
): StepOutputs {
  const { x, y } = resident.batch(size);
  const outputs = model(x);
  const { classes } = resident.dataset;
  const mean = loss.apply(outputs, y);
  if (!classes) return { loss: mean };
  // Counts of (true, predicted) pairs are the product of the two one-hot matrices.
  const guesses = oneHot(argmax(outputs), Math.max(classes, outputs.shape[outputs.rank - 1]));
  return { loss: mean, confusion: matmul(transpose(oneHot(y, classes)), guesses) };
}

/** The full batches of `count` samples, and what is left over, each with where its batches begin. */
export function batches(count: number, size: number): { size: number; starts: number[] }[] {
  const full = Math.floor(count / size);
  const rest = count % size;
  return [
    ...(full > 0 ? [{ size, starts: Array.from({ length: full }, (_, i) => i * size) }] : []),
    ...(rest > 0 ? [{ size: rest, starts: [full * size] }] : []),
  ];
}

export function checkBatchSize(what: string, batchSize: number): void {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`${what}: batchSize is ${batchSize}; give a whole number from 1`);
  }
}

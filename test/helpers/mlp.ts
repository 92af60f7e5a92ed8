/** The network that most tests train, 784-256-128-10 by Adam, on a data set that stays on the engine. */

import type { Dataset } from "../../src/data/dataset.ts";
import { relu } from "../../src/nn/model/layers/activations.ts";
import { dense } from "../../src/nn/model/layers/dense.ts";
import { sequential } from "../../src/nn/model/model.ts";
import { adam } from "../../src/nn/training/optimizers.ts";
import * as ops from "../../src/ops.ts";
import { BATCH_START } from "../../src/program.ts";
import type { Engine } from "../../src/runtime/engine.ts";
import type { CompiledStep } from "../../src/train/compiledStep.ts";
import { ResidentDataset } from "../../src/train/resident.ts";
import { createTrainer, type Trainer } from "../../src/train/trainer.ts";

interface MlpOptions {
  readonly batchSize: number;
  /** Of the weights and the order of samples. */
  readonly seed?: number;
  /** Units of the hidden layers; 256 and 128 unless given. */
  readonly hidden?: readonly number[];
  /** The most steps of one submit. */
  readonly maxSteps?: number;
}

export interface MlpTraining {
  readonly trainer: Trainer;
  readonly step: CompiledStep;
  /** Enqueues the next `count` steps as one submit; resolves with their losses. */
  run(count: number): Promise<Float32Array>;
  release(): void;
}

export function mlp(hidden: readonly number[] = [256, 128]) {
  return sequential(...hidden.flatMap((units) => [dense(units), relu()]), dense(10));
}

/** Ready for its first step. Batches go through `data` in the order of one epoch, again and again. */
export async function openMlp(engine: Engine, data: Dataset, options: MlpOptions): Promise<MlpTraining> {
  const { batchSize, seed = 1, hidden, maxSteps = 10 } = options;
  const optimizer = adam({ learningRate: 1e-3 });
  const trainer = createTrainer(engine, mlp(hidden), { inputShape: data.inputs.shape, optimizer, seed });
  const resident = new ResidentDataset(engine, data, batchSize);
  await resident.read({ epoch: 1, seed, shuffle: true }).next();
  const body = (_inputs: object, model: Parameters<Parameters<Trainer["compile"]>[0]>[1]) => {
    const { x, y } = resident.batch(batchSize);
    return { minimize: ops.crossEntropy(model(x), y) };
  };
  const step = await trainer.compile(body, { name: "train", data: resident.data, maxSteps });
  const batches = Math.floor(data.count / batchSize);
  let next = 0;
  return {
    trainer,
    step,
    async run(count) {
      const first = next;
      next += count;
      const scalarsAt = (i: number) => ({ [BATCH_START]: ((first + i) % batches) * batchSize });
      const { loss } = await step.runMany(count, scalarsAt);
      return loss as Float32Array;
    },
    release() {
      step.release();
      resident.release();
      trainer.release();
    },
  };
}

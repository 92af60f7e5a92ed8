/** Steps to look into. */

import { correctCount } from "../../src/nn/graph/ops/crossEntropy.ts";
import { relu } from "../../src/nn/model/layers/activations.ts";
import { multiHeadAttention } from "../../src/nn/model/layers/attention.ts";
import { conv2d } from "../../src/nn/model/layers/conv2d.ts";
import { dense } from "../../src/nn/model/layers/dense.ts";
import { batchNorm, layerNorm } from "../../src/nn/model/layers/norms.ts";
import { maxPool2d } from "../../src/nn/model/layers/pool2d.ts";
import { flatten, reshape } from "../../src/nn/model/layers/reshape.ts";
import { residual } from "../../src/nn/model/layers/residual.ts";
import { type Sequential, sequential } from "../../src/nn/model/model.ts";
import { crossEntropy } from "../../src/nn/training/losses.ts";
import { adam } from "../../src/nn/training/optimizers.ts";
import type { Engine } from "../../src/runtime/engine.ts";
import type { CompiledStep } from "../../src/train/compiledStep.ts";
import { createTrainer } from "../../src/train/trainer.ts";

const BATCH = 16;
const SIDE = 12;

export const convNet = () =>
  sequential(conv2d(4, 3), maxPool2d(2), relu(), flatten(), dense(24), relu(), dense(10));
/** Its hidden layers are all alike. */
export const stack = () =>
  sequential(flatten(), ...[1, 2, 3, 4].flatMap(() => [dense(144), relu()]), dense(10));

/** Of a transformer, over the rows of an image. */
export const block = () =>
  sequential(
    reshape(SIDE, SIDE),
    residual(layerNorm(), multiHeadAttention(2)),
    residual(layerNorm(), dense(24), relu(), dense(SIDE)),
    flatten(),
    dense(10),
  );

/** With batch and layer normalisation. */
export const normalised = () =>
  sequential(conv2d(4, 3), batchNorm(), maxPool2d(2), relu(), flatten(), layerNorm(), dense(10));

interface Opened {
  readonly step: CompiledStep;
  release(): void;
}

/** A training step for images of 12 × 12. */
export async function openStep(engine: Engine, model: Sequential, batch = BATCH): Promise<Opened> {
  const trainer = createTrainer(engine, model, { inputShape: [1, SIDE, SIDE], optimizer: adam(), seed: 1 });
  const loss = crossEntropy();
  const step = await trainer.compile(
    ({ x, y }, call) => {
      const logits = call(x);
      return { minimize: loss.apply(logits, y), correct: correctCount(logits, y) };
    },
    { name: "train", inputs: { x: [batch, 1, SIDE, SIDE], y: { shape: [batch], dtype: "i32" } } },
  );
  return {
    step,
    release() {
      step.release();
      trainer.release();
    },
  };
}

/** The training step of a person's choices: what Train runs, and Look inside takes apart. */
import { type BatchSource, type CompiledStep, correctCount, ops, type Trainer } from "wgrad";
import { buildAugment } from "./build.ts";
import type { Settings } from "./settings.ts";

/** Gives the loss and how many images were read right. `maxSteps`: of one submit. */
export function compileTrainingStep(
  trainer: Trainer,
  source: BatchSource,
  settings: Settings,
  maxSteps: number,
): Promise<CompiledStep> {
  const { batchSize, l2 } = settings;
  const augment = buildAugment(settings);
  return trainer.compile(
    (_inputs, model) => {
      const batch = source.batch(batchSize);
      const { x, y } = augment ? augment.apply(batch) : batch;
      const logits = model(x);
      return { minimize: ops.crossEntropy(logits, y), correct: correctCount(logits, batch.y) };
    },
    { name: "train", data: source.data, maxSteps, penalty: l2 > 0 ? { l2 } : undefined },
  );
}

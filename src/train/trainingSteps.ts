/** The steps that train, over the batches of an epoch. */
import { correctCount } from "../nn/graph/ops/crossEntropy.ts";
import type { ModelCall, StepOutputs } from "../nn/training/step.ts";
import type { CompiledStep } from "./compiledStep.ts";
import { checkOutputs } from "./defaults.ts";
import { compileSteps } from "./opened.ts";
import type { TrainingParts } from "./settings.ts";
import type { BatchSource } from "./source.ts";

/** Number of samples in an epoch. */
export function samplesPerEpoch({ dataset: { count }, options, batchSize }: TrainingParts): number {
  return options.dropLast ? count - (count % batchSize) : count;
}

export function stepsPerEpoch(parts: TrainingParts): number {
  return Math.ceil(samplesPerEpoch(parts) / parts.batchSize);
}

/** The steps, by batch size. */
export function compileTraining(
  parts: TrainingParts,
  source: BatchSource,
  mostPerRun: number,
): Promise<Map<number, CompiledStep>> {
  const { owner, trainer, dataset, batchSize } = parts;
  const { loss, clip, penalty, accumulate: partsPerBatch = 1, augment } = parts.options;
  return compileSteps(source, samplesPerEpoch(parts), batchSize, (size) => {
    // A last batch without equal parts is taken whole.
    const accumulate = size % partsPerBatch === 0 ? partsPerBatch : 1;
    const body = (_inputs: object, model: ModelCall, part: number): StepOutputs => {
      const batch = source.batch(size / accumulate, (part * size) / accumulate);
      const { x, y } = augment ? augment.apply(batch) : batch;
      const outputs = model(x);
      checkOutputs(owner, dataset, outputs);
      const minimize = loss.apply(outputs, y);
      if (!dataset.classes) return { minimize };
      return { minimize, correct: correctCount(outputs, batch.y, 0, loss.ignoreIndex) };
    };
    return trainer.compile(body, {
      name: "train",
      data: source.data,
      maxSteps: Math.min(mostPerRun, source.batchesAtOnce),
      clip,
      penalty,
      accumulate,
      guard: "notice",
    });
  });
}

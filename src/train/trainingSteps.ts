/** The steps that train, over the batches of an epoch. */
import { atOnce } from "../checks.ts";
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

/** Names a part of the step, for people. */
type Name = <T>(name: string, trace: () => T) => T;

/**
 * The step of batches of `size` samples, as a function for `trainer.compile`, and its options.
 * @param name names the parts outside of the model (default: they are parts of the step)
 */
export function trainingStep(
  { owner, dataset, options }: TrainingParts,
  source: BatchSource,
  size: number,
  name: Name = (_name, trace) => trace(),
) {
  const { loss, clip, penalty, accumulate: partsPerBatch = 1, augment } = options;
  // A last batch without equal parts is taken whole.
  const accumulate = size % partsPerBatch === 0 ? partsPerBatch : 1;
  const body = (_inputs: object, model: ModelCall, part: number): StepOutputs => {
    const batch = name("batch", () => source.batch(size / accumulate, (part * size) / accumulate));
    const { x, y } = augment
      ? name("augmentation", () => atOnce(`${owner}: augment`, augment.apply(batch)))
      : batch;
    const outputs = model(x);
    checkOutputs(owner, dataset, outputs);
    return name("loss", (): StepOutputs => {
      const minimize = loss.apply(outputs, y);
      if (!dataset.classes) return { minimize };
      return { minimize, correct: correctCount(outputs, batch.y, 0, loss.ignoreIndex) };
    });
  };
  return { body, options: { name: "train", clip, penalty, accumulate } };
}

/** The steps, by batch size. */
export function compileTraining(
  parts: TrainingParts,
  source: BatchSource,
  mostPerRun: number,
): Promise<Map<number, CompiledStep>> {
  return compileSteps(source, samplesPerEpoch(parts), parts.batchSize, (size) => {
    const { body, options } = trainingStep(parts, source, size);
    const { onNonFinite, signal } = parts.options;
    const maxSteps = Math.min(mostPerRun, source.batchesAtOnce);
    return parts.trainer.compile(body, {
      ...options,
      data: source.data,
      maxSteps,
      guard: onNonFinite === "skip" ? "skip" : "notice",
      signal,
    });
  });
}

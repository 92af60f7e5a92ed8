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
  partsPerBatch = options.accumulate ?? 1,
) {
  const { loss, clip, penalty, augment } = options;
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
export async function compileTraining(
  parts: TrainingParts,
  source: BatchSource,
  mostPerRun: number,
): Promise<Map<number, CompiledStep>> {
  const { trainer, batchSize } = parts;
  const { onNonFinite, signal, accumulate = 1 } = parts.options;
  const count = samplesPerEpoch(parts);
  const step = (size: number, accumulate?: number) => {
    const { body, options } = trainingStep(parts, source, size, undefined, accumulate);
    const maxSteps = Math.min(mostPerRun, source.batchesAtOnce);
    const guard = onNonFinite === "skip" ? ("skip" as const) : ("notice" as const);
    return { body, options: { ...options, data: source.data, maxSteps, guard, signal } };
  };
  try {
    return await compileSteps(source, count, batchSize, (size) => {
      const { body, options } = step(size);
      return trainer.compile(body, options);
    });
  } catch (error) {
    const { advised } = await import("./advice.ts");
    throw await advised(error, { trainer, count, batchSize, option: "a batchSize", accumulate, step });
  }
}

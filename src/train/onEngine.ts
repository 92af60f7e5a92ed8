/** What training has open on one engine: the data, the compiled steps, and evaluators. Another engine gets its own. */
import type { CompiledStep } from "./compiledStep.ts";
import { compileEvaluator, type EvaluateOptions } from "./evaluate.ts";
import type { Evaluator } from "./evaluator.ts";
import { openData } from "./open.ts";
import type { TrainingParts } from "./settings.ts";
import type { BatchSource, Data } from "./source.ts";
import { compileTraining } from "./trainingSteps.ts";

/** Rows of the step table: the most steps in one submit. */
export const MAX_STEPS_PER_RUN = 256;

export class OnEngine {
  /** Evaluators by data; the first use compiles one. */
  readonly #evaluators = new Map<Data, Evaluator>();
  #released = false;

  private constructor(
    readonly parts: TrainingParts,
    readonly source: BatchSource,
    /** By batch size. */
    readonly steps: ReadonlyMap<number, CompiledStep>,
  ) {}

  /** Opens the data on the trainer's engine and compiles the steps; a failure leaves no memory there. */
  static async open(parts: TrainingParts): Promise<OnEngine> {
    const { trainer, dataset, options, batchSize } = parts;
    const { dataMemory, validation } = options;
    const held: { release(): void }[] = [];
    const isNew = trainer.pending.length > 0;
    try {
      const source = await openData(trainer.engine, dataset, { batchSize, dataMemory });
      held.push(source);
      const steps = await compileTraining(parts, source, MAX_STEPS_PER_RUN);
      held.push(...steps.values());
      const on = new OnEngine(parts, source, steps);
      if (validation) await on.evaluator(validation);
      return on;
    } catch (error) {
      for (const one of held) one.release();
      // The model's memory was taken for these steps alone.
      if (isNew && trainer.steps === 0 && trainer.changes === 0) trainer.move(trainer.engine);
      throw error;
    }
  }

  /** The step of a full batch. */
  get step(): CompiledStep {
    return this.steps.get(this.parts.batchSize) as CompiledStep;
  }

  /** @throws as `evaluate` */
  async evaluator(data: Data): Promise<Evaluator> {
    const { owner, trainer, options } = this.parts;
    let evaluator = this.#evaluators.get(data);
    if (!evaluator) {
      evaluator = await compileEvaluator(owner, trainer, data, evaluating(options));
      // Released during compilation: no other code frees it.
      if (this.#released) evaluator.release();
      this.#evaluators.set(data, evaluator);
    }
    return evaluator;
  }

  release(): void {
    this.#released = true;
    for (const one of [this.source, ...this.steps.values(), ...this.#evaluators.values()]) one.release();
  }
}

/** Options of the evaluation during training. */
export function evaluating(options: TrainingParts["options"]): EvaluateOptions {
  const { loss, validationBatchSize: batchSize, metrics, confusion, dataMemory, signal } = options;
  return { loss, batchSize, metrics, confusion, dataMemory, signal };
}

/** The whole history of a run, as a table to take along. */
import type { Point, TrainingPoint } from "./messages.ts";

const HEADER = "step,loss,accuracy,learning_rate,seconds,validation_loss,validation_accuracy";

export class History {
  #training: TrainingPoint[] = [];
  #validation: Point[] = [];

  add(training: readonly TrainingPoint[], validation: readonly Point[]): void {
    this.#training.push(...training);
    this.#validation.push(...validation);
  }

  /** Drops all points after a step. */
  backTo(step: number): void {
    this.#training = this.#training.filter((point) => point.step <= step);
    this.#validation = this.#validation.filter((point) => point.step <= step);
  }

  clear(): void {
    this.backTo(-1);
  }

  /** A line for each step with a value; cells without a value are empty. */
  csv(): string {
    const rows = new Map<number, { training?: TrainingPoint; validation?: Point }>();
    const row = (step: number) => {
      const found = rows.get(step) ?? {};
      rows.set(step, found);
      return found;
    };
    for (const training of this.#training) row(training.step).training = training;
    for (const validation of this.#validation) row(validation.step).validation = validation;
    const lines = [...rows]
      .sort(([a], [b]) => a - b)
      .map(([step, { training, validation }]) =>
        [
          step,
          training?.loss,
          training?.accuracy,
          training?.learningRate,
          training?.seconds,
          validation?.loss,
          validation?.accuracy,
        ].join(","),
      );
    return `${[HEADER, ...lines].join("\n")}\n`;
  }
}

/** Watches for steps that were skipped, where `onNonFinite` is "skip": too many of them end the training. */
import { NonFiniteCode } from "../nn/training/guard.ts";
import type { Bunch } from "./bunch.ts";
import { DivergenceError } from "./divergence.ts";
import type { TrainingEvent } from "./events.ts";
import type { TrainingParts } from "./settings.ts";
import { stepsPerEpoch } from "./trainingSteps.ts";

export class Skipped {
  #inARow = 0;

  constructor(readonly parts: TrainingParts) {}

  /**
   * @param call becomes failed where the training ends
   * @returns what `onEvent` returned
   * @throws DivergenceError where all steps of an epoch were skipped in a row
   */
  watch(
    { first, epoch }: Bunch,
    signs: readonly number[],
    call: { failed?: boolean | undefined },
  ): Promise<void>[] {
    const { owner, options } = this.parts;
    const told: Promise<void>[] = [];
    const tell = async (event: TrainingEvent) => options.onEvent?.(event);
    for (const [i, sign] of signs.entries()) {
      this.#inARow = sign & NonFiniteCode.skipped ? this.#inARow + 1 : 0;
      if (this.#inARow === 0) continue;
      const at = { step: first + i + 1, epoch };
      told.push(tell({ kind: "skipped", ...at, inARow: this.#inARow }));
      if (this.#inARow < stepsPerEpoch(this.parts)) continue;
      // Nothing is told of steps that were under way behind it.
      call.failed = true;
      told.push(tell({ kind: "stopped", ...at }));
      // Their failures hide no divergence.
      for (const one of told) one.catch(() => {});
      const steps = this.#inARow === 1 ? "1 step was" : `${this.#inARow} steps in a row were`;
      throw new DivergenceError(
        `${owner}: ${steps} skipped, as many as an epoch has: losses or gradients are not finite; look for NaN in the data, or use a lower learning rate`,
      );
    }
    return told;
  }
}

/**
 * Optimizers on one surface: each has a model whose two parameters are its place, and minimises the loss there. On the
 * CPU engine: two numbers to learn give a GPU nothing to do, and its round trip takes longer than the step.
 */
import {
  type CompiledStep,
  concat,
  constant,
  cpu,
  createTrainer,
  init,
  type LayerFunction,
  type Optimizer,
  slice,
  sum,
} from "wgrad";
import { optimizerOf } from "../../../../presets/build.ts";
import { FORMULAS, type Formula } from "./formulas.ts";
import { type Ground, type GroundOptions, paintGround } from "./ground.ts";
import { LONGEST_LEAP, type Point, RACER_NAMES, type RaceSettings, type Trail } from "./surfaces.ts";

interface Racer {
  readonly step: CompiledStep;
  diverged: boolean;
}

export class Racers {
  readonly #engine = cpu();
  #racers: readonly Racer[] = [];

  /** Begins anew. @returns each racer at the start, in the order of {@link RACER_NAMES} */
  async open({ surface, start, rates }: RaceSettings): Promise<Trail[]> {
    for (const { step } of this.#racers) step.release();
    this.#racers = await Promise.all(
      RACER_NAMES.map(async (name) => {
        const optimizer = optimizerOf(name, { learningRate: rates[name] });
        return { step: await this.#compile(name, FORMULAS[surface], start, optimizer), diverged: false };
      }),
    );
    return this.advance(1);
  }

  /** @returns the next `count` steps of each racer, as far as the racer has not diverged */
  advance(count: number): Promise<Trail[]> {
    return Promise.all(
      this.#racers.map(async (racer) => {
        if (racer.diverged) return { x: [], y: [], loss: [], diverged: true };
        const trail = await walk(racer.step, count);
        racer.diverged = trail.diverged;
        return trail;
      }),
    );
  }

  /** The map of a surface. */
  ground(options: GroundOptions): Promise<Ground> {
    return paintGround(this.#engine, options);
  }

  async #compile(name: string, formula: Formula, start: Point, optimizer: Optimizer): Promise<CompiledStep> {
    const place: LayerFunction = (_input, scope) =>
      concat([
        scope.parameter("w1", [1], { init: init.constantValue(start.x) }),
        scope.parameter("w2", [1], { init: init.constantValue(start.y) }),
      ]);
    const trainer = createTrainer(this.#engine, place, { inputShape: [1], optimizer });
    return trainer.compile(
      (_inputs, model) => {
        // The model is a place, whatever its input.
        const at = model(constant(0, [1, 1]));
        return { minimize: sum(formula(slice(at, 0, 1), slice(at, 1, 2))), at };
      },
      { name, maxSteps: LONGEST_LEAP },
    );
  }
}

/** A step tells where it is, then goes on: its numbers are those after the steps before. */
async function walk(step: CompiledStep, count: number): Promise<Trail> {
  const { at, loss } = await step.runMany(count, () => ({}));
  const lost = Array.from(loss).findIndex(
    (one, i) => !Number.isFinite(one) || !Number.isFinite(at[2 * i]) || !Number.isFinite(at[2 * i + 1]),
  );
  const end = lost < 0 ? count : lost;
  return {
    x: Array.from({ length: end }, (_, i) => at[2 * i]),
    y: Array.from({ length: end }, (_, i) => at[2 * i + 1]),
    loss: Array.from(loss.subarray(0, end)),
    diverged: lost >= 0,
  };
}

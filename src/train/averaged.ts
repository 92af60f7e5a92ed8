/** The model with the weights that an optimizer has averaged. */
import { AVERAGE } from "../nn/training/wrappers.ts";
import { elementCount } from "../program.ts";
import { checkTrainer } from "./arguments.ts";
import { createTrainer, type Trainer } from "./trainer.ts";

/**
 * The model of a trainer whose optimizer is `averaged(…)`, with the average of its weights so far: a trainer of its own, to be
 * evaluated, to predict, to take the weights of. It has the same running statistics, and no optimizer; release it when it is done
 * with.
 * @throws TypeError for what is no trainer; Error for one without an average; RangeError where the average is not finite
 */
export async function averagedModel(trainer: Trainer): Promise<Trainer> {
  checkTrainer("averagedModel", trainer);
  const { engine, model, layout, optimizer, seed, schema } = trainer;
  if (!optimizer?.slots.includes(AVERAGE)) {
    throw new Error(
      `averagedModel: ${optimizer?.name ?? "a trainer without an optimizer"} keeps no average; train with averaged(adam())`,
    );
  }
  if (trainer.steps === 0)
    throw new Error("averagedModel: there is no average before the first step; train first");
  // Asked for at once, so that no step comes between them.
  const [weights, average] = await Promise.all([trainer.weights(), trainer.memory[AVERAGE].read()]);
  for (const { name, shape } of layout.specs) {
    const offset = layout.offset(name);
    weights[name] = { shape, data: Float32Array.from(average.slice(offset, offset + elementCount(shape))) };
  }
  const { inputShape } = trainer.options;
  const copy = createTrainer(engine, model, { inputShape, seed, ...(schema ? { schema } : {}) });
  try {
    await copy.load(weights);
    return copy;
  } catch (error) {
    copy.release();
    throw error;
  }
}

/**
 * The same sigmoid neuron twice, input 1 and target 0: one learns by the quadratic cost, one by cross-entropy. On the CPU
 * engine: two numbers to learn give a GPU nothing to do, and its round trip takes longer than the step.
 */
import {
  type CompiledStep,
  cpu,
  createTrainer,
  dense,
  init,
  ops,
  quadratic,
  sequential,
  sgd,
  sigmoidCrossEntropy,
} from "wgrad";
import { COSTS, type Learning, LONGEST_LEAP, type NeuronSettings } from "./settings.ts";

export class Neurons {
  readonly #engine = cpu();
  #steps: readonly CompiledStep[] = [];

  /** Begins anew. @returns each neuron before its first epoch, in the order of {@link COSTS} */
  async open(settings: NeuronSettings): Promise<Learning[]> {
    for (const step of this.#steps) step.release();
    this.#steps = await Promise.all(COSTS.map((cost) => this.#compile(cost, settings)));
    return this.advance(1);
  }

  /** @returns the next `count` epochs of each neuron */
  advance(count: number): Promise<Learning[]> {
    return Promise.all(
      this.#steps.map(async (step) => {
        // A step measures, then learns: its numbers are those of the neuron after the steps before.
        const { output, loss } = await step.runMany(count, () => ({}));
        return { outputs: Array.from(output), costs: Array.from(loss) };
      }),
    );
  }

  async #compile(cost: (typeof COSTS)[number], settings: NeuronSettings): Promise<CompiledStep> {
    const { weight, bias, learningRate } = settings;
    const neuron = dense(1, { init: init.constantValue(weight), biasInit: init.constantValue(bias) });
    const trainer = createTrainer(this.#engine, sequential(neuron), {
      inputShape: [1],
      optimizer: sgd({ learningRate }),
    });
    const step = await trainer.compile(
      ({ x, y }, model) => {
        const weighted = model(x);
        const output = ops.sigmoid(weighted);
        // Cross-entropy brings a sigmoid of its own.
        const loss =
          cost === "quadratic" ? quadratic().apply(output, y) : sigmoidCrossEntropy().apply(weighted, y);
        return { minimize: loss, output };
      },
      { name: cost, inputs: { x: [1, 1], y: [1, 1] }, maxSteps: LONGEST_LEAP },
    );
    step.write({ x: Float32Array.of(1), y: Float32Array.of(0) });
    return step;
  }
}

/** The learning slowdown, held against the neuron's formulas written out by hand in 64 bits. */
import { expect, it } from "vitest";
import { Neurons } from "../../demo/page/experiments/slowdown/neurons.ts";
import {
  epochsToLearn,
  type Learning,
  LONGEST_LEAP,
  NEURON,
  type NeuronSettings,
} from "../../demo/page/experiments/slowdown/settings.ts";
import { verdict } from "../../demo/page/experiments/slowdown/verdict.ts";
import { difference } from "../helpers/compare.ts";

async function learn(settings: NeuronSettings, epochs: number): Promise<Learning[]> {
  const neurons = new Neurons();
  let learning = await neurons.open(settings);
  for (let done = 0; done < epochs; done += LONGEST_LEAP) {
    const next = await neurons.advance(Math.min(LONGEST_LEAP, epochs - done));
    learning = learning.map(({ outputs, costs }, i) => ({
      outputs: [...outputs, ...next[i].outputs],
      costs: [...costs, ...next[i].costs],
    }));
  }
  return learning;
}

/** With input 1 and target 0, weight and bias have the same gradient. */
function byHand(
  { weight, bias, learningRate }: NeuronSettings,
  quadratic: boolean,
  epochs: number,
): Learning {
  const [outputs, costs]: [number[], number[]] = [[], []];
  for (let epoch = 0; epoch <= epochs; epoch++) {
    const output = 1 / (1 + Math.exp(-weight - bias));
    outputs.push(output);
    costs.push(quadratic ? output ** 2 / 2 : -Math.log(1 - output));
    const gradient = quadratic ? output * output * (1 - output) : output;
    weight -= learningRate * gradient;
    bias -= learningRate * gradient;
  }
  return { outputs, costs };
}

it.each([NEURON, { weight: 0.6, bias: 0.9, learningRate: 0.15 }, { weight: -3, bias: 5, learningRate: 2 }])(
  "both neurons learn as their formulas say: %o",
  async (settings) => {
    const learned = await learn(settings, 300);
    const tolerance = { rtol: 1e-3, atol: 1e-5 };
    const wrong = learned.flatMap((neuron, i) => {
      const want = byHand(settings, i === 0, 300);
      return [
        difference(`output ${i}`, neuron.outputs, want.outputs, tolerance),
        difference(`cost ${i}`, neuron.costs, want.costs, tolerance),
      ];
    });
    expect(wrong.filter(Boolean)).toEqual([]);
  },
);

it("whoever is badly wrong learns slowly by the quadratic cost, and at once by cross-entropy", async () => {
  const [quadratic, crossEntropy] = (await learn(NEURON, 400)).map(epochsToLearn);
  expect(crossEntropy).toBeGreaterThan(0);
  expect(quadratic).toBeGreaterThan(2 * (crossEntropy as number));
});

it("the verdict tells the epochs that were measured", async () => {
  const learned = await learn(NEURON, 400);
  const [quadratic, crossEntropy] = learned.map(epochsToLearn);
  expect(verdict(learned, true)).toContain(
    `learning took ${quadratic} epochs with the quadratic cost and ${crossEntropy} with cross-entropy`,
  );
  const slow = await learn({ ...NEURON, learningRate: 0.02 }, 300);
  expect(verdict(slow, true)).toContain("with the quadratic cost not even after 300");
  expect(verdict(await learn({ weight: 0, bias: -3, learningRate: 1 }, 100), true)).toContain(
    "almost nothing to learn",
  );
});

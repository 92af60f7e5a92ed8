/** Second order on a logistic regression: Newton-CG and L-BFGS against gradient descent at its best rate. */
import { expect, it } from "vitest";
import { add, cpu, createTrainer, dense, mul, ops, square, sum } from "../../src/index.ts";
import {
  gradientDescent,
  lbfgs,
  type Minimum,
  newtonCG,
  type Objective,
  objective,
} from "../../src/minimize/index.ts";
import { normals, uniform } from "../../src/random.ts";

const SAMPLES = 200;
const FEATURES = 5;

/** A table whose features have unlike scales, and labels drawn from a logistic model of them. */
function table() {
  const x = normals(SAMPLES * FEATURES, 7, 0).map((value, i) => value * 2 ** ((i % FEATURES) - 2));
  const truth = normals(FEATURES, 7, 1);
  const y = Float32Array.from({ length: SAMPLES }, (_, row) => {
    const logit = truth.reduce((total, weight, i) => total + weight * x[row * FEATURES + i], 0);
    return uniform(7, 2, row) < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
  });
  return { x, y };
}

/** The regression's mean loss with a little L2, which makes its optimum unique. */
function regression(seed: number): Promise<Objective> {
  const trainer = createTrainer(cpu(), dense(1), { inputShape: [FEATURES], seed });
  return objective(
    trainer,
    { x: [SAMPLES, FEATURES], y: [SAMPLES, 1] },
    ({ x, y }, model) => {
      const loss = ops.binaryCrossEntropy(model(x), y);
      const [weight] = model.parameters.values();
      return add(loss, mul(sum(square(weight)), 1e-3));
    },
    table(),
  );
}

it("reaches the optimum in fewer steps than gradient descent at its best learning rate", async () => {
  const optimum = await newtonCG(await regression(1), { tolerance: 1e-7, maxSteps: 50 });
  const goal = { target: optimum.loss + 1e-5, tolerance: 0 };
  const descents: (Minimum & { learningRate: number })[] = [];
  for (const learningRate of [0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3]) {
    const descent = await gradientDescent(await regression(1), { ...goal, learningRate, maxSteps: 2000 });
    descents.push({ ...descent, learningRate });
  }
  const best = descents.filter(({ converged }) => converged).sort((a, b) => a.steps - b.steps)[0];
  const newton = await newtonCG(await regression(1), goal);
  const quasi = await lbfgs(await regression(1), goal);
  console.log(
    `steps to within 1e-5 of the optimum ${optimum.loss.toFixed(5)}: ` +
      `Newton-CG ${newton.steps} (${newton.products} Hessian products), L-BFGS ${quasi.steps}, ` +
      `gradient descent ${best.steps} (best learning rate ${best.learningRate})`,
  );
  expect(newton.converged && quasi.converged).toBe(true);
  expect(newton.steps).toBeLessThan(best.steps);
  expect(quasi.steps).toBeLessThan(best.steps);
});

it.each([1, 4, 7])("converges, and gives up soon where 32 bits do not reach: seed %i", async (seed) => {
  for (const method of [newtonCG, lbfgs]) {
    const { converged, steps, evaluations } = await method(await regression(seed));
    expect(converged, method.name).toBe(true);
    expect(steps, method.name).toBeLessThan(40);
    expect(evaluations, method.name).toBeLessThan(2 * steps + 10);
  }
  // Out of reach: it gives up soon.
  for (const method of [newtonCG, lbfgs]) {
    const { evaluations } = await method(await regression(seed), { tolerance: 0 });
    expect(evaluations, method.name).toBeLessThan(200);
  }
});

it("multiplies with the Hessian as differences of gradients say", async () => {
  const problem = await regression(3);
  const position = await problem.position();
  const direction = Float64Array.from(normals(problem.size, 5, 0));
  const h = 1e-2;
  const moved = (length: number) => position.map((value, i) => value + length * direction[i]);
  const ahead = (await problem.at(moved(h))).gradient;
  const behind = (await problem.at(moved(-h))).gradient;
  await problem.at(position);
  const product = await problem.hessianTimes(direction);
  const largest = Math.max(...product.map(Math.abs));
  product.forEach((value, i) => {
    const difference = (ahead[i] - behind[i]) / (2 * h);
    expect(Math.abs(value - difference)).toBeLessThanOrEqual(1e-3 * largest);
  });
});

it("refuses numbers that make no sense", async () => {
  const problem = await regression(1);
  expect(() => newtonCG(problem, { maxSteps: 0 })).toThrow(
    "minimize: maxSteps is 0; give a whole number from 1",
  );
  expect(() => newtonCG(problem, { tolerance: Number.NaN })).toThrow("minimize: tolerance is NaN");
  expect(() => lbfgs(problem, { target: Number.NaN })).toThrow("minimize: target is NaN");
  expect(() => gradientDescent(problem, { learningRate: Number.NaN })).toThrow(/learningRate is NaN/);
  expect(() => lbfgs(problem, { memory: 0 })).toThrow(/memory is 0/);
});

it("a position of another length moves no parameter, and inputs are not called as the objective's own", async () => {
  const problem = await regression(1);
  const before = await problem.position();
  await expect(problem.at(new Float64Array(problem.size - 1))).rejects.toThrow(
    `objective: the position has ${problem.size - 1} numbers; the model has ${problem.size} parameters`,
  );
  expect(await problem.position()).toEqual(before);
  const trainer = createTrainer(cpu(), dense(1), { inputShape: [1] });
  const making = objective(
    trainer,
    { "direction of weight": [1, 1] },
    (inputs, model) => sum(model(inputs["direction of weight"])),
    { "direction of weight": new Float32Array(1) },
  );
  await expect(making).rejects.toThrow('objective: the name "direction of weight" is reserved');
});

/** The level below `fit`: steps of one's own, functions of tensors, gradients of gradients, minimisation. */
import { numbers, wholes } from "../samples.mjs";
import { weightsOf } from "./helpers.mjs";

/** @typedef {import("../record.mjs").Build} Build */
/** @typedef {import("../record.mjs").Context} Context */

/** A function of tensors, computed once. */
function computed(
  /** @type {string} */ name,
  /** @type {Record<string, number[]>} */ shapes,
  /** @type {(tensors: any, ops: any) => Record<string, any>} */ body,
) {
  return {
    name,
    async run(/** @type {Context} */ { build, engine }) {
      const call = await build.wgrad.compile(engine, shapes, (/** @type {any} */ tensors) =>
        body(tensors, build.ops),
      );
      const inputs = Object.entries(shapes).map(([key, shape], i) => {
        const count = shape.reduce((product, size) => product * size, 1);
        return [key, numbers(count, 20 + i, 0.1, 2)];
      });
      const outputs = await call(Object.fromEntries(inputs));
      call.release();
      return outputs;
    },
  };
}

function minimised(/** @type {string} */ name, /** @type {any} */ options) {
  return {
    name,
    async run(/** @type {Context} */ { build, engine, seed }) {
      const { binaryCrossEntropy, createTrainer, dense } = build.wgrad;
      const { add, mul, square, sum } = build.ops;
      const lossOf = build.ops.binaryCrossEntropy ?? binaryCrossEntropy;
      const trainer = createTrainer(engine, dense(1), { inputShape: [3], seed });
      const objective = await build.minimize.objective(
        trainer,
        { x: [8, 3], y: [8, 1] },
        (/** @type {any} */ { x, y }, /** @type {any} */ model) => {
          const loss = lossOf(model(x), y);
          return add(loss, mul(0.01, sum(square(model.parameters.get("weight")))));
        },
        { x: numbers(24, 30), y: Float32Array.from(wholes(8, 2, 31)) },
      );
      const { position, loss } = await build.minimize[name](objective, { maxSteps: 4, ...options });
      objective.release();
      return { position, loss: [loss] };
    },
  };
}

export const steps = [
  {
    name: "a step of one's own",
    async run(/** @type {Context} */ { build, engine, seed }) {
      const { createTrainer, dense, sgd, relu, sequential } = build.wgrad;
      const { add, mean, mul, randomUniform, square, stepScalar, sub } = build.ops;
      const trainer = createTrainer(engine, sequential(dense(4), relu(), dense(1)), {
        inputShape: [3],
        optimizer: sgd({ learningRate: 0.1, momentum: 0.5 }),
        seed,
      });
      const step = await trainer.compile(
        (/** @type {any} */ { x, y }, /** @type {any} */ model) => {
          const noisy = add(x, mul(stepScalar("noise"), randomUniform([4, 3], 5)));
          const outputs = model(noisy);
          return { minimize: mean(square(sub(outputs, y))), outputs };
        },
        { inputs: { x: [4, 3], y: [4, 1] }, clip: { norm: 0.5 } },
      );
      /** @type {Record<string, number[]>} */
      const found = { loss: [], outputs: [] };
      for (let i = 0; i < 4; i++) {
        const inputs = { x: numbers(12, 40 + i), y: numbers(4, 50 + i) };
        const { loss, outputs } = await step.run(inputs, { noise: 0.1 * i, learningRate: 0.1 / (i + 1) });
        found.loss.push(...loss);
        found.outputs.push(...outputs);
      }
      return { ...found, ...(await weightsOf(trainer)) };
    },
  },
  computed("elementwise functions", { a: [3, 5], b: [5] }, ({ a, b }, ops) => ({
    sums: ops.add(ops.mul(a, b), ops.div(a, ops.sub(b, 3))),
    curves: ops.add(ops.exp(ops.neg(a)), ops.add(ops.log(a), ops.add(ops.sin(a), ops.cos(b)))),
    steps: ops.choose(ops.greater(a, b), ops.floor(a), ops.sign(ops.sub(a, 1))),
    limits: ops.maximum(ops.minimum(a, b), ops.sqrt(ops.abs(ops.sub(a, b)))),
    equals: ops.equal(ops.floor(a), ops.floor(b)),
  })),
  computed("reductions", { a: [4, 3, 5] }, ({ a }, ops) => ({
    all: ops.sum(a),
    rows: ops.mean(a, [0, 2]),
    largest: ops.max(a, 1, { keepDims: true }),
    places: ops.argmax(a),
    logs: ops.logSoftmax(a),
  })),
  computed("reductions of many", { a: [3, 2100] }, ({ a }, ops) => ({
    rows: ops.sum(ops.square(a), 1),
    columns: ops.max(a, 0),
    places: ops.argmax(a),
  })),
  computed("views", { a: [4, 6], b: [2, 6] }, ({ a, b }, ops) => ({
    joined: ops.concat([a, ops.mul(b, 2)]),
    part: ops.slice(ops.transpose(a), 1, -1),
    padded: ops.pad(a, 1, 2, 1),
    wide: ops.add(ops.broadcastTo(ops.slice(b, 0, 1), [4, 6]), a),
    places: ops.iota([3, 4], 1),
    picked: ops.gather(a, ops.tensor([2, 0, 3, 3])),
    hot: ops.oneHot(ops.tensor([1, 0, 3]), 4),
  })),
  computed("products", { a: [3, 33, 18], b: [3, 18, 17], c: [17, 18] }, ({ a, b, c }, ops) => ({
    batches: ops.matmul(a, b),
    transposed: ops.matmul(a, ops.transpose(c)),
    swapped: ops.matmul(ops.transpose(b, [0, 2, 1]), ops.transpose(a, [0, 2, 1])),
  })),
  computed("attention of tensors", { q: [2, 3, 4], k: [2, 5, 4], v: [2, 5, 4] }, ({ q, k, v }, ops) => ({
    out: ops.attention(q, k, v),
  })),
  computed("gradients of gradients", { a: [4, 3], b: [3, 2] }, ({ a, b }, ops) => {
    const loss = ops.sum(ops.square((ops.tanh ?? ops.sin)(ops.matmul(a, b))));
    const [ofA, ofB] = ops.gradients(loss, [a, b]);
    const [second] = ops.gradients(ops.sum(ops.mul(ofA, ops.exp(ofA))), [b]);
    return { ofA, ofB, second };
  }),
  computed("what runs side by side", { a: [6, 5], b: [5, 4], c: [6, 4] }, ({ a, b, c }, ops) => ({
    left: ops.matmul(a, b),
    right: ops.matmul(ops.transpose(a), c),
    sums: ops.sum(a, 0),
    others: ops.sum(ops.square(c), 0),
  })),
  minimised("newtonCG", {}),
  minimised("lbfgs", { memory: 3 }),
  minimised("gradientDescent", { learningRate: 0.5 }),
];

/** Lowering and fusion: whatever they make of a graph must compute what the graph says. */
import { describe, expect, it } from "vitest";
import {
  add,
  argmax,
  constant,
  correctCount,
  exp,
  gradients,
  matmul,
  max,
  mul,
  ops,
  square,
  sum,
  type Tensor,
  transpose,
} from "../../../src/index.ts";
import { HOOK_LIMITS } from "../../../src/kernels/kernel.ts";
import { inputSource, parameterSource } from "../../../src/nn/graph/ops/source.ts";
import { registeredOps } from "../../../src/nn/graph/tensor.ts";
import { MAX_STORAGE_BINDINGS, type Program } from "../../../src/program.ts";
import { DEVICES, ENGINES, useEngines } from "../../helpers/engines.ts";
import { expected, type Graph, graphDifferences, programOf, runGraph } from "../../helpers/graph-run.ts";
import { randomGraph } from "../../helpers/random-graphs.ts";
import { indices, uniform } from "../../helpers/samples.ts";

const engines = useEngines();
const CPU_GRAPHS = 300;
/** On a software GPU, each kernel takes its time to be compiled. */
const DEVICE_GRAPHS: Readonly<Record<string, number>> = { gpu: 16, wasm: CPU_GRAPHS };

function bindingProblems({ dispatches }: Program): string[] {
  return dispatches.flatMap(({ kernel, bindings }) => {
    const names = Object.keys(bindings);
    const count = (kind: string) => names.filter((name) => name.startsWith(kind)).length;
    const fits =
      names.length <= MAX_STORAGE_BINDINGS &&
      count("operand") <= HOOK_LIMITS.operands &&
      count("result") <= HOOK_LIMITS.results;
    return fits ? [] : [`${kernel} binds ${names.join(", ")}`];
  });
}

describe("random graphs", () => {
  const graphs = Array.from({ length: CPU_GRAPHS }, (_, seed) => randomGraph(seed));
  const numbered = graphs.map((graph, seed) => [seed, graph] as const);

  it("are various", () => {
    const used = new Set(graphs.flatMap(({ elements }) => [...elements.keys()].map(({ op }) => op.name)));
    expect(used.size).toBeGreaterThan(40);
    const several = graphs.filter(({ outputs }) => new Set(Object.values(outputs)).size > 1);
    expect(several.length).toBeGreaterThan(CPU_GRAPHS / 2);
    expect(graphs.filter(({ assigned }) => assigned.length > 0).length).toBeGreaterThan(CPU_GRAPHS / 4);
  });

  it.each(numbered)("%i: the program computes what the graph says", async (_seed, graph) => {
    expect(graphDifferences(await runGraph(engines.cpu, graph), expected(graph))).toEqual([]);
    expect(bindingProblems(programOf(graph))).toEqual([]);
  });

  describe.each(DEVICES)("on the %s", (kind) => {
    it.each(numbered.slice(0, DEVICE_GRAPHS[kind]))("%i: agrees with the CPU", async (_seed, graph) => {
      const [got, want] = [await runGraph(engines[kind], graph), await runGraph(engines.cpu, graph)];
      expect(graphDifferences(got, want)).toEqual([]);
    });
  });
});

const samples = {
  x: uniform([5, 7]),
  z: uniform([5, 3]),
  v: uniform([7]),
  w: uniform([3, 7]),
  b: uniform([3]),
  y: indices([5], 3),
};
const given = Object.fromEntries(Object.entries(samples).map(([name, { data }]) => [name, data]));
const x = inputSource("x", [5, 7]);
const z = inputSource("z", [5, 3]);
const v = inputSource("v", [7]);
const y = inputSource("y", [5], "i32");
const weight = parameterSource("w", [3, 7]);
const bias = parameterSource("b", [3]);

function graph(outputs: Record<string, Tensor>, assigned: Tensor[] = [], more: Graph["given"] = {}): Graph {
  return { outputs, assigned, given: { ...given, ...more } };
}

const many = Array.from({ length: 12 }, (_, i) => ({ name: `m${i}`, data: uniform([7]).data }));
const manySources = many.map(({ name }) => inputSource(name, [7]));
const manyGiven = Object.fromEntries(many.map(({ name, data }) => [name, data]));
const total = (tensors: readonly Tensor[]) => tensors.reduce((sum, next) => add(mul(sum, 0.5), next));

const logits = add(matmul(x, transpose(weight)), bias);
const loss = ops.crossEntropy(logits, y);
const deltaWeight = gradients(loss, [weight])[0];
const product = matmul(x, transpose(weight));

/** Shapes of graphs that have been, or could be, hard to lower. */
const cases: Record<string, Graph> = {
  "an input as output": graph({ x, again: x }),
  "a parameter as output": graph({ weight }),
  "a constant as output": graph({ three: constant(3, [2, 2]) }),
  "views of an input as outputs": graph({ flat: ops.reshape(x, [35]), turned: transpose(x) }),
  "views of a result as outputs": graph({
    product,
    flat: ops.reshape(product, [15]),
    turned: transpose(product),
  }),
  "one value under two names": graph({ first: ops.tanh(x), second: ops.tanh(x) }),
  "indices as output": graph({ classes: argmax(x), best: max(x, 1) }),
  "more operands than one dispatch binds": graph({ all: total(manySources) }, [], manyGiven),
  "more operands in a reduction than one dispatch binds": graph(
    { all: sum(total(manySources)) },
    [],
    manyGiven,
  ),
  "more operands behind a product than one dispatch binds": graph(
    { all: add(matmul(ops.reshape(v, [1, 7]), transpose(x)), ops.reshape(sum(total(manySources)), [1, 1])) },
    [],
    manyGiven,
  ),
  "more results of one kernel than it can store": graph(
    Object.fromEntries([1, 2, 3, 4, 5, 6, 7].map((factor) => [`times${factor}`, mul(product, factor)])),
  ),
  "many operands, and several results computed from them": graph(
    Object.fromEntries(
      [ops.tanh, exp, ops.relu, square].map((fn, i) => [`result${i}`, fn(total(manySources.slice(0, 7)))]),
    ),
    [],
    manyGiven,
  ),
  "operands and results beside a product's own": graph(
    Object.fromEntries(
      [ops.tanh, exp, ops.relu, square].map((fn, i) => [
        `result${i}`,
        fn(add(matmul(ops.reshape(v, [1, 7]), matmul(transpose(x), x)), total(manySources.slice(0, 4)))),
      ]),
    ),
    [],
    manyGiven,
  ),
  "a value that an epilogue uses, and others too": graph({
    a: ops.relu(product),
    b: sum(product, 0),
    c: exp(product),
    d: matmul(product, transpose(product)),
  }),
  "a dear value with many users": graph({
    a: sum(ops.sigmoid(square(x))),
    b: matmul(ops.sigmoid(square(x)), transpose(weight)),
    c: add(ops.sigmoid(square(x)), v),
  }),
  "an elementwise value between two kernels": graph({
    z: matmul(transpose(ops.relu(product)), ops.sigmoid(z)),
  }),
  "a training step": graph({ loss, correct: correctCount(logits, y) }, gradients(loss, [weight, bias])),
  "an assigned value that another is computed from": graph({ loss }, [
    deltaWeight,
    matmul(deltaWeight, transpose(deltaWeight)),
    transpose(deltaWeight),
    deltaWeight,
  ]),
};

describe.each(ENGINES)("on the %s", (kind) => {
  it.each(Object.entries(cases))("%s", async (_name, one) => {
    expect(graphDifferences(await runGraph(engines[kind], one), expected(one))).toEqual([]);
    expect(bindingProblems(programOf(one))).toEqual([]);
  });
});

describe("ops that only rewrites make", () => {
  /** What shows in a program that a rewrite was at work. */
  const signs: Record<string, (program: Program) => boolean> = {
    rowSums: ({ dispatches }) =>
      dispatches.some(
        ({ kernel, constants, hooks }) =>
          kernel === "matmul" && constants.SUMS === 1 && hooks.storeSum.code.length > 0,
      ),
    crossEntropyTotal: ({ dispatches }) =>
      dispatches.some(({ kernel, hooks }) => kernel === "crossEntropy" && hooks.storeTotal.code.length > 0),
  };

  it.each(Object.entries(signs))("%s is put into a training step", (_name, sign) => {
    expect(sign(programOf(cases["a training step"]))).toBe(true);
  });

  it("are all known here, or parts of an op that is tested as a whole", () => {
    const internal = [...registeredOps.values()].filter(({ gradient }) => gradient === "internal");
    const parts = ["conv2d", "layerNorm", "batchNorm"].flatMap((name) => [
      `${name}WeightPartials`,
      `${name}BiasPartials`,
    ]);
    expect(internal.map(({ name }) => name).sort()).toEqual([...Object.keys(signs), ...parts].sort());
  });
});

describe("fusion", () => {
  it("makes one dispatch of a product with bias and activation", () => {
    expect(programOf(graph({ out: ops.relu(logits) })).dispatches.map(({ kernel }) => kernel)).toEqual([
      "matmul",
    ]);
  });

  it("takes loss, gradient and hits from one dispatch", () => {
    const step = programOf(
      graph({ loss, correct: correctCount(logits, y) }, gradients(loss, [weight, bias])),
    );
    expect(step.dispatches.map(({ kernel }) => kernel)).toEqual(["matmul", "crossEntropy", "matmul"]);
  });
});

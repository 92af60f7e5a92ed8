/**
 * Random graphs: whatever the public functions can build, in any combination, with fan-out, several outputs,
 * gradients, and results that go to memory which outlives the step. A seed gives the same graph on every machine.
 */
import * as w from "../../src/index.ts";
import { rowCrossEntropy } from "../../src/nn/graph/ops/crossEntropy.ts";
import { randomUniform } from "../../src/nn/graph/ops/random.ts";
import { concat, pad, slice } from "../../src/nn/graph/ops/slice.ts";
import { inputSource, parameterSource } from "../../src/nn/graph/ops/source.ts";
import type { Tensor } from "../../src/nn/graph/tensor.ts";
import { elementCount, type Shape } from "../../src/program.ts";
import { uniform } from "../../src/random.ts";
import type { Graph } from "./graph-run.ts";
import { evaluate, type Values } from "./interpreter.ts";

interface RandomGraph extends Graph {
  /** All nodes that were made, with their values. */
  readonly elements: ReadonlyMap<Tensor, Values>;
}

/** Largest number and size of a tensor: rounding errors must stay small beside a wrong result. */
const LARGEST = 30;
const MOST_ELEMENTS = 400;
/** Comparisons closer than this could come out differently in f32; such graphs are not used. */
const MARGIN = 1e-3;
const SIZES = [1, 2, 3, 4, 5, 7];
const STEPS = 32;

export function randomGraph(seed: number): RandomGraph {
  return new Generator(seed).graph();
}

const unary: readonly ((x: Tensor) => Tensor)[] = [
  w.ops.tanh,
  w.ops.sigmoid,
  w.ops.relu,
  w.ops.gelu,
  w.ops.softplus,
  w.square,
  w.abs,
  w.neg,
  w.sin,
  w.cos,
  w.sign,
  w.floor,
  (x) => w.ops.elu(x, 0.7),
  (x) => w.ops.leakyRelu(x, 0.2),
  (x) => w.exp(w.minimum(x, 2)),
  (x) => w.log(w.add(w.square(x), 0.5)),
  (x) => w.sqrt(w.add(w.abs(x), 0.3)),
  (x) => w.mul(x, 0.5),
  (x) => w.add(1.5, x),
  (x) => w.sub(1, x),
  (x) => w.div(x, w.add(w.abs(x), 1)),
];

const binary: readonly ((a: Tensor, b: Tensor) => Tensor)[] = [
  w.add,
  w.add,
  w.sub,
  w.mul,
  w.mul,
  w.maximum,
  w.minimum,
  w.greater,
  (a, b) => w.choose(w.greater(a, 0.1), b, a),
  (a, b) => w.div(a, w.add(w.square(b), 0.5)),
];

class Generator {
  #draws = 0;
  #elements: ReadonlyMap<Tensor, Values> = new Map();
  readonly #given: Record<string, ArrayLike<number>> = {};
  readonly #sources: Tensor[] = [];
  readonly #pool: Tensor[] = [];

  constructor(readonly seed: number) {}

  graph(): RandomGraph {
    this.#given.factor = [0.75];
    this.#given.seed = [this.seed];
    this.#given.step = [3];
    for (let i = 0; i < 3; i++) this.#source();
    for (let i = 0; i < STEPS; i++) this.#keep(this.#attempt());
    const gradients = this.#chance(0.6) ? this.#gradients() : [];
    for (const gradient of gradients) this.#keep(gradient);
    if (gradients.length > 0) for (let i = 0; i < 8; i++) this.#keep(this.#attempt());
    const recent = this.#pool.slice(-10);
    const outputs = Array.from({ length: 1 + this.#below(4) }, () =>
      this.#pick(this.#chance(0.8) ? recent : this.#pool),
    );
    const assigned = Array.from({ length: this.#below(3) }, () => this.#pick(recent)).filter(
      ({ dtype }) => dtype === "f32",
    );
    return {
      outputs: Object.fromEntries(outputs.map((tensor, i) => [`out${i}`, tensor])),
      assigned,
      given: this.#given,
      elements: this.#elements,
    };
  }

  #uniform(): number {
    return uniform(this.seed, 77, this.#draws++);
  }

  #below(limit: number): number {
    return Math.floor(this.#uniform() * limit);
  }

  #chance(probability: number): boolean {
    return this.#uniform() < probability;
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)];
  }

  #shape(rank = this.#below(4)): number[] {
    return Array.from({ length: rank }, () => this.#pick(SIZES));
  }

  /** A source of random numbers, in the pool. */
  #source(shape: Shape = this.#shape()): Tensor {
    const name = `s${this.#sources.length}`;
    const tensor = this.#chance(0.3) ? parameterSource(name, shape) : inputSource(name, shape);
    this.#given[name] = Float32Array.from({ length: elementCount(shape) }, () => 4 * this.#uniform() - 2);
    this.#sources.push(tensor);
    this.#keep(tensor);
    return tensor;
  }

  #indices(shape: Shape, limit: number): Tensor {
    const name = `i${Object.keys(this.#given).length}`;
    this.#given[name] = Int32Array.from({ length: elementCount(shape) }, () => this.#below(limit));
    return inputSource(name, shape, "i32");
  }

  /** Puts a node into the pool, unless its numbers are too large, too many, or hang on a close comparison. */
  #keep(node: Tensor | undefined): void {
    if (!node || elementCount(node.shape) > MOST_ELEMENTS || this.#pool.includes(node)) return;
    const { elements, margin } = evaluate([node], this.#given, this.#elements);
    const values = [...elements].filter(([made]) => !this.#elements.has(made)).map(([, value]) => value);
    const bounded = values.every((value) => value.every((x) => Math.abs(x) <= 40 * LARGEST));
    if (!bounded || !(margin >= MARGIN) || !elements.get(node)?.every((x) => Math.abs(x) <= LARGEST)) return;
    this.#elements = elements;
    this.#pool.push(node);
  }

  /** Something made of the pool; undefined where what was drawn does not fit together. */
  #attempt(): Tensor | undefined {
    const x = this.#chance(0.6) ? this.#pick(this.#pool.slice(-4)) : this.#pick(this.#pool);
    const make = this.#pick(this.#makers);
    return make(x);
  }

  readonly #makers: readonly ((x: Tensor) => Tensor | undefined)[] = [
    (x) => this.#pick(unary)(x),
    (x) => this.#pick(unary)(x),
    (x) => this.#pick(unary)(x),
    (x) => this.#binary(x),
    (x) => this.#binary(x),
    (x) => this.#binary(x),
    (x) => this.#reduced(x),
    (x) => this.#reduced(x),
    (x) => this.#view(x),
    (x) => this.#view(x),
    (x) => this.#product(x),
    (x) => this.#product(x),
    (x) => this.#rows(x),
    (x) => this.#parts(x),
    (x) => this.#special(x),
  ];

  #binary(x: Tensor): Tensor {
    const fits = (other: Tensor) =>
      [...other.shape].reverse().every((size, i) => {
        const own = x.shape[x.rank - 1 - i] ?? 1;
        return size === own || size === 1 || own === 1;
      });
    const other = this.#pick(this.#pool.filter(fits));
    const fn = this.#pick(binary);
    return this.#chance(0.5) ? fn(x, other) : fn(other, x);
  }

  #axes(x: Tensor): number[] {
    return x.shape.map((_, axis) => axis).filter(() => this.#chance(0.5));
  }

  #reduced(x: Tensor): Tensor {
    const axes = this.#axes(x);
    const options = { keepDims: this.#chance(0.5) };
    return this.#pick([
      () => w.sum(x, axes, options),
      () => w.mean(x, axes, options),
      () => w.max(x, axes, options),
      () => (x.rank > 0 ? w.argmax(x, this.#below(x.rank), options) : w.sum(x)),
    ])();
  }

  #view(x: Tensor): Tensor {
    const order = x.shape.map((_, axis) => ({ axis, key: this.#uniform() })).sort((a, b) => a.key - b.key);
    return this.#pick([
      () =>
        w.transpose(
          x,
          order.map(({ axis }) => axis),
        ),
      () => w.ops.reshape(x, [-1]),
      () => w.ops.reshape(x, [...x.shape.slice(1), ...x.shape.slice(0, 1)]),
      () => w.ops.reshape(x, [1, ...x.shape, 1]),
      () => w.broadcastTo(x, [this.#pick(SIZES), ...x.shape]),
      () =>
        w.broadcastTo(
          x,
          x.shape.map((size) => (size === 1 ? this.#pick(SIZES) : size)),
        ),
    ])();
  }

  /** A matrix product with a new weight, with the tensor itself, or with another of the pool. */
  #product(x: Tensor): Tensor | undefined {
    if (x.rank < 2) return undefined;
    const inner = x.shape[x.rank - 1];
    const others = this.#pool.filter(({ rank, shape }) => rank === 2 && shape[0] === inner);
    return this.#pick([
      () => w.matmul(x, this.#source([inner, this.#pick(SIZES)])),
      () => w.matmul(x, w.transpose(this.#source([this.#pick(SIZES), inner]))),
      () => w.add(w.matmul(x, w.transpose(this.#source([3, inner]))), this.#source([3])),
      () => w.matmul(w.transpose(x), x),
      () => w.matmul(x, w.transpose(x)),
      () => (others.length > 0 ? w.matmul(x, this.#pick(others)) : undefined),
    ])();
  }

  #rows(x: Tensor): Tensor | undefined {
    if (x.rank === 0) return undefined;
    const axis = this.#below(x.rank);
    const labels = () => this.#indices([x.shape[0]], x.shape[1]);
    const smoothing = this.#pick([0, 0.2]);
    return this.#pick([
      () => w.ops.softmax(x, axis),
      () => w.logSoftmax(x, axis),
      () => (x.rank === 2 ? rowCrossEntropy(x, labels(), smoothing) : undefined),
      () => (x.rank === 2 ? w.mean(rowCrossEntropy(x, labels(), smoothing)) : undefined),
      () => (x.rank === 2 ? w.correctCount(x, labels(), smoothing) : undefined),
    ])();
  }

  #parts(x: Tensor): Tensor | undefined {
    if (x.rank === 0) return undefined;
    const axis = this.#below(x.rank);
    const size = x.shape[axis];
    const start = this.#below(size);
    const rows = this.#indices([this.#pick(SIZES)], x.shape[0]);
    return this.#pick([
      () => slice(x, start, start + 1 + this.#below(size - start), axis),
      () => pad(x, axis, this.#below(3), this.#below(3)),
      () => concat([x, w.square(x)], axis),
      () => w.gather(x, rows),
    ])();
  }

  /** Numbers that come from nowhere: positions, constants, step scalars, random ones, a window. */
  #special(x: Tensor): Tensor {
    return this.#pick([
      () => (x.rank > 0 ? w.add(x, w.iota(x.shape, this.#below(x.rank))) : w.constant(1.25, [3])),
      () => w.mul(x, w.stepScalar("factor")),
      () => w.mul(x, w.greater(randomUniform(x.shape, this.#below(5)), 0.3)),
      () => {
        this.#given.start = [2];
        return w.stepWindow(this.#source([9]), "start", this.#pick(SIZES));
      },
    ])();
  }

  /** Gradients of a loss that uses several of the pool, with respect to all sources. */
  #gradients(): Tensor[] {
    const terms = Array.from({ length: 1 + this.#below(3) }, () =>
      w.mean(w.square(this.#pick(this.#pool.slice(-8)))),
    );
    const loss = terms.reduce((sum, term) => w.add(sum, term));
    try {
      return w.gradients(loss, this.#sources);
    } catch (error) {
      // Not every op has a gradient.
      if (error instanceof w.ShapeError) return [];
      throw error;
    }
  }
}

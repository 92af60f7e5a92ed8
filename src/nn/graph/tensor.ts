/**
 * Traced tensors: nodes of the graph that a model function writes when it is called.
 *
 * Nothing is computed here. An op is one entry of data — shape rule, gradient rule, lowering — and a `Tensor` is
 * one use of it. Graphs are immutable: every pass over a graph builds new nodes.
 */

import { inWords, isList } from "../../checks.ts";
import type { DType } from "../../dtypes.ts";
import { formatShape, type IndexRange, type Shape, type TargetRule } from "../../program.ts";

/** What an op gives for its inputs: the result's shape and element type. */
export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/**
 * The gradients that leave through an op's inputs, given the one that arrives at its output; `undefined` where
 * none flows. Rules are written in terms of ops, so gradients of gradients exist. `"none"` says that the op is
 * piecewise constant: its gradient is zero wherever there is one. `"internal"` marks an op that only rewrites make,
 * after gradients are taken.
 */
export type GradientRule<A> = GradientMethod<A>["rule"] | "none" | "internal";

/** A method, so that a rule for one kind of attributes can stand in a table of all ops. */
interface GradientMethod<A> {
  rule(node: Tensor<A>, arriving: Tensor): readonly (Tensor | undefined)[];
}

/** Writes instructions into a hook. Registers are numbers; positions and values are kept apart by name only. */
export interface Emitter {
  /** The value of `tensor` at a flat position. */
  load(tensor: Tensor, at: number): number;
  /** The flat position that a strided walk over `shape` gives for position `at`. */
  map(at: number, shape: Shape, strides: readonly number[], offset?: number): number;
  shift(at: number, scalar: string): number;
  row(index: number, size: number, column: number): number;
  position(at: number): number;
  constant(value: number): number;
  random(at: number, stream: number, counter: string): number;
  scalar(name: string): number;
  call(fn: string, args: readonly number[]): number;
}

/** One use of a kernel, before its memory is known. */
export interface KernelCall {
  readonly kernel: string;
  readonly constants: Readonly<Record<string, number>>;
  /** Tensors bound as they lie in memory. */
  readonly reads: Readonly<Record<string, Tensor>>;
  /** Tensors read through a load hook, so that elementwise work on them is done while loading. */
  readonly loads: Readonly<Record<string, Tensor>>;
  /**
   * Among `loads`, those whose elements the op's gradient compares with its result: others that use them must see
   * the very same numbers, which computing them again does not promise.
   */
  readonly compared?: readonly Tensor[];
  /** The hook that stores this op's result. */
  readonly store: string;
}

/** How an op becomes part of a program. */
export type Lowering<A> =
  /** Memory that exists already: parameters, inputs, data. */
  | { readonly kind: "source" }
  /** One value a position: fused into the kernels around it. */
  | { readonly kind: "elementwise"; emit(node: Tensor<A>, emitter: Emitter, at: number): number }
  /** The input's values at other positions: costs nothing. `contiguous` views share the input's memory. */
  | {
      readonly kind: "view";
      readonly contiguous?: boolean;
      position(node: Tensor<A>, emitter: Emitter, at: number): number;
    }
  | { readonly kind: "kernel"; call(node: Tensor<A>): KernelCall };

export interface Op<A = unknown> {
  readonly name: string;
  infer(inputs: readonly Tensor[], attributes: A): TensorSpec;
  readonly gradient: GradientRule<A>;
  /** Repeats its inputs to the result's shape: gradients leave in that shape, and are summed to the inputs'. */
  readonly broadcasts?: boolean;
  /** Where its values are values of inputs (or 0), only moved: which inputs. The others say which value goes where. */
  readonly selects?: readonly number[];
  /** Which input holds indices, and what they may be: what the host writes there is checked. */
  indices?(node: Tensor<A>): (IndexRange & { readonly input: number }) | undefined;
  /** What its input must be, where a loss takes it for probabilities: what the host writes there is checked. */
  targets?(node: Tensor<A>): Omit<TargetRule, "scale"> | undefined;
  /** What the op is made of, put in its place once gradients are taken. */
  expand?(node: Tensor<A>): Tensor;
  readonly lowering: Lowering<A>;
}

let nextId = 0;
let currentLabel = "";

export class Tensor<A = unknown> {
  readonly id = nextId++;
  readonly label: string;
  /** @internal */
  constructor(
    /** @internal */
    readonly op: Op<A>,
    readonly inputs: readonly Tensor[],
    readonly attributes: A,
    readonly shape: Shape,
    readonly dtype: DType,
    label = currentLabel,
  ) {
    this.label = label;
  }

  get rank(): number {
    return this.shape.length;
  }

  toString(): string {
    return `${this.op.name} ${formatShape(this.shape)}${this.label ? ` in ${this.label}` : ""}`;
  }
}

/** @throws TypeError for what is no tensor, in the name of `op` */
export function checkTensor(op: string, ...operands: readonly unknown[]): void {
  const wrong = operands.findIndex((operand) => !(operand instanceof Tensor));
  if (wrong < 0) return;
  const operand = operands[wrong];
  const remedy = isList(operand) ? ": tensor([…], shape) makes one of numbers" : "";
  throw new TypeError(`${op}: got ${inWords(operand)}; give a tensor${remedy}`);
}

/** Gives the nodes that `trace` makes the name of the layer they belong to. */
export function withLabel<T>(label: string, trace: () => T): T {
  const outer = currentLabel;
  currentLabel = label;
  try {
    return trace();
  } finally {
    currentLabel = outer;
  }
}

/** Makes a node of one op; `label` says which layer it belongs to, by default the one being traced. */
export type MakeNode<A> = (inputs: readonly Tensor[], attributes: A, label?: string) => Tensor;

const ops = new Map<string, Op>();
/** All ops by name. Every op is defined when its module loads, so none escapes the tests that go through them. */
export const registeredOps: ReadonlyMap<string, Op> = ops;

/**
 * Enters an op into the table of all ops; call it at module level.
 * @throws Error when another op has that name: passes tell ops apart by name.
 */
export function define<A>(op: Op<A>): MakeNode<A> {
  if (ops.has(op.name))
    throw new Error(`define: there is an op "${op.name}" already; give this one another name`);
  ops.set(op.name, op);
  return (inputs, attributes, label) => {
    const { shape, dtype } = op.infer(inputs, attributes);
    // A node's attributes belong to its op, and only its op looks at them.
    return new Tensor(op, inputs, attributes, shape, dtype, label);
  };
}

/** Refused input of an op: names the op, the layer it was called in, what came and what to do. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
  constructor(op: string, problem: string) {
    super(`${op}${currentLabel ? ` (in ${currentLabel})` : ""}: ${problem}`);
  }
}

/** Nodes that `roots` depend on, inputs before users. */
export function topological(roots: readonly Tensor[]): Tensor[] {
  const order: Tensor[] = [];
  const seen = new Set<Tensor>();
  // An explicit stack: a deep network must not overflow the call stack.
  const stack: { node: Tensor; next: number }[] = [];
  for (const root of roots) {
    if (seen.has(root)) continue;
    seen.add(root);
    stack.push({ node: root, next: 0 });
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      const input = top.node.inputs[top.next++];
      if (!input) {
        order.push(top.node);
        stack.pop();
      } else if (!seen.has(input)) {
        seen.add(input);
        stack.push({ node: input, next: 0 });
      }
    }
  }
  return order;
}

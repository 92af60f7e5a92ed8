/**
 * Traced tensors: the nodes of the graph that a model function writes when it is called.
 *
 * Tracing computes nothing. An op is one entry of data — shape rule, gradient rule, lowering — and a `Tensor` is one
 * use of an op. Graphs are immutable: every pass over a graph builds new nodes.
 */

import { inWords, isList } from "../../checks.ts";
import type { DType } from "../../dtypes.ts";
import { formatShape, type IndexRange, type Shape, type TargetRule } from "../../program.ts";

/** Shape and element type of an op's result. */
export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/**
 * The gradients with respect to an op's inputs, given the gradient that arrives at its output; `undefined` where none
 * flows. Rules consist of ops, so gradients of gradients exist. `"none"` marks a piecewise constant op, whose gradient
 * is zero almost everywhere. `"internal"` marks an op that only rewrites create, after differentiation.
 */
export type GradientRule<A> = GradientMethod<A>["rule"] | "none" | "internal";

/** A method, so that rules for all kinds of attributes fit into one table. */
interface GradientMethod<A> {
  rule(node: Tensor<A>, arriving: Tensor): readonly (Tensor | undefined)[];
}

/** Writes instructions into a hook. Registers are numbers; positions and values differ by name only. */
export interface Emitter {
  /** The value of `tensor` at a flat position. */
  load(tensor: Tensor, at: number): number;
  /** The flat position of a strided walk over `shape` for position `at`. */
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
  /** Tensors read through a load hook, which can also compute elementwise work. */
  readonly loads: Readonly<Record<string, Tensor>>;
  /**
   * Those of `loads` whose elements the op's gradient compares with its result: their other users must see exactly the
   * same numbers, which a second computation does not guarantee.
   */
  readonly compared?: readonly Tensor[];
  /** The hook that stores this op's result. */
  readonly store: string;
}

/** How an op becomes part of a program. */
export type Lowering<A> =
  /** Memory that exists already: parameters, inputs, data. */
  | { readonly kind: "source" }
  /** One value for each position, fused into the kernels around the op. */
  | { readonly kind: "elementwise"; emit(node: Tensor<A>, emitter: Emitter, at: number): number }
  /** The input's values at other positions, at no cost. `contiguous` views share the input's memory. */
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
  /**
   * Whether the op broadcasts its inputs: gradients leave in the result's shape, and are summed to the inputs' shapes.
   */
  readonly broadcasts?: boolean;
  /** Inputs whose values (or 0) the op moves unchanged; the other inputs choose positions. */
  readonly selects?: readonly number[];
  /** The input that holds indices, and their allowed range; values from the host are checked against it. */
  indices?(node: Tensor<A>): (IndexRange & { readonly input: number }) | undefined;
  /** The rule for an input that a loss takes for probabilities; values from the host are checked against it. */
  targets?(node: Tensor<A>): Omit<TargetRule, "scale"> | undefined;
  /** The op as a composition of others, put in its place after differentiation. */
  expand?(node: Tensor<A>): Tensor;
  readonly lowering: Lowering<A>;
}

let nextId = 0;
let currentLabel = "";

/** A node of a traced graph: shape, element type, and the op that computes it. */
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

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** Op, shape and layer, for messages. */
  toString(): string {
    return `${this.op.name} ${formatShape(this.shape)}${this.label ? ` in ${this.label}` : ""}`;
  }
}

/** @throws TypeError in the name of `op`, where an operand is no tensor */
export function checkTensor(op: string, ...operands: readonly unknown[]): void {
  const wrong = operands.findIndex((operand) => !(operand instanceof Tensor));
  if (wrong < 0) return;
  const operand = operands[wrong];
  const remedy = isList(operand) ? ": tensor([…], shape) makes one of numbers" : "";
  throw new TypeError(`${op}: got ${inWords(operand)}; give a tensor${remedy}`);
}

/** Labels the nodes created by `trace` with the name of their layer. */
export function withLabel<T>(label: string, trace: () => T): T {
  const outer = currentLabel;
  currentLabel = label;
  try {
    return trace();
  } finally {
    currentLabel = outer;
  }
}

/** Creates a node of one op; `label` names its layer (default: the layer being traced). */
export type MakeNode<A> = (inputs: readonly Tensor[], attributes: A, label?: string) => Tensor;

const ops = new Map<string, Op>();
/** All ops by name. An op is defined when its module loads, so that tests see every op. */
export const registeredOps: ReadonlyMap<string, Op> = ops;

/**
 * Defines an op, at module level.
 * @throws Error where another op has that name: passes identify ops by name
 */
export function define<A>(op: Op<A>): MakeNode<A> {
  if (ops.has(op.name))
    throw new Error(`define: there is an op "${op.name}" already; give this one another name`);
  ops.set(op.name, op);
  return (inputs, attributes, label) => {
    const { shape, dtype } = op.infer(inputs, attributes);
    // Only the op itself reads a node's attributes.
    return new Tensor(op, inputs, attributes, shape, dtype, label);
  };
}

/** Refused input of an op. The message names the op, its layer, the input, the expected input and the remedy. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
  constructor(op: string, problem: string) {
    super(`${op}${currentLabel ? ` (in ${currentLabel})` : ""}: ${problem}`);
  }
}

/** The nodes that `roots` depend on, inputs before users. */
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

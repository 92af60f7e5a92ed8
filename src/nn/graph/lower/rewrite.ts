/**
 * Rewrites of a graph before lowering: the same values from fewer kernels.
 *
 * Every rewrite is a rule (node → node or undefined) over nodes whose inputs are already rewritten.
 */
import { fitsOneGroup } from "../../../kernels/crossEntropy.ts";
import { elementCount } from "../../../program.ts";
import { type PartialsAttributes, weightPartialsOp, withBiasPartials } from "../ops/conv2d.ts";
import { makeTotalLoss, rowLossOp } from "../ops/crossEntropy.ts";
import { type PickedRows, pickedRows } from "../ops/gather.ts";
import { type MatmulAttributes, makeMatmul, makeRowSums, matmulOp, rowSumsOp } from "../ops/matmul.ts";
import { inTwo, reduceOp, sum } from "../ops/reduce.ts";
import { isSource } from "../ops/source.ts";
import { transposed } from "../ops/view.ts";
import { sameShape } from "../shape.ts";
import { type Op, Tensor, topological, withLabel } from "../tensor.ts";
import { owner } from "./analysis.ts";

/** Rewrites the graph of `roots`; returns the new roots. */
export function rewrite(roots: readonly Tensor[]): Tensor[] {
  const shared = share(expanded(roots));
  return share(longReductions(batchRows(convBiasGradients(biasGradients(lossTotals(shared))))));
}

/** The least of it: ops that have kernels, each computed once. */
export function rewriteOps(roots: readonly Tensor[]): Tensor[] {
  return longReductions(share(expanded(roots)));
}

/**
 * The replacement of `node`, given those of its inputs; undefined keeps the node. `now` gives the replacement of any
 * other node of the old graph.
 */
type Rule = (node: Tensor, inputs: readonly Tensor[], now: (old: Tensor) => Tensor) => Tensor | undefined;

function replaceAll(roots: readonly Tensor[], rule: Rule): Tensor[] {
  const replacement = new Map<Tensor, Tensor>();
  const now = (old: Tensor): Tensor => {
    const known = replacement.get(old);
    if (known) return known;
    const inputs = old.inputs.map(now);
    const made = rule(old, inputs, now) ?? withInputs(old, inputs);
    replacement.set(old, made);
    return made;
  };
  // In topological order, so that `now` does not recurse deeply.
  topological(roots).forEach(now);
  return roots.map(now);
}

export function withInputs(node: Tensor, inputs: readonly Tensor[]): Tensor {
  if (inputs.every((input, i) => input === node.inputs[i])) return node;
  return new Tensor(node.op, inputs, node.attributes, node.shape, node.dtype, node.label);
}

/** Replaces ops by their compositions. */
function expanded(roots: readonly Tensor[]): Tensor[] {
  return replaceAll(roots, (node, inputs) => node.op.expand?.(withInputs(node, inputs)));
}

/** Common subexpressions: nodes of one op with the same inputs and attributes become one. */
function share(roots: readonly Tensor[]): Tensor[] {
  const known = new Map<string, Tensor>();
  return replaceAll(roots, (node, inputs) => {
    if (isSource(node)) return undefined;
    const key = `${node.op.name}(${inputs.map((input) => input.id).join(",")})${JSON.stringify(node.attributes)}`;
    const first = known.get(key) ?? withInputs(node, inputs);
    known.set(key, first);
    return first;
  });
}

function is<A>(node: Tensor, op: Op<A>): node is Tensor<A> {
  return (node.op as Op<A>) === op;
}

/** The cross-entropy kernel gives the sum over rows, where one workgroup computes them all. */
function lossTotals(roots: readonly Tensor[]): Tensor[] {
  return replaceAll(roots, (node, _inputs, now) => {
    if (!is(node, reduceOp) || node.attributes.mode !== "sum" || elementCount(node.shape) !== 1)
      return undefined;
    const losses = throughReshapes(node.inputs[0]);
    if (!is(losses, rowLossOp)) return undefined;
    const [rows, classes] = losses.inputs[0].shape;
    if (!fitsOneGroup(rows, classes)) return undefined;
    return makeTotalLoss(losses.inputs.map(now), losses.attributes, losses.label);
  });
}

/** Few results of many elements each are reduced in parts, whose results are reduced in turn. */
function longReductions(roots: readonly Tensor[]): Tensor[] {
  return replaceAll(roots, (node, [input]) => (is(node, reduceOp) ? inTwo(node, input) : undefined));
}

/** The tensor behind reshapes. */
const throughReshapes = owner;

/** The sum of dz over rows, a bias's gradient, comes from the kernel of dzᵀ · x, the weight's gradient. */
function biasGradients(roots: readonly Tensor[]): Tensor[] {
  const nodes = topological(roots);
  const products = new Map<Tensor, Tensor<MatmulAttributes>>();
  for (const node of nodes) {
    if (is(node, matmulOp) && node.attributes.transposeA && node.rank === 2)
      products.set(throughReshapes(node.inputs[0]), node);
  }
  const productOf = new Map<Tensor, Tensor<MatmulAttributes>>();
  for (const node of nodes) {
    if (!is(node, reduceOp) || node.attributes.mode !== "sum") continue;
    const product = products.get(throughReshapes(node.inputs[0]));
    if (product && sameShape(node.inputs[0].shape, [1, ...product.inputs[0].shape]))
      productOf.set(node, product);
  }
  const summing = new Set<Tensor>(productOf.values());
  return replaceAll(roots, (node, inputs, now) => {
    const product = productOf.get(node);
    if (product) {
      return makeRowSums(product.inputs.map(now), { ...product.attributes, sums: true }, product.label);
    }
    if (is(node, matmulOp) && summing.has(node)) {
      return makeMatmul(inputs, { ...node.attributes, sums: true }, node.label);
    }
    return undefined;
  });
}

/**
 * The sum of dy over images and pixels, a convolution bias's gradient, comes in partial sums from the kernel of the
 * weight's gradient.
 */
function convBiasGradients(roots: readonly Tensor[]): Tensor[] {
  const nodes = topological(roots);
  const partialsOf = new Map<Tensor, Tensor<PartialsAttributes>>();
  for (const node of nodes) if (is(node, weightPartialsOp)) partialsOf.set(node.inputs[1], node);
  const sums = new Map<Tensor, Tensor<PartialsAttributes>>();
  for (const node of nodes) {
    if (!is(node, reduceOp) || node.attributes.mode !== "sum") continue;
    const byFilter = transposed(throughReshapes(node.inputs[0]));
    const partials = byFilter && partialsOf.get(byFilter.input);
    if (partials && String(byFilter.axes) === "1,0,2,3" && node.shape[0] === partials.attributes.filters)
      sums.set(node, partials);
  }
  const summing = new Set(sums.values());
  const made = new Map<Tensor, ReturnType<typeof withBiasPartials>>();
  return replaceAll(roots, (node, _inputs, now) => {
    const partials = is(node, weightPartialsOp) && summing.has(node) ? node : sums.get(node);
    if (!partials) return undefined;
    const both = made.get(partials) ?? withBiasPartials(partials, partials.inputs.map(now));
    made.set(partials, both);
    return partials === node ? both.weight : withLabel(node.label, () => sum(both.bias, 0));
  });
}

/**
 * A batch whose rows only enter products is never written to memory: the products read the rows in the data set, by the
 * batch's indices.
 */
function batchRows(roots: readonly Tensor[]): Tensor[] {
  const nodes = topological(roots);
  const users = new Map<Tensor, Tensor[]>(nodes.map((node) => [node, []]));
  for (const node of nodes) for (const input of new Set(node.inputs)) users.get(input)?.push(node);
  const wanted = new Set(roots);
  const usersOf = (node: Tensor) => (wanted.has(node) ? [] : (users.get(node) ?? []));
  /** Nodes that are rows picked from a larger tensor, without other users on the way. */
  const rowsOf = new Map<Tensor, PickedRows>();
  const picked = new Map<Tensor, PickedRows>();
  for (const node of nodes) {
    const rows = pickedRows(node, (below) => (usersOf(below).length === 1 ? rowsOf.get(below) : undefined));
    if (!rows) continue;
    rowsOf.set(node, rows);
    if (node.rank !== 2 || wanted.has(node)) continue;
    if (usersOf(node).every((user) => rowsSide(user, node) !== undefined)) picked.set(node, rows);
  }
  return replaceAll(roots, (node, inputs, now) => {
    const side = node.inputs.map((input) => picked.has(input) && rowsSide(node, input)).find(Boolean);
    if (!side) return undefined;
    const { source, indices } = picked.get(node.inputs[side === "a" ? 0 : 1]) as PickedRows;
    const factors = side === "a" ? [source, inputs[1]] : [inputs[0], source];
    const attributes = { ...(node as Tensor<MatmulAttributes>).attributes, rows: side };
    const make = is(node, matmulOp) ? makeMatmul : makeRowSums;
    return make([...factors, now(indices)], attributes, node.label);
  });
}

/** The side of a product on which `input` can be read by rows; undefined for other nodes. */
function rowsSide(node: Tensor, input: Tensor): "a" | "b" | undefined {
  if (!is(node, matmulOp) && !is(node, rowSumsOp)) return undefined;
  const { transposeA, transposeB } = node.attributes;
  const [a, b] = node.inputs;
  if (a === b || a.rank !== 2 || b.rank !== 2) return undefined;
  if (a === input) return transposeA ? undefined : "a";
  return transposeB ? undefined : "b";
}

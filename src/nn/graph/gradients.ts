/** Reverse-mode differentiation: from a graph to a graph, by the local rule of each op. */
import { inWords } from "../../checks.ts";
import { formatShape, type Shape } from "../../program.ts";
import { sum } from "./ops/reduce.ts";
import { add, broadcastTo } from "./ops/scalar.ts";
import { constant } from "./ops/source.ts";
import { reshape } from "./ops/view.ts";
import { sameShape } from "./shape.ts";
import { checkTensor, ShapeError, type Tensor, topological, withLabel } from "./tensor.ts";

/**
 * Gradients of `output` with respect to each tensor of `inputs`, in their shapes; zeros where `output` does not depend
 * on an input. `arriving` is the gradient that arrives at `output` (default 1 for a scalar).
 * @throws ShapeError where `output` is no scalar and `arriving` is missing or of another shape
 * @throws TypeError where an argument is no tensor
 */
export function gradients(output: Tensor, inputs: readonly Tensor[], arriving?: Tensor): Tensor[] {
  if (!Array.isArray(inputs))
    throw new TypeError(`gradients: the inputs are ${inWords(inputs)}; give an array of tensors`);
  checkTensor("gradients", output, ...inputs, ...(arriving === undefined ? [] : [arriving]));
  if (!arriving && output.shape.some((size) => size !== 1)) {
    throw new ShapeError(
      "gradients",
      `the output is ${formatShape(output.shape)}; take its sum or mean first, or give the gradient that arrives at it`,
    );
  }
  if (arriving && !sameShape(arriving.shape, output.shape)) {
    throw new ShapeError(
      "gradients",
      `the output is ${formatShape(output.shape)}, the arriving gradient ${formatShape(arriving.shape)}; they must agree`,
    );
  }
  const order = topological([output]);
  const needed = dependents(order, inputs);
  const collected = new Map<Tensor, Tensor>([[output, arriving ?? constant(1, output.shape)]]);
  for (const node of order.reverse()) {
    const gradient = collected.get(node);
    if (!gradient || !needed.has(node) || node.op.gradient === "none") continue;
    const rule = node.op.gradient;
    if (rule === "internal") throw new Error(`${node} is made by rewrites, and cannot be differentiated`);
    const leaving = withLabel(node.label && `${node.label.replace(/ backward$/, "")} backward`, () => {
      const parts = rule(node, gradient);
      return node.op.broadcasts ? parts.map((part, i) => part && sumTo(part, node.inputs[i].shape)) : parts;
    });
    node.inputs.forEach((input, i) => {
      const part = leaving[i];
      if (!part || !needed.has(input)) return;
      if (!sameShape(part.shape, input.shape)) {
        throw new Error(
          `the gradient rule of ${node} gives ${formatShape(part.shape)} for ${formatShape(input.shape)}`,
        );
      }
      const sofar = collected.get(input);
      collected.set(input, sofar ? add(sofar, part) : part);
    });
  }
  return inputs.map((input) => collected.get(input) ?? broadcastTo(constant(0), input.shape));
}

/** Sums a gradient over the axes along which `shape` was broadcast. */
function sumTo(gradient: Tensor, shape: Shape): Tensor {
  if (sameShape(gradient.shape, shape)) return gradient;
  const missing = gradient.rank - shape.length;
  const axes = gradient.shape.flatMap((size, axis) => {
    const own = axis - missing;
    return own < 0 || (shape[own] === 1 && size !== 1) ? [axis] : [];
  });
  return reshape(axes.length > 0 ? sum(gradient, axes) : gradient, shape);
}

/** The nodes through which `inputs` influence `output`. */
function dependents(order: readonly Tensor[], inputs: readonly Tensor[]): Set<Tensor> {
  const needed = new Set<Tensor>(inputs);
  for (const node of order) if (node.inputs.some((input) => needed.has(input))) needed.add(node);
  return needed;
}

/** Rows chosen by index: a batch from a resident data set, embeddings. */
import { scatterRowsConstants } from "../../../kernels/scatterRows.ts";
import { elementCount, formatShape, type Shape } from "../../../program.ts";
import { sameShape } from "../shape.ts";
import { checkTensor, define, type Op, ShapeError, Tensor } from "../tensor.ts";
import { chosenBy, heldTo } from "./held.ts";
import { isScalarOp } from "./scalar.ts";
import { constant, constantValue } from "./source.ts";
import { isReshape, reshape } from "./view.ts";

/** Indices pass through f32 registers, which are exact up to this number. */
const MAX_ROWS = 2 ** 24;

const gatherOp: Op<null> = {
  name: "gather",
  infer([source, indices]) {
    if (source.rank < 1 || source.shape[0] > MAX_ROWS) {
      throw new ShapeError(
        "gather",
        `rows of ${formatShape(source.shape)}; the source needs 1 to ${MAX_ROWS} rows`,
      );
    }
    return { shape: [...indices.shape, ...source.shape.slice(1)], dtype: "f32" };
  },
  gradient: ({ inputs: [source, indices] }, arriving) => [
    makeScatter([arriving, indices], { shape: source.shape }),
    undefined,
  ],
  selects: [0],
  indices: ({ inputs: [source] }) => ({ input: 1, count: source.shape[0] }),
  lowering: {
    kind: "elementwise",
    emit({ inputs: [source, indices] }, emitter, at) {
      const size = elementCount(source.shape.slice(1));
      const grid = [elementCount(indices.shape), size];
      const index = emitter.load(indices, emitter.map(at, grid, [1, 0]));
      const column = emitter.map(at, grid, [0, 1]);
      return emitter.load(source, emitter.row(index, size, column));
    },
  },
};
const makeGather = define(gatherOp);

/** Rows of `source`, a matrix, at `indices` [rows]. */
export interface PickedRows {
  readonly source: Tensor;
  readonly indices: Tensor;
}

/**
 * Recognises `tensor` [rows, …] as rows picked from a larger tensor, changed only by elementwise functions and
 * constants: returns that tensor as a matrix, with the functions applied, and the indices. `known` holds the results
 * for the tensor's inputs.
 */
export function pickedRows(
  tensor: Tensor,
  known: (input: Tensor) => PickedRows | undefined,
): PickedRows | undefined {
  if (tensor.op === gatherOp) {
    const [source, indices] = tensor.inputs;
    return indices.rank === 1 ? { source: reshape(source, [source.shape[0], -1]), indices } : undefined;
  }
  if (isReshape(tensor) && tensor.shape[0] === tensor.inputs[0].shape[0]) return known(tensor.inputs[0]);
  if (!isScalarOp(tensor)) return undefined;
  const varying = tensor.inputs.filter((input) => constantValue(input) === undefined);
  if (varying.length !== 1 || !sameShape(varying[0].shape, tensor.shape)) return undefined;
  const below = known(varying[0]);
  if (!below) return undefined;
  const inputs = tensor.inputs.map((input) => {
    const value = constantValue(input);
    return value === undefined ? below.source : constant(value);
  });
  const source = new Tensor(tensor.op, inputs, tensor.attributes, below.source.shape, "f32", tensor.label);
  return { source, indices: below.indices };
}

/** Sum of the rows of values [...indices, ...row] at each index, [rows, ...row]; zeros for unused indices. */
const scatterOp: Op<{ shape: Shape }> = {
  name: "scatterRows",
  infer: (_inputs, { shape }) => ({ shape, dtype: "f32" }),
  gradient: ({ inputs: [, indices] }, arriving) => [makeGather([arriving, indices], null), undefined],
  indices: ({ shape }) => ({ input: 1, count: shape[0] }),
  lowering: {
    kind: "kernel",
    call: ({ inputs: [values, indices], shape }) => ({
      kernel: "scatterRows",
      constants: scatterRowsConstants(shape[0], elementCount(shape) / shape[0], elementCount(indices.shape)),
      reads: {},
      loads: { element: values, rowOf: indices },
      store: "store",
    }),
  },
};
const makeScatter = define(scatterOp);

/**
 * Rows of `source` [rows, ...] at `indices` [...], whole numbers of any type: [...indices, ...row]. Indices from the
 * host are refused unless they are from 0 to rows − 1. Computed indices are rounded down and clamped to that range; a
 * computed index that is NaN or infinite gives a row of NaN.
 * @throws ShapeError where `source` has too many rows, or no axis
 * @throws TypeError where source or indices is no tensor; in a run, EngineError where an index from the host is out of
 *   range
 */
export function gather(source: Tensor, indices: Tensor): Tensor {
  checkTensor("gather", source, indices);
  return chosenBy(indices, makeGather([source, heldTo(indices, source.shape[0] ?? 1)], null));
}

/** Sources of tensors: memory that exists before the step, constants, and step scalars. */

import { inWords, isList } from "../../../checks.ts";
import { DTYPES, type DType } from "../../../dtypes.ts";
import {
  elementCount,
  formatShape,
  OPTIMIZER_SCALAR,
  type Shape,
  scalarName,
  USER_SCALAR,
} from "../../../program.ts";
import { checkShape, resolveAxis } from "../shape.ts";
import { checkTensor, define, type Op, ShapeError, type Tensor } from "../tensor.ts";

export interface SourceAttributes {
  /**
   * Parameters and running statistics live in arenas, each of which is a state as a whole; inputs are written before a run, data stays resident, constants
   * are part of the program. Outputs and temporaries are results of the step itself, for its updates.
   */
  readonly role: "parameter" | "statistic" | "state" | "input" | "data" | "constant" | "output" | "temporary";
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Values of a constant. */
  readonly values?: readonly number[];
  /** For data: whether a step's author supplies it, rather than a data set. */
  readonly owner?: "user";
}

const sourceOp: Op<SourceAttributes> = {
  name: "source",
  infer(_inputs, { name, shape, dtype }) {
    checkShape(name, shape);
    return { shape, dtype };
  },
  gradient: () => [],
  lowering: { kind: "source" },
};
const source = define(sourceOp);

export function isSource(node: Tensor): node is Tensor<SourceAttributes> {
  return node.op.lowering.kind === "source";
}

/** A trainable tensor, by name. Layers get theirs from their scope. */
export function parameterSource(name: string, shape: Shape): Tensor {
  return source([], { role: "parameter", name, shape, dtype: "f32" });
}

/** A running statistic, by name. Layers get theirs from their scope. */
export function statisticSource(name: string, shape: Shape): Tensor {
  return source([], { role: "statistic", name, shape, dtype: "f32" });
}

/** Memory that outlives the step, as a whole, by name. */
export function stateSource(name: string, shape: Shape): Tensor {
  return source([], { role: "state", name, shape, dtype: "f32" });
}

/** An output, as the step has stored it. */
export function outputSource(name: string, shape: Shape): Tensor {
  return source([], { role: "output", name, shape, dtype: "f32" });
}

/** What the step computes for its updates, once gradients are in memory. */
export function temporarySource(name: string, shape: Shape): Tensor {
  return source([], { role: "temporary", name, shape, dtype: "f32" });
}

function checkName(op: string, name: unknown): void {
  if (typeof name !== "string") throw new TypeError(`${op}: the name is ${inWords(name)}; give a string`);
}

/**
 * A tensor of given numbers, row-major, which become part of the program. The default shape is [values.length].
 * @throws ShapeError where the numbers do not fill the shape, or one is not finite
 * @throws TypeError where `values` is no array of numbers
 */
export function tensor(values: readonly number[], shape: Shape = [values.length]): Tensor {
  if (!isList(values))
    throw new TypeError(`tensor: the values are ${inWords(values)}; give an array of numbers`);
  checkShape("tensor", shape);
  const bad = values.findIndex((value) => typeof value !== "number");
  if (bad >= 0) {
    const rows = isList(values[bad])
      ? ": rows one after the other, and their shape: tensor([1, 2, 3, 4], [2, 2])"
      : "";
    throw new TypeError(`tensor: value ${bad} is ${inWords(values[bad])}; give numbers${rows}`);
  }
  if (
    values.length !== elementCount(shape) ||
    !values.every((value) => Number.isFinite(Math.fround(value)))
  ) {
    throw new ShapeError(
      "tensor",
      `${values.length} values for ${formatShape(shape)}; give as many finite numbers as it has elements`,
    );
  }
  return source([], {
    role: "constant",
    name: `[${values.slice(0, 4).join(", ")}…]`,
    shape,
    dtype: "f32",
    values,
  });
}

/** A tensor that the host writes before each run of the step. */
export function inputSource(name: string, shape: Shape, dtype: DType = "f32"): Tensor {
  return source([], { role: "input", name, shape, dtype });
}

/**
 * A resident tensor, such as a data set.
 * @throws ShapeError where `shape` is none
 * @throws TypeError where `name` is no string, or `dtype` is unknown
 */
export function dataSource(name: string, shape: Shape, dtype: DType): Tensor {
  checkName("dataSource", name);
  checkShape("dataSource", shape);
  if (!DTYPES.includes(dtype))
    throw new TypeError(`dataSource: the type is ${inWords(dtype)}; give "f32", "i32" or "u8"`);
  return source([], { role: "data", name, shape, dtype, owner: "user" });
}

/** A column of a data set: memory of the library's, which no {@link dataSource} names. */
export function columnSource(name: string, shape: Shape, dtype: DType): Tensor {
  return source([], { role: "data", name, shape, dtype });
}

const constantOp: Op<{ value: number; shape: Shape }> = {
  name: "constant",
  infer: (_inputs, { shape }) => ({ shape, dtype: "f32" }),
  gradient: "none",
  lowering: { kind: "elementwise", emit: (node, emitter) => emitter.constant(node.attributes.value) },
};
const makeConstant = define(constantOp);

/**
 * A tensor of one value everywhere (default shape []).
 * @throws ShapeError where the value is not finite in 32 bits, or `shape` is none
 */
export function constant(value: number, shape: Shape = []): Tensor {
  if (typeof value !== "number" || !Number.isFinite(Math.fround(value)))
    throw new ShapeError("constant", `${inWords(value)} is no finite 32-bit number`);
  checkShape("constant", shape);
  return makeConstant([], { value, shape });
}

/** The value of a constant tensor, or undefined. */
export function constantValue(node: Tensor): number | undefined {
  return node.op === (constantOp as Op) ? (node as Tensor<{ value: number }>).attributes.value : undefined;
}

const stepScalarOp: Op<{ name: string }> = {
  name: "stepScalar",
  infer: () => ({ shape: [], dtype: "f32" }),
  gradient: "none",
  lowering: { kind: "elementwise", emit: (node, emitter) => emitter.scalar(node.attributes.name) },
};
const makeStepScalar = define(stepScalarOp);

/** The library's numbers that a step may read by these names; all other names are the step's own. */
const READABLE: readonly string[] = ["learningRate", "step", "epoch", "seed"];

const scalarOf = (name: string) => (READABLE.includes(name) ? name : USER_SCALAR + name);

/**
 * A number, shape [], that the host gives anew with every step. `learningRate`, `step`, `epoch` and `seed` are those that training
 * goes by; every other name is the step's own.
 * @throws TypeError where `name` is no string
 */
export function stepScalar(name: string): Tensor {
  checkName("stepScalar", name);
  return makeStepScalar([], { name: scalarOf(name) });
}

/** One of the optimizer's own numbers. */
export function optimizerScalar(name: string): Tensor {
  return makeStepScalar([], { name: OPTIMIZER_SCALAR + name });
}

const iotaOp: Op<{ shape: Shape; axis: number }> = {
  name: "iota",
  infer: (_inputs, { shape }) => ({ shape, dtype: "f32" }),
  gradient: "none",
  lowering: {
    kind: "elementwise",
    emit({ attributes: { shape, axis } }, emitter, at) {
      const strides = shape.map((_, other) => (other === axis ? 1 : 0));
      return emitter.position(emitter.map(at, shape, strides));
    },
  },
};
const makeIota = define(iotaOp);

/**
 * Index of each element along `axis`, in `shape`.
 * @throws ShapeError where `shape` is none, or the axis is outside it
 */
export function iota(shape: Shape, axis: number): Tensor {
  checkShape("iota", shape);
  return makeIota([], { shape, axis: resolveAxis("iota", axis, shape.length) });
}

const windowOp: Op<{ scalar: string; count: number }> = {
  name: "window",
  infer([input], { count, scalar }) {
    if (input.rank !== 1 || !(Number.isInteger(count) && count >= 1 && count <= input.shape[0])) {
      throw new ShapeError(
        "window",
        `${count} elements from step scalar ${scalarName(scalar)} on, of ${formatShape(input.shape)}; give a vector, and a whole number from 1 to its length`,
      );
    }
    return { shape: [count], dtype: input.dtype };
  },
  gradient() {
    throw new ShapeError("window", "the gradient of a window is not built; take windows of data");
  },
  lowering: {
    kind: "view",
    position: ({ attributes: { scalar } }, emitter, at) => emitter.shift(at, scalar),
  },
};
const makeWindow = define(windowOp);

/**
 * `count` elements of a resident vector, from the position in step scalar `scalar` on: [count].
 * @throws ShapeError where `data` is no vector, or `count` is no whole number from 1 to its length
 * @throws TypeError where `data` is no tensor, or `scalar` is no string
 */
export function stepWindow(data: Tensor, scalar: string, count: number): Tensor {
  checkTensor("stepWindow", data);
  checkName("stepWindow", scalar);
  return libraryWindow(data, scalarOf(scalar), count);
}

/** The same, from the position that a step scalar of the library's names. */
export function libraryWindow(data: Tensor, scalar: string, count: number): Tensor {
  return makeWindow([data], { scalar, count });
}

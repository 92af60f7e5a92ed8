/** Values that are computed once and kept in memory, whoever uses them. */
import { elementwiseConstants } from "../../../kernels/elementwise.ts";
import { elementCount } from "../../../program.ts";
import { define, type KernelCall, type Op, type Tensor } from "../tensor.ts";

/** The call of the kernel that computes elementwise values on their own. */
export function elementwiseCall(tensor: Tensor): KernelCall {
  return {
    kernel: "elementwise",
    constants: elementwiseConstants(elementCount(tensor.shape)),
    reads: {},
    loads: { element: tensor },
    store: "store",
  };
}

const storedOp: Op<null> = {
  name: "stored",
  infer: ([x]) => ({ shape: x.shape, dtype: "f32" }),
  gradient: (_node, arriving) => [arriving],
  lowering: { kind: "kernel", call: ({ inputs: [x] }) => elementwiseCall(x) },
};
const makeStored = define(storedOp);

/**
 * `x`, by a dispatch of its own: for what is dear and read many times, such as a number that every pixel of an image
 * goes by. Elementwise work is computed where it is read otherwise.
 */
export function stored(x: Tensor): Tensor {
  return makeStored([x], null);
}

/** Values computed once and kept in memory, for any number of users. */
import { elementwiseConstants } from "../../../kernels/elementwise.ts";
import { elementCount } from "../../../program.ts";
import { define, type KernelCall, type Op, type Tensor } from "../tensor.ts";

/** Calls the kernel that computes elementwise values on their own. */
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
 * `x`, computed by a dispatch of its own: for an expensive value with many readers, such as a number used by every
 * pixel of an image. Other elementwise work is computed where it is read.
 */
export function stored(x: Tensor): Tensor {
  return makeStored([x], null);
}

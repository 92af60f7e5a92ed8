/** Random numbers of samples: equal in whatever batch, and wherever in the batch, a sample is read. */
import { formatShape } from "../../../program.ts";
import { define, type Op, ShapeError, type Tensor } from "../tensor.ts";

const sampleUniformOp: Op<{ columns: number; stream: number }> = {
  name: "sampleUniform",
  infer: ([samples], { columns }) => ({ shape: [samples.shape[0], columns], dtype: "f32" }),
  gradient: "none",
  lowering: {
    kind: "elementwise",
    emit({ inputs: [samples], shape, attributes: { columns, stream } }, emitter, at) {
      const sample = emitter.load(samples, emitter.map(at, shape, [1, 0]));
      const position = emitter.row(sample, columns, emitter.map(at, shape, [0, 1]));
      return emitter.random(position, stream, "epoch");
    },
  },
};
const makeSampleUniform = define(sampleUniformOp);

/**
 * Uniform numbers in [0, 1), [batch, columns], for `samples` [batch]: functions of the seed, the step scalar `epoch`,
 * the sample's number, the column and the stream.
 */
export function sampleUniform(samples: Tensor, columns: number, stream: number): Tensor {
  if (samples.rank !== 1 || !(Number.isInteger(columns) && columns >= 1)) {
    throw new ShapeError(
      "sampleUniform",
      `samples are ${formatShape(samples.shape)} and columns ${columns}; expected [batch] and a whole number from 1`,
    );
  }
  return makeSampleUniform([samples], { columns, stream });
}

/** Nodes of ops that have no public function: those that passes put into a graph. */
import { registeredOps, Tensor } from "../../src/nn/graph/tensor.ts";

export function node(name: string, inputs: readonly Tensor[], attributes: unknown): Tensor {
  const op = registeredOps.get(name);
  if (!op) throw new Error(`no op is called ${name}`);
  const { shape, dtype } = op.infer(inputs, attributes);
  return new Tensor(op, inputs, attributes, shape, dtype);
}

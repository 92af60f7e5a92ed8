import { type Initializer, normal } from "../initializers.ts";
import type { Layer } from "../model.ts";
import { gather } from "../ops/gather.ts";

export interface EmbeddingOptions {
  /** How the rows begin (default N(0, 1), as in PyTorch). */
  readonly init?: Initializer;
}

/**
 * A learned vector for each of `count` indices: [batch, …] → [batch, …, width].
 * Parameter: `weight` [count, width], as PyTorch's `nn.Embedding`.
 */
export function embedding(count: number, width: number, { init = normal() }: EmbeddingOptions = {}): Layer {
  for (const [name, value] of Object.entries({ count, width })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`embedding: ${name} is ${value}; give a whole number from 1`);
    }
  }
  return {
    name: "embedding",
    apply: (x, scope) => gather(scope.parameter("weight", [count, width], { init }), x),
  };
}

import { checkOptions, checkWhole } from "../../../checks.ts";
import { gather } from "../../graph/ops/gather.ts";
import { type Initializer, normal } from "../initializers.ts";
import type { Layer } from "../model.ts";

export interface EmbeddingOptions {
  /** How the rows begin (default N(0, 1), as in PyTorch). */
  readonly init?: Initializer;
}

/**
 * A learned vector for each of `count` indices: [batch, …] → [batch, …, width].
 * Parameter: `weight` [count, width], as PyTorch's `nn.Embedding`.
 */
export function embedding(count: number, width: number, options: EmbeddingOptions = {}): Layer {
  checkWhole("embedding: count", count);
  checkWhole("embedding: width", width);
  const { init = normal() } = checkOptions("embedding", options, { init: "function" });
  return {
    name: "embedding",
    apply: (x, scope) => gather(scope.parameter("weight", [count, width], { init }), x),
  };
}

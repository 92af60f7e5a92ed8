import { checkOptions, checkWhole } from "../../../checks.ts";
import { gather } from "../../graph/ops/gather.ts";
import { type Initializer, normal } from "../initializers.ts";
import type { Layer } from "../model.ts";

export interface EmbeddingOptions {
  /** Initializer of the rows (default N(0, 1), as in PyTorch). */
  readonly init?: Initializer;
}

/**
 * A learned vector for each of `count` indices: [batch, …] → [batch, …, width]. Parameter as PyTorch's `nn.Embedding`:
 * `weight` [count, width].
 * @throws RangeError where `count` or `width` is no whole number from 1
 * @throws TypeError where an option is unknown or of another kind; in a run, EngineError where an index is out of range
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

import type { Layer } from "../../../../src/index.ts";
import type { Samples } from "../../../helpers/layer-run.ts";
import type { Numbers } from "../../../helpers/references.ts";
import type { Sample } from "../../../helpers/samples.ts";

/** A layer, an input, and what must come out. */
export interface LayerCase {
  readonly layer: Layer;
  readonly x: Sample;
  /** What it gives, by formulas that know nothing of it; `p` holds its parameters and statistics by name. */
  expected(x: Sample, p: Samples): Numbers;
  /** What it gives in evaluation, where that is something else. */
  expectedInEvaluation?(x: Sample, p: Samples): Numbers;
}

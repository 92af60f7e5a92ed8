/** The first number of a batch that is not finite, as the step reads it: scaled, in the order of the epoch. */
import { elementCount } from "../../program.ts";
import { firstNonFinite } from "../finite.ts";
import type { BatchSource } from "../source.ts";
import type { Trainer } from "../trainer.ts";
import type { Finding } from "./state.ts";
import { scalarsOf, type TracedStep } from "./step.ts";

/** The first input or target of the batch that is not finite; undefined where all are. */
export async function inBatch(
  trainer: Trainer,
  source: BatchSource,
  step: TracedStep,
): Promise<Finding | undefined> {
  let shapes: { readonly input: readonly number[]; readonly target: readonly number[] } = {
    input: [],
    target: [],
  };
  const body = () => {
    const { x, y, samples } = source.batch(step.size);
    shapes = { input: x.shape.slice(1), target: y.shape.slice(1) };
    return { input: x, target: y, samples };
  };
  const batch = await trainer.compile(body, { name: "batch", data: source.data, training: false });
  try {
    const { samples, ...columns } = await batch.run({}, scalarsOf(step));
    for (const place of ["input", "target"] as const) {
      const values = columns[place] as Float32Array;
      const at = firstNonFinite(values);
      if (at < 0) continue;
      const shape = shapes[place];
      const size = elementCount(shape);
      return { place, shape, sample: samples[Math.floor(at / size)], element: at % size, value: values[at] };
    }
    return undefined;
  } finally {
    batch.release();
  }
}

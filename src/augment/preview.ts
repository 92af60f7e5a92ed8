/** Previews of augmented samples. */

import { checkSignal } from "../abort.ts";
import { checkOptions, checkWhole, inWords } from "../checks.ts";
import { checkDataset, type Dataset } from "../data/dataset.ts";
import type { Augment } from "../nn/training/batch.ts";
import { BATCH_START } from "../program.ts";
import type { Engine } from "../runtime/engine.ts";
import { checkEngine } from "../train/arguments.ts";
import { type Compiled, compile } from "../train/compile.ts";

export interface PreviewOptions {
  /** Indices of the samples (default: the first 8). */
  readonly samples?: readonly number[];
  /** Epochs to show (default 1 to 8). */
  readonly epochs?: readonly number[];
  /** Seed of the random numbers (default 0, as in `fit`). */
  readonly seed?: number;
  /** Aborts the preview between two epochs; the signal's reason is the error. */
  readonly signal?: AbortSignal;
}

/** One sample as training sees it. */
export interface Preview {
  readonly sample: number;
  /** The sample in the data set, scaled. */
  readonly original: Float32Array;
  /** The augmented sample in each of the epochs. */
  readonly epochs: readonly Float32Array[];
}

/**
 * Inputs on which `fit` with the same seed trains, for some samples and epochs.
 * @throws RangeError where a sample is not in the data set, or an epoch or the seed is no whole number
 * @throws TypeError where an argument is of another kind, or an option is unknown; the signal's reason
 */
export async function preview(
  engine: Engine,
  dataset: Dataset,
  augment: Augment,
  options: PreviewOptions = {},
): Promise<Preview[]> {
  checkEngine("preview", engine);
  checkDataset("preview", dataset);
  if (typeof augment !== "object" || typeof augment?.apply !== "function") {
    throw new TypeError(
      `preview: augment is ${inWords(augment)}; give the result of augment(…), such as augment(rotate(15))`,
    );
  }
  checkOptions("preview", options, { samples: "array", epochs: "array", seed: "number", signal: "any" });
  const first = (count: number, from: number) => Array.from({ length: count }, (_, i) => from + i);
  const { samples = first(Math.min(8, dataset.count), 0), epochs = first(8, 1), seed = 0, signal } = options;
  const wrong = samples.find(
    (sample) => !(Number.isInteger(sample) && sample >= 0 && sample < dataset.count),
  );
  if (wrong !== undefined || samples.length === 0) {
    throw new RangeError(
      `preview: samples has ${wrong ?? "nothing"}; ${dataset.name} has samples 0 to ${dataset.count - 1}`,
    );
  }
  checkWhole("preview: seed", seed, 0);
  for (const epoch of epochs) checkWhole("preview: an epoch", epoch, 0);
  checkSignal("preview", signal);
  signal?.throwIfAborted();
  const { ResidentDataset } = await import("../train/opened.ts");
  const source = new ResidentDataset(engine, dataset, samples.length);
  const order = new Int32Array(dataset.count);
  order.set(samples);
  source.order.write(order);
  let step: Compiled | undefined;
  try {
    step = await compile(
      engine,
      {},
      () => {
        const batch = source.batch(samples.length);
        return { original: batch.x, changed: augment.apply(batch).x };
      },
      { name: "preview", data: source.data, seed, signal },
    );
    const perEpoch: Float32Array[] = [];
    let original = new Float32Array();
    for (const epoch of epochs) {
      signal?.throwIfAborted();
      const outputs = await step({}, { [BATCH_START]: 0, epoch });
      perEpoch.push(outputs.changed as Float32Array);
      original = outputs.original as Float32Array<ArrayBuffer>;
    }
    const size = original.length / samples.length;
    return samples.map((sample, i) => {
      const own = (values: Float32Array) => values.slice(i * size, (i + 1) * size);
      return { sample, original: own(original), epochs: perEpoch.map(own) };
    });
  } finally {
    step?.release();
    source.release();
  }
}

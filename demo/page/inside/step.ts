/** The training step that is looked into: as the Train view runs it, on random images. */
import { type CompiledStep, DivergenceError, type Engine, session } from "wgrad";
import { type Dataset, dataset } from "wgrad/data";
import { buildModel, buildTraining } from "../network/build.ts";
import type { Settings } from "../network/settings.ts";

const IMAGE = [1, 28, 28] as const;
const CLASSES = 10;
const LEAST_IMAGES = 1024;
/** Steps that are taken at once. */
export const MOST_STEPS = 64;

export interface RecordedStep {
  readonly step: CompiledStep;
  readonly parameters: number;
  readonly images: number;
  /** Takes so many steps. @throws Error when the loss is no number */
  run(count: number): Promise<void>;
  /** Times the launches of at most `count` steps. */
  profile(count: number): ReturnType<CompiledStep["profile"]>;
  release(): void;
}

export async function recordStep(engine: Engine, settings: Settings): Promise<RecordedStep> {
  const images = Math.max(LEAST_IMAGES, 2 * settings.batchSize);
  const options = buildTraining(settings);
  const training = await session(engine, buildModel(settings), randomImages(images), options);
  const { step, trainer } = training;
  return {
    step,
    parameters: trainer.parameterCount,
    images,
    async run(count) {
      try {
        await training.advance(count);
      } catch (error) {
        if (!(error instanceof DivergenceError)) throw error;
        throw new Error("the loss is not finite, so times would mean nothing; choose other settings");
      }
    },
    profile: (count) =>
      step.profile(Math.min(count, step.executable.table.rows), () => ({ batchStart: 0, epoch: 1 })),
    release: () => training.release(),
  };
}

/** The images' contents do not change the time of a step; images that are all alike might. */
function randomImages(count: number): Dataset {
  const pixels = new Uint8Array(count * 28 * 28);
  for (let i = 0; i < pixels.length; i++) pixels[i] = Math.random() * 256;
  const labels = Uint8Array.from({ length: count }, () => Math.random() * CLASSES);
  return dataset({
    name: "random images",
    inputs: { data: pixels, shape: IMAGE, scale: 1 / 255 },
    targets: { data: labels },
    classes: CLASSES,
  });
}

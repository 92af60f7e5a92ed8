/** The training step that is looked into: as the Train view runs it, on random images. */
import { type CompiledStep, createTrainer, type Engine, openData } from "wgrad";
import { type Dataset, dataset } from "wgrad/data";
import { buildModel, buildOptimizer } from "../network/build.ts";
import type { Settings } from "../network/settings.ts";
import { compileTrainingStep } from "../network/step.ts";

const IMAGE = [1, 28, 28] as const;
const CLASSES = 10;
const LEAST_IMAGES = 1024;
/** Steps of one submit. */
export const MOST_STEPS = 64;

export interface RecordedStep {
  readonly step: CompiledStep;
  readonly parameters: number;
  readonly images: number;
  /** Enqueues so many steps. @throws Error when the loss is no number */
  run(count: number): Promise<void>;
  profile(count: number): ReturnType<CompiledStep["profile"]>;
  release(): void;
}

export async function recordStep(engine: Engine, settings: Settings): Promise<RecordedStep> {
  const { batchSize, seed } = settings;
  const held: { release(): void }[] = [];
  const release = () => {
    for (const one of held.splice(0)) one.release();
  };
  try {
    const model = buildModel(settings);
    const optimizer = buildOptimizer(settings);
    const trainer = createTrainer(engine, model, { inputShape: IMAGE, optimizer, seed });
    held.push(trainer);
    const images = Math.max(LEAST_IMAGES, 2 * batchSize);
    const source = await openData(engine, randomImages(images), { batchSize });
    held.push(source);
    const step = await compileTrainingStep(trainer, source, settings, MOST_STEPS);
    held.push(step);
    // Puts a first order of the images into memory.
    const [part] = await firstOf(source.read({ epoch: 1, seed, shuffle: true }));
    let taken = 0;
    const scalarsAt = () => ({ batchStart: part.starts[taken++ % part.starts.length], epoch: 1 });
    return {
      step,
      parameters: trainer.parameterCount,
      images,
      async run(count) {
        const { loss } = await step.runMany(count, scalarsAt);
        if (!loss.every(Number.isFinite)) {
          throw new Error("the loss is no number, so times would mean nothing; choose other settings");
        }
      },
      profile: (count) => step.profile(count, scalarsAt),
      release,
    };
  } catch (error) {
    release();
    throw error;
  }
}

async function firstOf<T>(items: AsyncIterable<T>): Promise<T> {
  for await (const item of items) return item;
  throw new Error("there is no batch to read");
}

/** What they show does not change how long a step takes; that they are not all alike might. */
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

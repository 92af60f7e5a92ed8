/**
 * A causal character transformer, two blocks of width 64 with 4 heads over 64 characters, learns a small language
 * (brackets that nest, sums that are right) and is compared with a bigram model of the same text.
 *
 *   npm run demo:transformer -- [--steps 600] [--batch 16] [--seed 1]
 */
import { pathToFileURL } from "node:url";
import { adamw, connect, crossEntropy, type Engine, session } from "wgrad";
import { type Dataset, dataset } from "wgrad/data";
import { CONTEXT, transformer } from "../presets/transformer.ts";
import { Arguments } from "./arguments.ts";
import { ALPHABET, bigramLoss, encode, text } from "./language.ts";

const RATE = 2e-3;

interface Options {
  readonly steps: number;
  readonly batchSize: number;
  readonly seed: number;
  /** Windows of unseen text that are measured at the end (default 64). */
  readonly heldWindows?: number;
  readonly onStep?: (step: number, loss: number) => void;
}

interface Result {
  /** Loss of each training step. */
  readonly losses: number[];
  /** Nats a character on text that nobody trained on. */
  readonly transformer: number;
  readonly bigram: number;
}

/** Trains the transformer, and measures it and a bigram model on the same unseen text. */
export async function train(
  engine: Engine,
  { steps, batchSize, seed, heldWindows = 64, onStep }: Options,
): Promise<Result> {
  const training = encode(text(200_000, seed));
  const held = encode(text(heldWindows * CONTEXT + 1, seed + 1));
  using run = await session(
    engine,
    transformer(ALPHABET.length),
    windows(training, spread(training, steps * batchSize)),
    {
      loss: crossEntropy(),
      optimizer: adamw({ learningRate: RATE }),
      // Up to the full rate over the first tenth of the steps, then down along a straight line.
      schedule: (step) => Math.min(1, (step + 1) / (steps / 10), (steps - step) / (0.9 * steps)),
      batchSize,
      epochs: 1,
      shuffle: false,
      seed,
      clip: { norm: 1 },
      validationBatchSize: batchSize,
    },
  );
  const losses: number[] = [];
  while (!run.finished) {
    const { loss, place } = await run.advance();
    losses.push(loss);
    onStep?.(place.steps, loss);
  }
  const starts = Array.from({ length: heldWindows }, (_, i) => i * CONTEXT);
  const { loss } = await run.evaluate(windows(held, starts));
  return { losses, transformer: loss, bigram: bigramLoss(training, held) };
}

/** Starts of windows spread over the text. */
function spread(characters: Int32Array, count: number): number[] {
  const places = characters.length - CONTEXT - 1;
  // Steps of a fixed size, prime to the number of places, visit all of them before any comes again.
  return Array.from({ length: count }, (_, i) => (i * 100_003) % places);
}

/** Windows of the text, and the character after each of their characters. */
function windows(characters: Int32Array, starts: readonly number[]): Dataset {
  const cut = (offset: number) => {
    const data = new Int32Array(starts.length * CONTEXT);
    starts.forEach((start, i) => {
      data.set(characters.subarray(start + offset, start + offset + CONTEXT), i * CONTEXT);
    });
    return { data, shape: [CONTEXT] };
  };
  return dataset({ name: "windows", inputs: cut(0), targets: cut(1) });
}

async function main(): Promise<void> {
  const args = new Arguments("npm run demo:transformer -- [--steps 600] [--batch 16] [--seed 1]", {
    steps: "600",
    batch: "16",
    seed: "1",
  });
  const [steps, batchSize] = [args.number("steps", 1), args.number("batch", 1)];
  const seed = args.number("seed", 0);
  const engine = await connect().catch(async (error: Error) => {
    console.log(`${error.message}\nTraining on the processor.`);
    const { wasm } = await import("wgrad/wasm");
    return wasm();
  });
  console.log(`Training on ${engine.info.adapter}.`);
  const onStep = (step: number, loss: number) => {
    if (step % 50 === 0) console.log(`step ${step}  loss ${loss.toFixed(3)}`);
  };
  const result = await train(engine, { steps, batchSize, seed, onStep });
  console.log(
    `On unseen text, nats a character: transformer ${result.transformer.toFixed(3)}, bigram ${result.bigram.toFixed(3)}`,
  );
  await engine.destroy();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();

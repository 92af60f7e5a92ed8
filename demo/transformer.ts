/**
 * A causal character transformer, two blocks of width 64 with 4 heads over 64 characters, learns a small language
 * (brackets that nest, sums that are right) and is compared with a bigram model of the same text.
 *
 *   npm run demo:transformer -- [--steps 600] [--batch 16] [--seed 1]
 */
import { pathToFileURL } from "node:url";
import {
  adamw,
  add,
  connect,
  cpu,
  createTrainer,
  dense,
  type Engine,
  embedding,
  gelu,
  init,
  type Layer,
  layerNorm,
  multiHeadAttention,
  ops,
  residual,
  sequential,
} from "wgrad";
import { Arguments } from "./arguments.ts";
import { ALPHABET, bigramLoss, encode, text } from "./language.ts";

const CONTEXT = 64;
const WIDTH = 64;
const HEADS = 4;

/** Adds a learned vector for each position: a layer of one's own takes no more than this. */
function positions(): Layer {
  return {
    name: "positions",
    apply(x, scope) {
      const [, length, width] = x.shape;
      return add(x, scope.parameter("weight", [length, width], { init: init.normal(0.02), decay: false }));
    },
  };
}

function block(): Layer[] {
  return [
    residual(layerNorm(), multiHeadAttention(HEADS, { causal: true })),
    residual(layerNorm(), dense(4 * WIDTH), gelu(), dense(WIDTH)),
  ];
}

export function transformer(): Layer {
  return sequential(
    embedding(ALPHABET.length, WIDTH, { init: init.normal(0.02) }),
    positions(),
    ...block(),
    ...block(),
    layerNorm(),
    dense(ALPHABET.length),
  );
}

interface Options {
  readonly steps: number;
  readonly batchSize: number;
  readonly seed: number;
  /** Windows of unseen text that are measured at the end (default 64). */
  readonly heldWindows?: number;
  readonly onStep?: (step: number, loss: number) => void;
}

interface Result {
  /** Of each training step. */
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
  const trainer = createTrainer(engine, transformer(), {
    inputShape: [CONTEXT],
    optimizer: adamw({ learningRate: 2e-3 }),
    seed,
  });
  const inputs = {
    x: { shape: [batchSize, CONTEXT], dtype: "i32" },
    y: { shape: [batchSize, CONTEXT], dtype: "i32" },
  } as const;
  const step = await trainer.compile(({ x, y }, model) => ({ minimize: ops.crossEntropy(model(x), y) }), {
    name: "train",
    inputs,
    clip: { norm: 1 },
  });
  const measure = await trainer.compile(({ x, y }, model) => ({ loss: ops.crossEntropy(model(x), y) }), {
    name: "measure",
    inputs,
    training: false,
  });

  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    // Up to the full rate over the first tenth of the steps, then down along a straight line.
    const learningRate = 2e-3 * Math.min(1, (i + 1) / (steps / 10), (steps - i) / (0.9 * steps));
    const { loss } = await step.run(windows(training, i * batchSize, batchSize), { learningRate });
    losses.push(loss[0]);
    onStep?.(i + 1, loss[0]);
  }

  let total = 0;
  const batches = Math.floor(heldWindows / batchSize);
  for (let i = 0; i < batches; i++) {
    const { loss } = await measure.run(consecutive(held, i * batchSize * CONTEXT, batchSize));
    total += loss[0] / batches;
  }
  trainer.release();
  return { losses, transformer: total, bigram: bigramLoss(training, held) };
}

/** A batch of windows spread over the text, other ones for every `first`, and what follows each character. */
function windows(characters: Int32Array, first: number, count: number): { x: Int32Array; y: Int32Array } {
  const places = characters.length - CONTEXT - 1;
  // Steps of a fixed size, prime to the number of places, visit all of them before any comes again.
  const starts = Array.from({ length: count }, (_, i) => ((first + i) * 100_003) % places);
  return cut(characters, starts);
}

function consecutive(characters: Int32Array, start: number, count: number): { x: Int32Array; y: Int32Array } {
  return cut(
    characters,
    Array.from({ length: count }, (_, i) => start + i * CONTEXT),
  );
}

function cut(characters: Int32Array, starts: readonly number[]): { x: Int32Array; y: Int32Array } {
  const x = new Int32Array(starts.length * CONTEXT);
  const y = new Int32Array(starts.length * CONTEXT);
  starts.forEach((start, i) => {
    x.set(characters.subarray(start, start + CONTEXT), i * CONTEXT);
    y.set(characters.subarray(start + 1, start + CONTEXT + 1), i * CONTEXT);
  });
  return { x, y };
}

async function main(): Promise<void> {
  const args = new Arguments("npm run demo:transformer -- [--steps 600] [--batch 16] [--seed 1]", {
    steps: "600",
    batch: "16",
    seed: "1",
  });
  const [steps, batchSize] = [args.number("steps", 1), args.number("batch", 1)];
  const seed = args.number("seed", 0);
  const engine = await connect().catch((error: Error) => {
    console.log(`${error.message}\nTraining on the CPU engine.`);
    return cpu();
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

/**
 * Colour from grey: a small convolutional network is shown the grey values of landscapes and learns their colours. What
 * is sky and what is sea cannot be read off one pixel; it takes what is around it.
 */
import {
  adam,
  add,
  conv2d,
  init,
  type Layer,
  meanSquaredError,
  oneCycle,
  predict,
  relu,
  sequential,
} from "wgrad";
import { type Dataset, dataset } from "wgrad/data";
import type { LinesSpec, Picture, PicturesSpec } from "../../charts/spec.ts";
import { table } from "../../src/text.ts";
import type { Experiment, Outcome } from "./frame/experiment.ts";
import { last, train } from "./frame/training.ts";
import { greyOf, SIDE, scene } from "./scenes.ts";

const PIXELS = SIDE * SIDE;
const SHOWN = 6;
const CHANNELS = 16;
/** Distances between the pixels that a kernel of 3 × 3 takes in, layer by layer: together they see 29 × 29 pixels. */
const DILATIONS = [1, 2, 4, 6];

/** Colours [count, 3, SIDE, SIDE] and their grey values [count, 1, SIDE, SIDE]. */
interface Scenes {
  readonly colours: Float32Array;
  readonly greys: Float32Array;
  readonly data: Dataset;
}

export const colour: Experiment = {
  name: "colour",
  title: "Colour from grey",
  question: "Can a network tell the colours of a picture from its grey values?",
  async run({ engine, seed, quick, note }) {
    const training = scenes("scenes to train on", seed, 0, quick ? 96 : 512);
    const unseen = scenes("unseen scenes", seed, 1_000_000, quick ? 32 : 128);
    let guess: Float32Array = new Float32Array(0);
    const { epochs } = await train(
      engine,
      model(quick ? 8 : CHANNELS),
      training.data,
      {
        loss: meanSquaredError(),
        optimizer: adam({ learningRate: 0.01 }),
        schedule: oneCycle(),
        batchSize: quick ? 4 : 8,
        epochs: quick ? 8 : 24,
        seed,
        validation: unseen.data,
        onProgress: ({ epoch, samples, samplesPerEpoch, loss }) => {
          if (samples === samplesPerEpoch) note(`epoch ${epoch}: loss ${loss.toFixed(4)}`);
        },
      },
      async (trainer) => {
        guess = (await predict(trainer, unseen.greys, { batchSize: 32 })).data;
      },
    );
    const losses = epochs.map(({ loss, validation }) => ({
      training: loss,
      unseen: validation?.loss ?? Number.NaN,
    }));
    return outcome(unseen, guess, meanColour(training.colours), losses);
  },
};

/**
 * [batch, 1, SIDE, SIDE] → [batch, 3, SIDE, SIDE]: the grey value, and what convolutions add to it for each colour. Each
 * convolution sees further than the one before. The last one begins with zeros: the first guess is grey.
 */
function model(channels: number): Layer {
  const layers = DILATIONS.flatMap((dilation): Layer[] => [
    conv2d(channels, 3, { padding: "same", dilation }),
    relu(),
  ]);
  const tint = sequential(...layers, conv2d(3, 1, { init: init.zeros() }));
  return { name: "colouring", apply: (grey, scope) => add(grey, tint.apply(grey, scope)) };
}

function scenes(name: string, seed: number, first: number, count: number): Scenes {
  const colours = new Float32Array(count * 3 * PIXELS);
  const greys = new Float32Array(count * PIXELS);
  for (let i = 0; i < count; i++) {
    const picture = scene(seed, first + i);
    colours.set(picture, i * 3 * PIXELS);
    greys.set(greyOf(picture), i * PIXELS);
  }
  const data = dataset({
    name,
    inputs: { data: greys, shape: [1, SIDE, SIDE] },
    targets: { data: colours, shape: [3, SIDE, SIDE] },
  });
  return { colours, greys, data };
}

/** Over all pixels of all pictures, [3]. */
function meanColour(colours: Float32Array): number[] {
  const sums = [0, 0, 0];
  colours.forEach((value, i) => {
    sums[Math.floor(i / PIXELS) % 3] += value;
  });
  return sums.map((sum) => sum / (colours.length / 3));
}

/** The mean of |guess - truth| over all pixels and channels. */
function meanError(guess: (i: number) => number, truth: Float32Array): number {
  return truth.reduce((sum, value, i) => sum + Math.abs(guess(i) - value), 0) / truth.length;
}

function outcome(
  { colours, greys }: Scenes,
  guess: Float32Array,
  mean: readonly number[],
  losses: readonly { readonly training: number; readonly unseen: number }[],
): Outcome {
  const greyAt = (i: number) => greys[Math.floor(i / (3 * PIXELS)) * PIXELS + (i % PIXELS)];
  const meanAt = (i: number) => mean[Math.floor(i / PIXELS) % 3];
  // The mean colour at the pixel's own brightness: the best guess without any context.
  const brightness = 0.299 * mean[0] + 0.587 * mean[1] + 0.114 * mean[2];
  const tintedAt = (i: number) => Math.min(1, (meanAt(i) * greyAt(i)) / brightness);
  const errors = {
    network: meanError((i) => guess[i], colours),
    "grey as colour": meanError(greyAt, colours),
    "the mean colour": meanError(meanAt, colours),
    "the mean colour at each pixel's brightness": meanError(tintedAt, colours),
  };
  return {
    figures: {
      ...errors,
      "first loss": losses[0].training,
      "last loss": last(losses).training,
      "last loss, unseen": last(losses).unseen,
    },
    lines: [
      `${colours.length / (3 * PIXELS)} scenes that the network has never seen: mean absolute error of red, green and blue (from 0 to 1)`,
      ...table([
        ["guess", "error"],
        ...Object.entries(errors).map(([name, error]) => [name, error.toFixed(4)]),
      ]),
    ],
    charts: [pictures(colours, greys, guess), lossChart(losses)],
  };
}

function pictures(colours: Float32Array, greys: Float32Array, guess: Float32Array): PicturesSpec {
  const at = (values: Float32Array, i: number, channels: 1 | 3): Picture => {
    const size = channels * PIXELS;
    return picture(values.subarray(i * size, (i + 1) * size), channels);
  };
  const shown = Array.from({ length: SHOWN }, (_, i) => i);
  return {
    kind: "pictures",
    name: "pictures",
    title: "Colour from grey: scenes that the network has never seen",
    size: 112,
    rows: [
      { label: "grey", pictures: shown.map((i) => at(greys, i, 1)) },
      { label: "guess", pictures: shown.map((i) => at(guess, i, 3)) },
      { label: "truth", pictures: shown.map((i) => at(colours, i, 3)) },
    ],
  };
}

/** From channel by channel, from 0 to 1, to pixel by pixel, in bytes. */
function picture(values: Float32Array, channels: 1 | 3): Picture {
  const pixels = new Uint8Array(values.length);
  values.forEach((value, i) => {
    const channel = Math.floor(i / PIXELS);
    pixels[(i % PIXELS) * channels + channel] = Math.round(255 * Math.min(1, Math.max(0, value)));
  });
  return { pixels, width: SIDE, height: SIDE, channels };
}

function lossChart(losses: readonly { readonly training: number; readonly unseen: number }[]): LinesSpec {
  const curve = (pick: (one: (typeof losses)[number]) => number) =>
    losses.map((one, i) => ({ x: i + 1, y: pick(one) }));
  return {
    kind: "lines",
    name: "loss",
    title: "The network's error as it learns",
    x: { name: "epoch" },
    y: { name: "mean squared error", log: true },
    series: [
      { name: "training", style: "plain", colour: 0, points: curve(({ training }) => training) },
      { name: "unseen scenes", style: "dashed", colour: 0, points: curve(({ unseen }) => unseen) },
    ],
  };
}

/**
 * Handwritten digits without a download: images drawn from stroke forms as a hand would draw them, each a little
 * differently. They replace MNIST in tests, demos and lessons: the same layout, about equally hard.
 */
import { checkOptions } from "../../checks.ts";
import { normals, permutation, uniforms } from "../../random.ts";
import { type Dataset, dataset } from "../dataset.ts";
import { type Glyph, glyphs } from "./glyphs.ts";
import { draw, type Normal } from "./handwriting.ts";
import { blur, develop, rasterize, SIDE } from "./raster.ts";

export interface DigitsOptions {
  /** Number of training images (default 20,000). */
  readonly train?: number;
  /** Number of test images (default 2,000). */
  readonly test?: number;
  /** Whole number from 0 to 2^53 − 1 (default 1). */
  readonly seed?: number;
}

const CLASSES = 10;
const PIXELS = SIDE * SIDE;
/** First sample of the test images: neither set depends on the other's size. A multiple of 10. */
const TEST_START = 500_000_000;
const DRAWS = 160;

/**
 * Generates a data set of handwritten digits: white on black, 28 × 28 pixels. As in MNIST, a digit fills the middle 20
 * pixels, except for a shift of about one pixel.
 *
 * Sample i is a function of (seed, i) alone. Ten consecutive samples hold each digit once, in shuffled order. The same
 * seed gives the same images, except for single grey levels between JavaScript engines, whose sines may differ in the
 * last bit. An image takes about 0.05 ms.
 * @returns inputs of shape [1, 28, 28] in bytes with scale 1/255, targets as class indices 0 to 9
 * @throws RangeError where a size is no whole number from 1 to 500,000,000, or the seed none from 0 to 2^53 − 1
 * @throws TypeError where an option is unknown or of another kind
 */
export function digits(options: DigitsOptions = {}): { train: Dataset; test: Dataset } {
  checkOptions("digits", options, { train: "number", test: "number", seed: "number" });
  const { train = 20_000, test = 2_000, seed = 1 } = options;
  for (const [what, count] of Object.entries({ train, test })) {
    if (!Number.isInteger(count) || count < 1 || count > TEST_START) {
      throw new RangeError(
        `digits: ${what} is ${count}; expected a number of images, an integer from 1 to ${TEST_START}`,
      );
    }
  }
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`digits: seed is ${seed}; expected an integer from 0 to 2^53 − 1`);
  }
  return {
    train: samples("digits train", seed, 0, train),
    test: samples("digits test", seed, TEST_START, test),
  };
}

function samples(name: string, seed: number, start: number, count: number): Dataset {
  const forms = glyphs();
  const images = new Uint8Array(count * PIXELS);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const label = labelOf(seed, start + i);
    labels[i] = label;
    const image = images.subarray(i * PIXELS, (i + 1) * PIXELS);
    drawSample(forms[label], seed, start + i, image);
  }
  return dataset({
    name,
    inputs: { data: images, shape: [1, SIDE, SIDE], scale: 1 / 255 },
    targets: { data: labels },
    classes: CLASSES,
  });
}

/** The digit of a sample: each block of ten samples is a permutation of the ten digits. */
function labelOf(seed: number, sample: number): number {
  return permutation(CLASSES, seed, Math.floor(sample / CLASSES)).at(sample % CLASSES);
}

function drawSample(forms: readonly Glyph[], seed: number, sample: number, image: Uint8Array): void {
  // Three random streams for each sample: choices, the hand, and noise.
  const [form, softness] = uniforms(2, seed, 3 * sample);
  const noise = uniforms(PIXELS, seed, 3 * sample + 2);
  const path = draw(forms[Math.floor(form * forms.length)], reader(normals(DRAWS, seed, 3 * sample + 1)));
  const ink = rasterize(path);
  blur(ink, 0.04 + 0.14 * softness);
  develop(ink, noise, 0.25, image);
}

/** Gives the numbers one after another. */
function reader(numbers: Float32Array): Normal {
  let at = 0;
  return () => {
    const next = numbers[at++];
    if (next === undefined)
      throw new Error(`digits: a form takes more than ${numbers.length} random numbers`);
    return next;
  };
}

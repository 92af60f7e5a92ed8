/**
 * Random models in training: a few layers of any kind, data, a loss and settings that fit together. A seed gives the same
 * model on every machine; kinds take turns, so that the seeds 1 to 40 have every layer,
 * loss, optimizer and schedule.
 */
import { type Dataset, dataset, type FieldOptions } from "../../../src/data/index.ts";
import * as w from "../../../src/index.ts";
import { inputSource } from "../../../src/nn/graph/ops/source.ts";
import { declaredLayout } from "../../../src/nn/model/layout.ts";
import { applyModel } from "../../../src/nn/model/model.ts";
import { ModelTrace, Scope } from "../../../src/nn/model/parameters.ts";
import { elementCount } from "../../../src/program.ts";
import { Draws } from "./draws.ts";
import { denseLayer, drawnLayer, embeddingLayer, LAYER_KINDS, type Part, unscalingLayer } from "./layers.ts";
import {
  crossEntropyLoss,
  drawnAugment,
  drawnOptimizer,
  drawnSchedule,
  LOSS_KINDS,
  type LossKind,
  lossOfNumbers,
  type Named,
  OPTIMIZER_KINDS,
  SCHEDULE_KINDS,
} from "./training.ts";

export interface RandomModel {
  readonly seed: number;
  /** All that was drawn, for a failure's message. */
  readonly text: string;
  /** Names of the layers, losses, optimizers … in it. */
  readonly kinds: ReadonlySet<string>;
  /** Number of layers, those within others included. */
  readonly layers: number;
  readonly model: w.Sequential;
  readonly data: Dataset;
  readonly options: w.SessionOptions & { readonly loss: w.Loss | w.LossFunction };
}

/** Most elements of a sample between layers, and most parameters. */
const MOST_ELEMENTS = 220;
const MOST_PARAMETERS = 2500;
const MOST_LAYERS = 12;
/** Steps that the checks take. */
export const STEPS = 5;

/** @throws Error where no attempt had the kind of layer that the seed is to have */
export function randomModel(seed: number): RandomModel {
  const wanted = turnOf(LAYER_KINDS, seed);
  for (let attempt = 0; attempt < 500; attempt++) {
    const found = new Generator(seed, attempt).model();
    if (found?.kinds.has(wanted)) return found;
  }
  throw new Error(`seed ${seed}: no model with ${wanted}`);
}

/** The item whose turn it is; from round to round it meets others' other items. */
function turnOf<T>(items: readonly T[], seed: number): T {
  return items[(seed + Math.floor(seed / items.length)) % items.length];
}

/** The input of a sample. */
interface Input {
  readonly text: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint8Array | Int32Array;
  readonly scale: number;
  /** Number of tokens, where the elements are their indices. */
  readonly tokens?: number;
}

interface Task {
  readonly loss: Named<w.Loss | w.LossFunction>;
  readonly targets: FieldOptions;
  readonly classes?: number;
}

class Generator {
  readonly #draws: Draws;
  readonly #parts: Part[] = [];
  #shape: readonly number[] = [];
  #dtype: "f32" | "i32" | "u8" = "f32";
  #inputShape: readonly number[] = [];
  #inputType: "f32" | "i32" | "u8" = "f32";

  constructor(
    readonly seed: number,
    attempt: number,
  ) {
    this.#draws = new Draws(1000 * seed + attempt);
  }

  /** Undefined where what was drawn does not fit together. */
  model(): RandomModel | undefined {
    const draws = this.#draws;
    const batchSize = draws.pick([1, 2, 3, 4, 5, 6, 7]);
    // A last batch that is smaller, in most of them.
    const count = batchSize * (1 + draws.below(3)) + (draws.chance(0.7) ? draws.below(batchSize) : 0);
    const input = this.#input(count);
    this.#shape = input.shape;
    this.#inputShape = input.shape;
    if (input.tokens) {
      this.#dtype = input.data instanceof Uint8Array ? "u8" : "i32";
      this.#inputType = this.#dtype;
      if (!this.#add(embeddingLayer(draws, input.tokens))) return undefined;
      this.#dtype = "f32";
    }
    const body = 1 + draws.below(draws.chance(0.3) ? 9 : 4);
    for (let tries = 0; this.#layers < body && tries < 60; tries++) {
      const part = drawnLayer(draws, this.#shape);
      if (this.#layers + part.kinds.length < MOST_LAYERS) this.#add(part);
    }
    const task = this.#task(LOSS_KINDS[this.seed % LOSS_KINDS.length], count);
    if (!task || this.#layers < 2 || this.#layers > MOST_LAYERS) return undefined;
    return this.#withSettings(input, task, batchSize);
  }

  get #layers(): number {
    return this.#parts.flatMap(({ kinds }) => kinds).length;
  }

  #withSettings(input: Input, { loss, targets, classes }: Task, batchSize: number): RandomModel | undefined {
    const draws = this.#draws;
    const data = dataset({
      name: `model ${this.seed}`,
      inputs: { data: input.data, shape: input.shape, scale: input.scale },
      targets,
      classes,
    });
    const model = w.sequential(...this.#parts.map(({ layer }) => layer));
    const { parameters } = declaredLayout(model, input.shape);
    const names = parameters.specs.map(({ name }) => name);
    const optimizer = drawnOptimizer(draws, turnOf(OPTIMIZER_KINDS, this.seed), names);
    const schedule = drawnSchedule(SCHEDULE_KINDS[this.seed % SCHEDULE_KINDS.length]);
    const isImage = input.shape.length === 3 && input.text.startsWith("images");
    const mixes = loss.text === "crossEntropy({  })" && classes !== undefined;
    const augment = isImage && draws.chance(0.4) ? drawnAugment(draws, input.shape, mixes) : undefined;
    const divisors = [2, 3, 4, 5, 6, 7].filter((parts) => batchSize % parts === 0);
    const accumulate = divisors.length > 0 && draws.chance(0.4) ? draws.pick(divisors) : undefined;
    const settings = {
      batchSize,
      epochs: STEPS,
      seed: draws.below(1000),
      ...(accumulate && { accumulate }),
      ...(draws.chance(0.25) && { dropLast: true }),
      ...(draws.chance(0.3) && { shuffle: false }),
      ...(draws.chance(0.3) && {
        clip: draws.pick([{ norm: 0.4 }, { value: 0.02 }, { norm: 1, value: 0.05 }]),
      }),
      ...(draws.chance(0.3) && {
        penalty: draws.pick([{ l1: 0.01 }, { l2: 0.02 }, { l1: 0.003, l2: 0.01 }]),
      }),
    };
    // A norm over the batch refuses a single value a channel.
    if (!this.#allows(smallestPart(data.count, settings))) return undefined;
    const texts = [
      `${input.text} of [${input.shape.join(", ")}] × ${data.count}`,
      `sequential(${this.#parts.map(({ text }) => text).join(", ")})`,
      loss.text,
      optimizer.text,
      schedule.text,
      ...(augment ? [`augment(${augment.text})`] : []),
      JSON.stringify(settings),
    ];
    const kinds = [
      input.text,
      ...this.#parts.flatMap((part) => part.kinds),
      ...[loss, optimizer, schedule, ...(augment ? [augment] : [])].flatMap((one) => one.kinds),
      ...Object.keys(settings),
    ];
    return {
      seed: this.seed,
      text: texts.join("; "),
      kinds: new Set(kinds),
      layers: this.#layers,
      model,
      data,
      options: {
        ...settings,
        loss: loss.value,
        optimizer: optimizer.value,
        schedule: schedule.value,
        augment: augment?.value,
      },
    };
  }

  /** Whether all layers take so many samples at once. */
  #allows(count: number): boolean {
    try {
      const x = inputSource("x", [count, ...this.#inputShape], this.#inputType);
      const model = w.sequential(...this.#parts.map(({ layer }) => layer));
      return applyModel(model, x, new Scope(new ModelTrace(), true)) !== undefined;
    } catch (error) {
      if (error instanceof w.ShapeError) return false;
      throw error;
    }
  }

  /** Puts a layer at the end, unless it refuses its input, or the model becomes too large. */
  #add(part: Part): boolean {
    try {
      const trace = new ModelTrace();
      const x = inputSource("x", [2, ...this.#shape], this.#dtype);
      const y = applyModel(part.layer, x, new Scope(trace, true));
      const shape = y.shape.slice(1);
      const model = w.sequential(...this.#parts.map(({ layer }) => layer), part.layer);
      const size = [...trace.parameters.specs.values()].reduce(
        (sum, spec) => sum + elementCount(spec.shape),
        0,
      );
      if (elementCount(shape) > MOST_ELEMENTS || size > MOST_PARAMETERS || !model) return false;
      this.#shape = shape;
      this.#parts.push(part);
      return true;
    } catch (error) {
      if (error instanceof w.ShapeError) return false;
      throw error;
    }
  }

  #input(count: number): Input {
    const draws = this.#draws;
    const features = draws.pick([1, 2, 3, 5, 8, 13, 17]);
    const image = [draws.pick([1, 2, 3, 4]), 1 + draws.below(8), 1 + draws.below(8)];
    const sequence = [1 + draws.below(6), draws.pick([1, 2, 3, 4, 6])];
    const tokens = 2 + draws.below(9);
    const places = draws.chance(0.8) ? [sequence[0]] : [];
    const whole = <A extends Int32Array | Uint8Array>(data: A, low: number, high: number): A =>
      data.map(() => Math.floor(draws.between(low, high))) as A;
    return draws.pick<() => Input>([
      () => ({ text: "vectors", shape: [features], data: draws.floats(count * features), scale: 1 }),
      () => ({
        text: "whole numbers",
        shape: [features],
        data: whole(new Int32Array(count * features), -4, 5),
        scale: draws.pick([1, 0.25]),
      }),
      () => ({ text: "images", shape: image, data: draws.floats(count * elementCount(image)), scale: 1 }),
      () => ({
        text: "images of bytes",
        shape: image,
        data: whole(new Uint8Array(count * elementCount(image)), 0, 256),
        scale: 1 / 255,
      }),
      () => ({
        text: "sequences",
        shape: sequence,
        data: draws.floats(count * elementCount(sequence)),
        scale: 1,
      }),
      () => ({
        text: "tokens",
        shape: places,
        data: whole(new Int32Array(count * elementCount(places)), 0, tokens),
        scale: 1,
        tokens,
      }),
      () => ({
        text: "bytes as tokens",
        shape: [sequence[0]],
        data: whole(new Uint8Array(count * sequence[0]), 0, tokens),
        scale: 1,
        tokens,
      }),
    ])();
  }

  /** The last layers, and targets for them. */
  #task(kind: LossKind, count: number): Task | undefined {
    const draws = this.#draws;
    if (kind === "scaledLoss") return this.#scaledTask(count);
    const perPosition = this.#shape.length === 2 && draws.chance(0.6);
    if (kind === "crossEntropy") {
      const classes = draws.pick([2, 3, 5, 7, 10]);
      if (!perPosition && this.#shape.length > 1 && !this.#add(flattened())) return undefined;
      if (!this.#add(denseLayer(draws, classes))) return undefined;
      const size = perPosition ? this.#shape[0] : 1;
      const labels = Int32Array.from({ length: count * size }, () => draws.below(classes));
      const loss = crossEntropyLoss(draws, classes, true);
      if (perPosition) return { loss, targets: { data: labels, shape: [size] } };
      if (draws.chance(0.6)) {
        return { loss, targets: { data: draws.chance(0.5) ? labels : Uint8Array.from(labels) }, classes };
      }
      return {
        loss: crossEntropyLoss(draws, classes, false),
        targets: { data: rows(draws, count, classes), shape: [classes] },
      };
    }
    if (!perPosition && this.#shape.length > 1 && !this.#add(flattened())) return undefined;
    if (!this.#add(denseLayer(draws, draws.pick([1, 2, 3, 5])))) return undefined;
    const shape = this.#shape;
    const size = count * elementCount(shape);
    const loss = lossOfNumbers(draws, kind);
    const isProbability = kind === "binaryCrossEntropy" || kind === "sigmoidCrossEntropy";
    const outputs = shape[shape.length - 1];
    if (!perPosition && kind !== "own loss" && outputs > 1 && draws.chance(0.3)) {
      const data = Uint8Array.from({ length: count }, () => draws.below(outputs));
      return { loss, targets: { data }, classes: outputs };
    }
    if (isProbability) {
      const hits = draws.floats(size, 0, 1).map((value) => (draws.chance(0.5) ? Math.round(value) : value));
      return { loss, targets: { data: hits, shape } };
    }
    if (outputs === 1 && !perPosition && draws.chance(0.5))
      return { loss, targets: { data: draws.floats(count) } };
    return { loss, targets: { data: draws.floats(size, -2, 2), shape } };
  }

  #scaledTask(count: number): Task | undefined {
    const draws = this.#draws;
    const outputs = draws.pick([1, 2, 3, 5]);
    if (this.#shape.length > 1 && !this.#add(flattened())) return undefined;
    const { scaler, ...unscaling } = unscalingLayer(draws, outputs);
    if (!this.#add(denseLayer(draws, outputs)) || !this.#add(unscaling)) return undefined;
    return {
      loss: {
        text: "scaledLoss(meanSquaredError)",
        kinds: ["scaledLoss"],
        value: w.scaledLoss(scaler, w.meanSquaredError),
      },
      targets: { data: draws.floats(count * outputs, 4, 10), shape: [outputs] },
    };
  }
}

/** The fewest samples that a step takes at once. */
function smallestPart(
  count: number,
  {
    batchSize,
    accumulate = 1,
    dropLast = false,
  }: { batchSize: number; accumulate?: number; dropLast?: boolean },
): number {
  const parts = [batchSize, dropLast ? 0 : count % batchSize].filter((size) => size > 0);
  return Math.min(...parts.map((size) => (size % accumulate === 0 ? size / accumulate : size)));
}

function flattened(): Part {
  return { text: "flatten()", kinds: ["flatten"], layer: w.flatten() };
}

/** Rows of probabilities. */
function rows(draws: Draws, count: number, classes: number): Float32Array {
  const all = draws.floats(count * classes, 0.01, 1);
  for (let row = 0; row < count; row++) {
    const own = all.subarray(row * classes, (row + 1) * classes);
    const total = own.reduce((sum, value) => sum + value, 0);
    own.forEach((value, i) => {
      own[i] = value / total;
    });
  }
  return all;
}

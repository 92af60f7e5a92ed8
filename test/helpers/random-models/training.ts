/** Losses with targets, and settings of training, drawn for a model. */
import * as augmentations from "../../../src/augment/index.ts";
import * as w from "../../../src/index.ts";
import type { Draws } from "./draws.ts";

/** A drawn object, as it is and as text. */
export interface Named<T> {
  readonly text: string;
  readonly kinds: readonly string[];
  readonly value: T;
}

const named = <T>(text: string, value: T, ...kinds: string[]): Named<T> => ({
  text,
  value,
  kinds: kinds.length > 0 ? kinds : [text.split("(")[0]],
});

/** Names of all losses that are drawn. */
export const LOSS_KINDS = [
  "crossEntropy",
  "meanSquaredError",
  "meanAbsoluteError",
  "quadratic",
  "huber",
  "binaryCrossEntropy",
  "sigmoidCrossEntropy",
  "scaledLoss",
  "own loss",
] as const;

export type LossKind = (typeof LOSS_KINDS)[number];

/** The mean of log cosh(output − target), by ops that no other loss uses. */
const ownLoss: w.LossFunction = (outputs, targets) => {
  const difference = w.sub(outputs, w.ops.reshape(targets, outputs.shape));
  return w.mean(w.sub(w.add(w.ops.softplus(w.mul(difference, 2)), -Math.LN2), difference));
};

/** A loss of numbers. */
export function lossOfNumbers(draws: Draws, kind: LossKind): Named<w.Loss | w.LossFunction> {
  if (kind === "own loss") return named("own loss", ownLoss);
  if (kind === "huber") {
    const delta = draws.pick([0.3, 1, 2]);
    return named(`huber({ delta: ${delta} })`, w.huber({ delta }));
  }
  const losses = {
    meanSquaredError: w.meanSquaredError,
    meanAbsoluteError: w.meanAbsoluteError,
    quadratic: w.quadratic,
    binaryCrossEntropy: w.binaryCrossEntropy,
    sigmoidCrossEntropy: w.sigmoidCrossEntropy,
  };
  return named(kind, losses[kind as keyof typeof losses]());
}

export function crossEntropyLoss(draws: Draws, classes: number, overIndices: boolean): Named<w.Loss> {
  const options = {
    ...(draws.chance(0.4) && { labelSmoothing: draws.pick([0.1, 0.3]) }),
    ...(draws.chance(0.3) && { classWeights: [...draws.floats(classes, 0.2, 2)] }),
    ...(overIndices && draws.chance(0.3) && { ignoreIndex: draws.below(classes) }),
  };
  return named(`crossEntropy({ ${Object.keys(options).join(", ")} })`, w.crossEntropy(options));
}

/** Names of all optimizers that are drawn. */
export const OPTIMIZER_KINDS = [
  "sgd",
  "adam",
  "adamw",
  "nadam",
  "adamax",
  "lion",
  "rmsprop",
  "adagrad",
  "muon",
] as const;

export const WRAPPER_KINDS = ["clipped", "decayed", "averaged", "lookahead", "grouped"] as const;

/** @param names those of the parameters, of which the last layer's remain to be trained */
export function drawnOptimizer(
  draws: Draws,
  kind: (typeof OPTIMIZER_KINDS)[number],
  names: readonly string[],
): Named<w.Optimizer> {
  const shared = {
    learningRate: draws.pick([0.01, 0.003, 0.03]),
    ...(draws.chance(0.3) && { weightDecay: 0.02, decayBiases: draws.chance(0.5) }),
  };
  const makers: Record<typeof kind, () => Named<w.Optimizer>> = {
    sgd() {
      const momentum = draws.pick([0, 0.9]);
      const nesterov = momentum > 0 && draws.chance(0.5);
      return named(
        `sgd({ momentum: ${momentum}, nesterov: ${nesterov} })`,
        w.sgd({ ...shared, momentum, nesterov }),
      );
    },
    adam: () => named("adam", w.adam(shared)),
    adamw: () => named("adamw", w.adamw(shared)),
    nadam: () => named("nadam", w.nadam(shared)),
    adamax: () => named("adamax", w.adamax(shared)),
    lion: () => named("lion", w.lion({ ...shared, learningRate: 0.003 })),
    rmsprop() {
      const momentum = draws.pick([0, 0.9]);
      return named(
        `rmsprop({ momentum: ${momentum} })`,
        w.rmsprop({ ...shared, momentum, learningRate: 0.003 }),
      );
    },
    adagrad: () => named("adagrad", w.adagrad({ ...shared, lrDecay: draws.pick([0, 0.1]) })),
    muon() {
      const iterations = draws.pick([1, 3, 5]);
      const nesterov = draws.chance(0.5);
      return named(`muon({ iterations: ${iterations} })`, w.muon({ ...shared, iterations, nesterov }));
    },
  };
  let found = makers[kind]();
  for (let count = draws.pick([0, 0, 1, 1, 2]); count > 0; count--) {
    const outer = wrapped(draws, found, names);
    if (isBindable(outer)) found = outer;
  }
  return found;
}

/** Whether a launch can bind all that the update reads and changes, with a norm of gradients besides. */
function isBindable({
  value: { slots, scratch, perParameter, groups, rateOf },
}: Named<w.Optimizer>): boolean {
  const ofParameters = Object.keys(perParameter).length + (groups.length > 0 || rateOf ? 2 : 0);
  return 2 + slots.length + scratch.length + ofParameters + 1 <= 8;
}

function wrapped(draws: Draws, inner: Named<w.Optimizer>, names: readonly string[]): Named<w.Optimizer> {
  const used = (name: string) => inner.kinds.includes(name);
  const around = (name: string, value: w.Optimizer) =>
    named(`${name}(${inner.text})`, value, name, ...inner.kinds);
  const kind = draws.pick(WRAPPER_KINDS);
  // A rule that decays already refuses a second decay.
  if (used(kind) || (kind === "decayed" && "decay" in inner.value.perParameter)) return inner;
  switch (kind) {
    case "clipped":
      return around(
        kind,
        w.clipped(inner.value, draws.chance(0.5) ? { norm: 0.5 } : { value: 0.01, norm: 0.3 }),
      );
    case "decayed":
      return around(kind, w.decayed(inner.value, { weightDecay: 0.03, decoupled: draws.chance(0.5) }));
    case "averaged":
      return around(kind, w.averaged(inner.value, { decay: draws.pick([0.5, 0.9]) }));
    case "lookahead":
      return around(
        kind,
        w.lookahead(inner.value, { steps: draws.pick([1, 2, 3]), rate: draws.pick([0.5, 1]) }),
      );
    default: {
      const match = draws.pick(names);
      const isLast = match.split(".")[0] === names[names.length - 1].split(".")[0];
      const group = draws.pick([
        { match, lr: 0.001 },
        { match, weightDecay: 0.1 },
        isLast ? { match, lr: 0.02, weightDecay: 0.01 } : { match, frozen: true },
      ]);
      return around(kind, w.grouped(inner.value, [group]));
    }
  }
}

/** Names of all schedules that are drawn. */
export const SCHEDULE_KINDS = [
  "constantRate",
  "stepDecay",
  "exponentialDecay",
  "cosineDecay",
  "oneCycle",
  "warmUp",
  "reduceOnPlateau",
  "own schedule",
] as const;

export function drawnSchedule(kind: (typeof SCHEDULE_KINDS)[number]): Named<w.Schedule | w.ScheduleFunction> {
  const makers: Record<typeof kind, () => w.Schedule | w.ScheduleFunction> = {
    constantRate: w.constantRate,
    stepDecay: () => w.stepDecay({ epochs: 1, gamma: 0.5 }),
    exponentialDecay: () => w.exponentialDecay({ gamma: 0.7 }),
    cosineDecay: () => w.cosineDecay({ floor: 0.1 }),
    oneCycle: () => w.oneCycle({ initialDivisor: 4, finalDivisor: 10 }),
    warmUp: () => w.warmUp({ steps: 3, schedule: w.cosineDecay() }),
    reduceOnPlateau: () => w.reduceOnPlateau({ patience: 0 }),
    "own schedule": () => (step) => 1 / (1 + step / 3),
  };
  return named(kind, makers[kind]());
}

/** Augmentations of images of this size; `mixes` says whether targets can be mixed, too. */
export function drawnAugment(
  draws: Draws,
  [, height, width]: readonly number[],
  mixes: boolean,
): Named<w.Augment> {
  const a = augmentations;
  const side = Math.min(height, width);
  const all = [
    () => a.translate(Math.min(1, side - 1) * 0.7),
    () => a.crop(Math.min(1, side - 1)),
    () => a.rotate(20),
    () => a.scale(0.8, 1.2),
    () => a.shear(10),
    () => a.flip({ horizontal: 0.5, vertical: 0.5 }),
    () => a.elastic({ alpha: 1.5, sigma: 0.8 }),
    () => a.brightness(0.2),
    () => a.contrast(0.7, 1.3),
    () => a.noise(0.1),
    ...(side > 1 ? [() => a.cutout(side - 1)] : []),
    ...(mixes ? [() => a.mixup(0.4)] : []),
  ];
  const some = Array.from({ length: 1 + draws.below(3) }, () => draws.pick(all)());
  return named(some.map(({ name }) => name).join(", "), a.augment(...some), "augment");
}

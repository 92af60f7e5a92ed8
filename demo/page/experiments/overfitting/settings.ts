/** The networks' settings, and the reports of their training. Nothing here needs the library. */
import type { EngineName } from "../../device.tsx";

export const CURES = {
  l2: "L2: keep weights small",
  dropout: "Dropout: switch neurons off at random",
  augmentation: "Augmentation: rotate, scale and shift",
  more: "More data: four times the images",
} as const;
export type Cure = keyof typeof CURES;
export const CURE_NAMES = Object.keys(CURES) as readonly Cure[];

/** As charts and tables name the runs. */
export const SHORT: Readonly<Record<Cure, string>> = {
  l2: "L2",
  dropout: "Dropout",
  augmentation: "Augmentation",
  more: "More data",
};

/** Numbers of training images. */
export const COUNTS = [200, 500, 1000, 2000] as const;

export interface OverfittingSettings {
  readonly count: (typeof COUNTS)[number];
  /** Each is a run of its own, beside the one without a cure. */
  readonly cures: readonly Cure[];
  readonly seed: number;
}

export const OVERFITTING: OverfittingSettings = {
  count: 500,
  cures: CURE_NAMES,
  seed: 1,
};

/** Images of a step. */
export const BATCH = 10;
/** After so many steps a network is marked, and it is the next one's turn. */
export const TURN = 50;

/** Number of steps of each network, enough to learn the images by heart. */
export function stepsFor({ count }: OverfittingSettings): number {
  return Math.max(4000, 5 * count);
}

export const TEST_IMAGES = 1000;
export const MORE = 4;

/** A network's marks on one set of images, none of them changed, nothing dropped. */
export interface Marks {
  /** From 0 to 1. */
  readonly accuracy: number;
  readonly cost: number;
}

/** The state of a run. */
export interface Standing {
  /** Place among the runs: the one without a cure is the first. */
  readonly run: number;
  readonly steps: number;
  readonly training: Marks;
  readonly test: Marks;
}

/** The device of the runs. */
export interface ComputedOn {
  readonly kind: EngineName;
  readonly adapter: string;
}

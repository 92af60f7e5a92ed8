/** The neuron's settings, and the reports of its learning. Nothing here needs the library. */

export interface NeuronSettings {
  readonly weight: number;
  readonly bias: number;
  readonly learningRate: number;
}

/** The textbook's, chapter 3: the neuron is badly wrong at first. */
export const NEURON: NeuronSettings = { weight: 2, bias: 2, learningRate: 0.15 };

export const COSTS = ["quadratic", "cross-entropy"] as const;

/** The most epochs of one call. */
export const LONGEST_LEAP = 100;
/** A neuron has learned when its output is below this; the target is 0. */
export const LEARNED = 0.2;
/** Both neurons go on so long, and on to the last where one has not learned by then. */
export const LEAST_EPOCHS = 400;
export const MOST_EPOCHS = 3000;

/** One neuron's curves by epoch: element e is measured after e epochs. */
export interface Learning {
  readonly outputs: readonly number[];
  readonly costs: readonly number[];
}

/** After how many epochs the output was first below {@link LEARNED}; undefined while it never was. */
export function epochsToLearn({ outputs }: Learning): number | undefined {
  const found = outputs.findIndex((output) => output < LEARNED);
  return found < 0 ? undefined : found;
}

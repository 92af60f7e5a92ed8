/** Builds loss, optimizer and schedule from options. The tables list the values of those options. */
import {
  binaryCrossEntropy,
  constantRate,
  cosineDecay,
  crossEntropy,
  exponentialDecay,
  type FitOptions,
  huber,
  type Loss,
  meanAbsoluteError,
  meanSquaredError,
  type Optimizer,
  oneCycle,
  quadratic,
  reduceOnPlateau,
  type Schedule,
  sigmoidCrossEntropy,
  stepDecay,
  warmUp,
} from "wgrad";
import { optimizerOf } from "../presets/build.ts";
import { OPTIMIZERS, type OptimizerName, type OptimizerSettings } from "../presets/choices.ts";

interface LossEntry {
  /** Whether the loss takes logits, and applies softmax or sigmoid itself. */
  readonly logits: boolean;
  make(options: { readonly labelSmoothing?: number }): Loss;
}

export const LOSSES = {
  "cross-entropy": { logits: true, make: ({ labelSmoothing }) => crossEntropy({ labelSmoothing }) },
  "sigmoid-cross-entropy": { logits: true, make: () => sigmoidCrossEntropy() },
  bce: { logits: true, make: () => binaryCrossEntropy() },
  quadratic: { logits: false, make: () => quadratic() },
  mse: { logits: false, make: () => meanSquaredError() },
  l1: { logits: false, make: () => meanAbsoluteError() },
  huber: { logits: false, make: () => huber() },
} satisfies Record<string, LossEntry>;

/** Settings of some schedules. */
interface ScheduleSettings {
  /** Number of epochs between two drops. */
  readonly stepSize?: number;
  readonly gamma?: number;
  readonly patience?: number;
}

interface ScheduleEntry {
  /** The schedule's settings with their defaults. */
  readonly defaults: ScheduleSettings;
  make(settings: Required<ScheduleSettings>): Schedule;
}

export const SCHEDULES = {
  constant: { defaults: {}, make: () => constantRate() },
  step: {
    defaults: { stepSize: 2, gamma: 0.1 },
    make: ({ stepSize, gamma }) => stepDecay({ epochs: stepSize, gamma }),
  },
  exponential: { defaults: { gamma: 0.9 }, make: ({ gamma }) => exponentialDecay({ gamma }) },
  cosine: { defaults: {}, make: () => cosineDecay() },
  "one-cycle": { defaults: {}, make: () => oneCycle() },
  plateau: {
    defaults: { gamma: 0.1, patience: 2 },
    make: ({ gamma, patience }) => reduceOnPlateau({ factor: gamma, patience }),
  },
} satisfies Record<string, ScheduleEntry>;

export type LossName = keyof typeof LOSSES;
type ScheduleName = keyof typeof SCHEDULES;

export function scheduleEntry(name: ScheduleName): ScheduleEntry {
  return SCHEDULES[name];
}

/** Settings are absent where loss, optimizer or schedule take none. */
export interface TrainingOptions extends OptimizerSettings, ScheduleSettings {
  readonly loss: LossName;
  readonly labelSmoothing?: number;
  /** Penalties on weights; 0 for none. */
  readonly l1: number;
  readonly l2: number;
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly clipNorm?: number;
  readonly clipValue?: number;
  readonly accumulate: number;
  readonly schedule: ScheduleName;
  /** Number of steps in which the rate rises to the schedule's; 0 for none. */
  readonly warmupSteps: number;
}

/** The training options of `fit`. */
export function buildTraining(options: TrainingOptions) {
  const { l1, l2, clipNorm, clipValue, accumulate } = options;
  return {
    loss: LOSSES[options.loss].make(options),
    optimizer: buildOptimizer(options),
    schedule: buildSchedule(options),
    clip: { norm: clipNorm, value: clipValue },
    penalty: { l1, l2 },
    accumulate,
  } satisfies FitOptions;
}

/** With only the settings that the optimizer takes. */
function buildOptimizer(options: TrainingOptions): Optimizer {
  const { defaults } = OPTIMIZERS[options.optimizer];
  const own = Object.entries(options).filter(([name]) => name in defaults);
  return optimizerOf(options.optimizer, Object.fromEntries(own));
}

function buildSchedule({ schedule, warmupSteps, ...settings }: TrainingOptions): Schedule {
  const then = scheduleEntry(schedule).make(settings as Required<ScheduleSettings>);
  return warmupSteps > 0 ? warmUp({ steps: warmupSteps, schedule: then }) : then;
}

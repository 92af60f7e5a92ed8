/** Learning rate schedules: factors of the optimizer's rate as functions of the progress of training. */
import { checkNothing, checkOptions, checkPositive, checkWhole, inWords } from "../../checks.ts";

/** The progress of training. */
export interface Moment {
  /** Number of steps before this one; below, in all. */
  readonly step: number;
  readonly total: number;
  readonly stepsPerEpoch: number;
  /**
   * The schedule's monitored number (default: the loss) of each epoch so far, of the validation set where there is one,
   * otherwise of training.
   */
  readonly history: readonly number[];
  /** Whether the largest or the smallest of these numbers is the best (default "min", as for losses). */
  readonly mode?: "max" | "min";
}

export interface Schedule {
  readonly name: string;
  /**
   * The factor for a step. The function is pure, so that a resumed run continues with the same rates.
   * @throws RangeError or TypeError, where a custom schedule decides so
   */
  factor(moment: Moment): number;
  /** The monitored number (default "loss"): "accuracy", a metric's name, or a path into its value. */
  readonly monitor?: string;
  /** Whether larger or smaller is better (default: the metric's own mode). */
  readonly mode?: "max" | "min";
}

/** A custom schedule: the factor for step `step`, counted from 0. Pure, as {@link Schedule.factor}. */
export type ScheduleFunction = (step: number, moment: Moment) => number;

/**
 * A schedule as an object whose factors are checked.
 * @throws TypeError in the name of `owner`, where `schedule` is none, or its factor at `moment` is no number;
 *   RangeError where the factor is negative or NaN
 */
export function asSchedule(owner: string, schedule: Schedule | ScheduleFunction, moment?: Moment): Schedule {
  const own = typeof schedule === "function";
  if (!own && typeof schedule?.factor !== "function") {
    throw new TypeError(
      `${owner}: schedule is ${inWords(schedule)}; give one such as cosineDecay(), or a function (step) => factor`,
    );
  }
  const name = own ? schedule.name || "function" : schedule.name;
  const { monitor, mode } = own ? {} : schedule;
  const checked: Schedule = {
    name,
    monitor,
    mode,
    factor(moment) {
      const factor: unknown = own ? schedule(moment.step, moment) : schedule.factor(moment);
      if (typeof factor === "number" && factor >= 0 && factor < Number.POSITIVE_INFINITY) return factor;
      const Kind = typeof factor === "number" ? RangeError : TypeError;
      const remedy = typeof factor === "object" ? `, or call ${name} first` : "";
      throw new Kind(
        `${owner}: the schedule ${name} gave ${inWords(factor)} at step ${moment.step}; return a factor, a finite number from 0${remedy}`,
      );
    },
  };
  // A factory without a call, such as cosineDecay, is found here; objects are checked when used.
  if (own && moment) checked.factor(moment);
  return checked;
}

/**
 * The optimizer's learning rate throughout.
 * @throws TypeError where an argument is given
 */
export function constantRate(...nothing: readonly never[]): Schedule {
  checkNothing("constantRate", nothing);
  return { name: "constant", factor: () => 1 };
}

export interface StepDecayOptions {
  readonly epochs: number;
  readonly gamma?: number;
}

/**
 * Multiplies the rate by `gamma` (default 0.1) after every `epochs` epochs.
 * @throws RangeError where `epochs` or `gamma` is not finite and above 0
 * @throws TypeError where an option is unknown or of another kind
 */
export function stepDecay(options: StepDecayOptions): Schedule {
  const { epochs, gamma = 0.1 } = checkOptions("stepDecay", options, { epochs: "number", gamma: "number" });
  checkPositive("stepDecay: epochs", epochs);
  checkPositive("stepDecay: gamma", gamma);
  return {
    name: "step",
    factor: ({ step, stepsPerEpoch }) => gamma ** Math.floor(step / (stepsPerEpoch * epochs)),
  };
}

/**
 * Multiplies the rate by `gamma` over each epoch, smoothly from step to step.
 * @throws RangeError where `gamma` is not finite and above 0
 * @throws TypeError where an option is unknown or of another kind
 */
export function exponentialDecay(options: { readonly gamma: number }): Schedule {
  const { gamma } = checkOptions("exponentialDecay", options, { gamma: "number" });
  checkPositive("exponentialDecay: gamma", gamma);
  return { name: "exponential", factor: ({ step, stepsPerEpoch }) => gamma ** (step / stepsPerEpoch) };
}

/**
 * Lowers the rate along half a cosine to `floor` (default 0) times the rate (Loshchilov & Hutter 2017, without
 * restarts).
 * @throws RangeError where `floor` is not from 0 to 1
 * @throws TypeError where an option is unknown or of another kind
 */
export function cosineDecay(options: { readonly floor?: number } = {}): Schedule {
  const { floor = 0 } = checkOptions("cosineDecay", options, { floor: "number" });
  if (!(floor >= 0 && floor <= 1))
    throw new RangeError(`cosineDecay: floor is ${floor}; give a fraction from 0 to 1`);
  return {
    name: "cosine",
    factor: ({ step, total }) => cosineBetween(1, floor, step / Math.max(1, total - 1)),
  };
}

export interface WarmUpOptions {
  readonly steps: number;
  /** Schedule multiplied by the warm-up (default: constant). Its steps count from the first step, too. */
  readonly schedule?: Schedule | ScheduleFunction;
}

/**
 * Raises the rate linearly over the first `steps` steps, then follows `schedule`.
 * @throws RangeError where `steps` is not finite and above 0
 * @throws TypeError where `schedule` is none, or an option is unknown or of another kind
 */
export function warmUp(options: WarmUpOptions): Schedule {
  const { steps, schedule: after } = checkOptions("warmUp", options, { steps: "number", schedule: "any" });
  checkPositive("warmUp: steps", steps);
  const schedule = after === undefined ? constantRate() : asSchedule("warmUp", after);
  const { monitor, mode } = schedule;
  return {
    name: `warm-up, ${schedule.name}`,
    monitor,
    mode,
    factor: (moment) => Math.min(1, (moment.step + 1) / steps) * schedule.factor(moment),
  };
}

export interface PlateauOptions {
  /** Factor of the rate at each reduction (default 0.1). */
  readonly factor?: number;
  /** Number of epochs without improvement before a reduction (default 10). */
  readonly patience?: number;
  /** Relative improvement of the best number that counts (default 1e-4). */
  readonly threshold?: number;
  /**
   * The monitored number: "loss" (the default), "accuracy", a metric's name, or a path into its value ("rocAuc.auc"),
   * of the validation set where there is one.
   */
  readonly monitor?: string;
  /** Whether the largest or the smallest number is the best (default: the metric's own mode; "min" for the loss). */
  readonly mode?: "max" | "min";
}

/**
 * Reduces the rate after more than `patience` epochs without improvement of the loss or the monitored number, as
 * PyTorch's `ReduceLROnPlateau`.
 * @throws RangeError where an option is out of range
 * @throws TypeError where an option is unknown or of another kind
 */
export function reduceOnPlateau(options: PlateauOptions = {}): Schedule {
  checkOptions("reduceOnPlateau", options, {
    factor: "number",
    patience: "number",
    threshold: "number",
    monitor: "string",
    mode: "string",
  });
  const { factor = 0.1, patience = 10, threshold = 1e-4, monitor, mode } = options;
  if (!(factor > 0 && factor < 1))
    throw new RangeError(`reduceOnPlateau: factor is ${factor}; give a number between 0 and 1`);
  checkWhole("reduceOnPlateau: patience", patience, 0);
  if (!(threshold >= 0 && threshold < 1)) {
    throw new RangeError(`reduceOnPlateau: threshold is ${threshold}; give a fraction from 0 up to 1`);
  }
  if (mode !== undefined && mode !== "max" && mode !== "min")
    throw new RangeError(`reduceOnPlateau: mode is ${inWords(mode)}; give "max" or "min"`);
  return {
    name: monitor === undefined ? "plateau" : `plateau of ${mode ? `${mode} ` : ""}${monitor}`,
    monitor,
    mode,
    factor({ history, mode = "min" }) {
      let rate = 1;
      let best: number | undefined;
      let waited = 0;
      for (const value of history) {
        const gain = best === undefined ? 0 : mode === "max" ? value - best : best - value;
        if (best === undefined || gain > Math.abs(best) * threshold) {
          best = value;
          waited = 0;
        } else if (++waited > patience) {
          rate *= factor;
          waited = 0;
        }
      }
      return rate;
    },
  };
}

export interface OneCycleOptions {
  /** Fraction of the steps in which the rate rises (default 0.3). */
  readonly warmup?: number;
  /** The rate starts at the peak divided by this (default 25). */
  readonly initialDivisor?: number;
  /** The rate ends at the initial one divided by this (default 1e4). */
  readonly finalDivisor?: number;
}

/**
 * One cycle (Smith & Topin 2018): up to the optimizer's learning rate, then down to almost zero, along cosines. The
 * curve and the defaults are those of PyTorch's `OneCycleLR`.
 * @throws RangeError where `warmup` is not between 0 and 1, or a divisor is not finite and above 0
 * @throws TypeError where an option is unknown or of another kind
 */
export function oneCycle(options: OneCycleOptions = {}): Schedule {
  checkOptions("oneCycle", options, { warmup: "number", initialDivisor: "number", finalDivisor: "number" });
  const { warmup = 0.3, initialDivisor = 25, finalDivisor = 1e4 } = options;
  if (!(warmup > 0 && warmup < 1)) {
    throw new RangeError(`oneCycle: warmup is ${warmup}; give a fraction between 0 and 1`);
  }
  checkPositive("oneCycle: initialDivisor", initialDivisor);
  checkPositive("oneCycle: finalDivisor", finalDivisor);
  const initial = 1 / initialDivisor;
  const final = initial / finalDivisor;
  return {
    name: "oneCycle",
    factor({ step, total }) {
      const peak = warmup * total - 1;
      const last = total - 1;
      if (step <= peak) return cosineBetween(initial, 1, peak > 0 ? step / peak : 1);
      return cosineBetween(1, final, Math.min(1, (step - peak) / Math.max(last - peak, 1e-9)));
    },
  };
}

function cosineBetween(from: number, to: number, part: number): number {
  return to + (from - to) * 0.5 * (1 + Math.cos(Math.PI * part));
}

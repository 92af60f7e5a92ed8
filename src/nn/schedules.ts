/** Learning rate schedules: what the optimizer's rate is multiplied by, as a function of the step. */

export interface Schedule {
  readonly name: string;
  /** The factor at `step` (from 0) of `total` steps. */
  factor(step: number, total: number): number;
}

/** The optimizer's learning rate throughout. */
export function constantRate(): Schedule {
  return { name: "constant", factor: () => 1 };
}

export interface OneCycleOptions {
  /** The part of the steps in which the rate rises (default 0.3). */
  readonly warmup?: number;
  /** The rate begins at the peak divided by this (default 25). */
  readonly initialDivisor?: number;
  /** The rate ends at the initial one divided by this (default 1e4). */
  readonly finalDivisor?: number;
}

/**
 * One cycle (Smith & Topin 2018): up to the optimizer's learning rate, then down to almost nothing, along cosines;
 * the same curve, with the same defaults, as PyTorch's `OneCycleLR`.
 */
export function oneCycle({
  warmup = 0.3,
  initialDivisor = 25,
  finalDivisor = 1e4,
}: OneCycleOptions = {}): Schedule {
  if (!(warmup > 0 && warmup < 1))
    throw new RangeError(`oneCycle: warmup is ${warmup}; give a part between 0 and 1`);
  for (const [name, value] of Object.entries({ initialDivisor, finalDivisor })) {
    if (!(value > 0 && Number.isFinite(value)))
      throw new RangeError(`oneCycle: ${name} is ${value}; give a positive number`);
  }
  const initial = 1 / initialDivisor;
  const final = initial / finalDivisor;
  return {
    name: "oneCycle",
    factor(step, total) {
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

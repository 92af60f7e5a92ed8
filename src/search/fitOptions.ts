/** The options of `fit`, as a search sees them. */
import type { FitOptions } from "../train/fit.ts";

/**
 * Where an option of `fit` can come from: `value`s are plain, so that a choice can be one; `object`s are made in
 * `options`; those of the `search` it sets itself.
 */
type Origin = "value" | "object" | "search";

export const FIT_OPTIONS = {
  loss: "object",
  optimizer: "object",
  schedule: "object",
  batchSize: "value",
  epochs: "value",
  seed: "value",
  validation: "search",
  metrics: "object",
  augment: "object",
  dataMemory: "value",
  callbacks: "object",
  resume: "search",
  shuffle: "value",
  dropLast: "value",
  clip: "value",
  penalty: "value",
  accumulate: "value",
  onCompiled: "object",
  onProgress: "object",
} as const satisfies Record<keyof FitOptions, Origin>;

/** What a search leaves to its caller. */
export type TrialOptions = Omit<FitOptions, "validation" | "resume">;

export function originOf(name: string): Origin | undefined {
  return Object.hasOwn(FIT_OPTIONS, name) ? FIT_OPTIONS[name as keyof FitOptions] : undefined;
}

/** The names of fit's options, for messages. */
export function fitOptionNames(...origins: readonly Origin[]): string {
  return Object.entries(FIT_OPTIONS)
    .flatMap(([name, origin]) => (origins.includes(origin) ? [name] : []))
    .join(", ");
}

/** @throws TypeError naming an option that `fit` does not have, or that is not for the caller to give */
export function checkFitOptions(search: string, where: string, options: object): void {
  for (const name of Object.keys(options)) {
    const origin = originOf(name);
    if (origin === undefined) {
      throw new TypeError(
        `${search}: ${where} names "${name}", which is no option of fit; those are ${fitOptionNames("value", "object")}`,
      );
    }
    if (origin === "search") {
      throw new TypeError(
        `${search}: ${where} names "${name}", which is not for a trial; ${name === "validation" ? "give it to the search itself" : "each trial begins anew"}`,
      );
    }
  }
}

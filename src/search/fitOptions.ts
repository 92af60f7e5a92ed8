/** The options of `fit` from a search's point of view. */
import { checkOptions, type OptionKinds, unknownOption } from "../checks.ts";
import { type FitOptions, FIT_OPTIONS as KINDS } from "../train/fit.ts";

/**
 * Source of an option of `fit`: a `value` is plain and can be a choice; an `object` is built in `options`; the `search`
 * sets the rest itself.
 */
type Origin = "value" | "object" | "search";

const FIT_OPTIONS = {
  loss: "object",
  optimizer: "object",
  schedule: "object",
  batchSize: "value",
  epochs: "value",
  seed: "value",
  validation: "search",
  validationBatchSize: "value",
  confusion: "value",
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
  signal: "object",
  onNonFinite: "value",
  recover: "object",
  onEvent: "object",
} as const satisfies Record<keyof FitOptions, Origin>;

/** Options of `fit` that the caller of a search may give. */
export type TrialOptions = Omit<FitOptions, "validation" | "resume">;

export function originOf(name: string): Origin | undefined {
  return Object.hasOwn(FIT_OPTIONS, name) ? FIT_OPTIONS[name as keyof FitOptions] : undefined;
}

/** Names of fit's options, for messages. */
export function fitOptionNames(...origins: readonly Origin[]): string {
  return Object.entries(FIT_OPTIONS)
    .flatMap(([name, origin]) => (origins.includes(origin) ? [name] : []))
    .join(", ");
}

/** @throws TypeError naming an option that `fit` lacks, or that the search itself sets */
export function checkFitOptions(search: string, where: string, options: object): void {
  refuseOwn(search, where, options, {});
  for (const name of Object.keys(options)) {
    if (originOf(name) !== undefined) continue;
    const known = Object.keys(FIT_OPTIONS).filter((one) => originOf(one) !== "search");
    throw new TypeError(`${search}: ${where}: ${unknownOption(name, known, "option of fit called")}`);
  }
}

/** @throws TypeError naming an option that the search itself sets */
function refuseOwn(search: string, where: string, options: object, taken: object): void {
  for (const name of Object.keys(Object(options))) {
    if (originOf(name) !== "search" || name in taken) continue;
    throw new TypeError(
      `${search}: ${where} names "${name}", which no trial may set; ${name === "validation" ? "give it to the search itself" : "each trial begins anew"}`,
    );
  }
}

/** Kinds of a function's options besides those of `fit`. */
export type OwnOptions<Options> = Omit<OptionKinds<Options>, keyof TrialOptions>;

/**
 * Checks options of a function together with those of `fit`.
 * @throws TypeError as {@link checkFitOptions}, and for a value of another kind
 */
export function withKinds<Options extends object>(
  search: string,
  options: Options,
  own: OwnOptions<Options>,
): Options {
  refuseOwn(search, "options", options, own);
  const { validation: _validation, resume: _resume, ...kinds } = KINDS;
  return checkOptions(search, options, { ...kinds, ...own } as unknown as OptionKinds<Options>);
}

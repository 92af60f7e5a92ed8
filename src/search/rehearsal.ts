/** A rehearsal of a search without training: bad input is refused before the first trial. */
import { checkData } from "../data/dataset.ts";
import type { Fold } from "../data/folds.ts";
import type { Engine, EngineBuffer } from "../runtime/engine.ts";
import { type FitOptions, fit } from "../train/fit.ts";
import { noticing } from "./choices.ts";
import { checkFitOptions, fitOptionNames, originOf } from "./fitOptions.ts";
import type { Candidate, SearchOptions } from "./plan.ts";
import type { Choices } from "./space.ts";

/** Choices as the caller's functions receive them. */
export function watched<C>(search: string, choices: Choices, onRead: (name: string) => void): C {
  return noticing(search, choices, onRead) as unknown as C;
}

/** Options of a trial: the shared ones, choices that are options, and the result of `options`. */
export function fitOptionsOf<C>(
  search: string,
  { options, fit: shared = {}, seed = 0, signal }: SearchOptions<C>,
  choices: Choices,
  epochs: number | undefined,
  onRead: (name: string) => void,
): FitOptions {
  const chosen = Object.fromEntries(Object.entries(choices).filter(([name]) => originOf(name) !== undefined));
  const made = options?.(watched(search, choices, onRead)) ?? {};
  checkFitOptions(search, "options", made);
  if (epochs !== undefined && "epochs" in made) throw ownEpochs(search, "options");
  const twice = Object.keys(made).find((name) => name in chosen);
  if (twice) {
    throw new TypeError(
      `${search}: ${twice} is in the space and in the result of options; remove it from one of them`,
    );
  }
  return {
    seed,
    ...(signal && { signal }),
    ...shared,
    ...chosen,
    ...made,
    ...(epochs === undefined ? {} : { epochs }),
  };
}

export function checkSearch<C>(name: string, options: SearchOptions<C>, ownsEpochs: boolean): void {
  const { data, validation, folds, model, fit: shared = {} } = options;
  if (data === undefined) throw new TypeError(`${name}: there is no data; give the data to train on`);
  checkData(name, "the data", data);
  if (validation !== undefined) checkData(name, "validation", validation);
  if (typeof model !== "function" || (options.options && typeof options.options !== "function")) {
    throw new TypeError(`${name}: model and options are functions of the choices: (choices) => …`);
  }
  if ((validation === undefined) === (folds === undefined)) {
    throw new TypeError(
      `${name}: ${folds === undefined ? "neither validation nor folds is given" : "both validation and folds are given"}; give one: data to validate on, or how to divide the data`,
    );
  }
  checkFitOptions(name, "fit", shared);
  if (ownsEpochs && shared.epochs !== undefined) throw ownEpochs(name, "fit");
}

function ownEpochs(name: string, where: string): TypeError {
  return new TypeError(
    `${name}: ${where} names epochs, which the search itself sets; give minEpochs and maxEpochs`,
  );
}

/** Builds each candidate's model and options without an engine, and finds names that nothing reads. */
export function rehearse<C>(
  search: string,
  engine: Engine,
  options: SearchOptions<C>,
  candidates: readonly Candidate[],
  epochs: number | undefined,
  folds: readonly Fold[] | undefined,
): void {
  const names = Object.keys(candidates[0].choices);
  const unfit = names.find((name) => (originOf(name) ?? "value") !== "value");
  if (unfit) {
    throw new TypeError(
      `${search}: space.${unfit} cannot be chosen: the option ${unfit} of fit is no plain value; choose a name of your own, and make the option of it in options`,
    );
  }
  if (epochs !== undefined && names.includes("epochs")) throw ownEpochs(search, "the space");
  const { data } = options;
  const count = folds ? Math.min(...folds.map(({ train }) => train.length)) : data.count;
  const read = new Set<string>();
  const onRead = (name: string) => read.add(name);
  const stage = withoutMemory(engine);
  const unread = () => names.filter((name) => originOf(name) === undefined && !read.has(name));
  for (const { trial, choices } of candidates) {
    try {
      const fitting = fitOptionsOf(search, options, choices, epochs, onRead);
      const model = options.model(watched(search, choices, onRead));
      fit(stage, model, { ...data, count }, fitting);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      if (reason.startsWith(`${search}: `)) throw cause;
      const also =
        unread().length > 0 ? `; also, nobody has read ${quoted(unread())} of the choices so far` : "";
      const which = `trial ${trial}, ${JSON.stringify(choices)}`;
      throw new Error(`${search}: ${which}, cannot be trained: ${reason}${also}`, { cause });
    }
  }
  if (unread().length > 0) {
    throw new TypeError(
      `${search}: a search over an unknown option: ${quoted(unread())} is no option of fit, and neither model nor options read it. ` +
        `Options of fit that can be chosen: ${fitOptionNames("value")}. What was read: ${[...read].join(", ") || "nothing"}`,
    );
  }
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}

/** An engine for checks: it holds no memory and runs nothing. */
function withoutMemory(engine: Engine): Engine {
  const { kind, info } = engine;
  const refuse = async (): Promise<never> => {
    throw new Error("nothing runs while a search is checked");
  };
  return {
    kind,
    info,
    buffer: (label, dtype, length): EngineBuffer => ({
      label,
      dtype,
      length,
      write() {},
      read: refuse,
      reader: () => ({ read: refuse, release() {} }),
      release() {},
      [Symbol.dispose]() {},
    }),
    memory: () => engine.memory(),
    compile: refuse,
    async destroy() {},
    async [Symbol.asyncDispose]() {},
  };
}

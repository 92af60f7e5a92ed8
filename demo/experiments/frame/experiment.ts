/** The type of an experiment: a question, and a run that answers with figures, tables and charts. */
import type { Engine } from "wgrad";
import type { ChartSpec } from "../../../charts/spec.ts";
import type { Images } from "./data.ts";

export interface Experiment {
  /** The experiment's name at the command line. */
  readonly name: string;
  readonly title: string;
  readonly question: string;
  run(context: Context): Promise<Outcome>;
}

/** The context of an experiment's run. */
export interface Context {
  readonly engine: Engine;
  /** Seed of initial parameters, the order of samples, and generated data. */
  readonly seed: number;
  /** The folder of MNIST's files, where one was named. */
  readonly data?: string;
  /** Whether a short version is wanted: less data and fewer epochs, the same conclusion. */
  readonly quick: boolean;
  /** The first images of MNIST, or, where it cannot be had, as many built-in digits. */
  mnist(counts: { readonly train: number; readonly test: number }): Promise<Images>;
  /** Tells how far it is: one line. */
  note(line: string): void;
}

export interface Outcome {
  /** Results by name, which the experiment's test checks. */
  readonly figures: Readonly<Record<string, number>>;
  /** The same for people: tables and sentences. */
  readonly lines: readonly string[];
  readonly charts: readonly ChartSpec[];
}

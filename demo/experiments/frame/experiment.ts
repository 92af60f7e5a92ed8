/** What an experiment is: a question, and a run that answers it with figures, tables and charts. */
import type { Engine } from "wgrad";
import type { ChartSpec } from "../../../charts/spec.ts";
import type { Images } from "./data.ts";

export interface Experiment {
  /** What it is called at the command line. */
  readonly name: string;
  readonly title: string;
  readonly question: string;
  run(context: Context): Promise<Outcome>;
}

/** What an experiment runs with. */
export interface Context {
  readonly engine: Engine;
  /** Of initial parameters, the order of samples, and generated data. */
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
  /** What was found, by name: what its test holds. */
  readonly figures: Readonly<Record<string, number>>;
  /** The same for people: tables and sentences. */
  readonly lines: readonly string[];
  readonly charts: readonly ChartSpec[];
}

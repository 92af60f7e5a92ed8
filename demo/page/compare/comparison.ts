/** The comparison as the page sees it. It outlives the view, so that who comes back finds the numbers again. */
import { batch, signal } from "@preact/signals";
import { reasonOf } from "../../../bench/peers/entrant.ts";
import {
  ALL_CASES,
  type Case,
  type ContenderName,
  DEFAULT_CASES,
  keyOf,
  needsGpu,
  OWN,
  PEERS,
  type PeerName,
  titleOf,
} from "./cases.ts";
import { compareCase } from "./contest.ts";
import { workerHost } from "./host.ts";
import { adapter } from "./machine.ts";
import type { Row } from "./results.ts";

/** Keys of the cases that a person wants compared, and the libraries besides wgrad. */
export const chosen = signal<ReadonlySet<string>>(DEFAULT_CASES);
export const peers = signal<ReadonlySet<PeerName>>(new Set());

export const rows = signal<readonly Row[]>([]);
/** Who took part in them, and when. */
export const contenders = signal<readonly ContenderName[]>([]);
export const measuredAt = signal<Date | undefined>(undefined);

interface Progress {
  readonly done: number;
  readonly cases: number;
  /** Which case this is: "Case 2 of 5: ConvNet, batch 10". */
  readonly title: string;
  /** The current action. */
  readonly now: string;
}

/** Undefined while nothing is measured. */
export const progress = signal<Progress | undefined>(undefined);
/** Said when it has ended. */
export const ended = signal("");

let running: AbortController | undefined;

export function stop(): void {
  running?.abort(new Error("stopped"));
}

/** Measures the chosen cases, one after another. A failure stands in its row; measuring ends with the last case, or when stopped. */
export async function start(): Promise<void> {
  stop();
  const controller = new AbortController();
  running = controller;
  const steps = ALL_CASES.filter((step) => chosen.value.has(keyOf(step)));
  const gpu = adapter.value !== undefined && !("none" in adapter.value);
  const wanted: ContenderName[] = [...OWN, ...PEERS.filter((name) => peers.value.has(name))];
  const names = wanted.filter((name) => gpu || !needsGpu(name));
  batch(() => {
    rows.value = steps.map((step) => ({ step }));
    contenders.value = names;
    measuredAt.value = new Date();
    ended.value = "";
  });
  for (const [done, step] of steps.entries()) {
    const title = `Case ${done + 1} of ${steps.length}: ${titleOf(step)}`;
    const note = (now: string) => {
      if (running === controller) progress.value = { done, cases: steps.length, title, now };
    };
    note("starting");
    const row = await measured(step, names, note, controller.signal);
    if (running !== controller) return;
    if (controller.signal.aborted) break;
    rows.value = rows.value.map((old, i) => (i === done ? row : old));
  }
  running = undefined;
  const left = rows.value.filter(({ result, failure }) => !result && !failure).length;
  batch(() => {
    progress.value = undefined;
    rows.value = rows.value.filter(({ result, failure }) => result || failure);
    ended.value = endedWords(steps.length - left, steps.length);
  });
}

function endedWords(measured: number, wanted: number): string {
  if (measured < wanted) return `Stopped after ${measured} of ${wanted} cases.`;
  return wanted === 1 ? "The case is measured." : `All ${wanted} cases are measured.`;
}

async function measured(
  step: Case,
  names: readonly ContenderName[],
  note: (now: string) => void,
  signal: AbortSignal,
): Promise<Row> {
  const host = workerHost(signal);
  try {
    return { step, result: await compareCase(host, { step, contenders: names, note, signal }) };
  } catch (error) {
    return { step, failure: reasonOf(error) };
  } finally {
    await host.close();
  }
}

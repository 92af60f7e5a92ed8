/** Runs a plan's commands one after the other within a time, each in a process of its own. */
import { runLines } from "../child.ts";
import type { ReportLine } from "../report.ts";
import { allotment, type Planned, type PlannedPart } from "./plan.ts";

/**
 * "not here" is what the machine lacks, "cut off" what took longer than its share, or was under way when the whole was
 * stopped.
 */
export type Status = "waiting" | "running" | "done" | "failed" | "not here" | "cut off" | "not begun";

export interface RunResult {
  readonly command: readonly string[];
  status: Status;
  /** Time it took, and time that it might have taken. */
  seconds: number;
  limit: number;
  /** Why it is not done. */
  words?: string;
  /** The last report that it gave: of a run that was cut off, its results so far. */
  report?: ReportLine;
}

export interface PartResult {
  readonly name: string;
  readonly title: string;
  readonly runs: readonly RunResult[];
}

export interface Measured {
  readonly device: RunResult;
  readonly parts: readonly PartResult[];
}

interface MeasureOptions {
  /** Starts a benchmark; its name and options come behind. */
  readonly program: readonly string[];
  readonly device: Planned;
  readonly parts: readonly PlannedPart[];
  /** For all of it. */
  readonly seconds: number;
  readonly env?: NodeJS.ProcessEnv;
  /** Stops what runs, and lets nothing more begin. */
  readonly signal?: AbortSignal;
  /** Called whenever there is more to tell. */
  readonly onChange?: (soFar: Measured) => void;
}

/** The exit code of a benchmark that throws a `NotHereError`. */
export const NOT_HERE = 3;
/** With less time a process has hardly started. */
const LEAST_SECONDS = 1;

/** Runs all of it. Never throws: a run that fails, hangs or ends its process takes no other with it. */
export async function measureAll(options: MeasureOptions): Promise<Measured> {
  const { program, seconds, env, signal, onChange = () => {} } = options;
  const began = performance.now();
  const results = { device: waiting(options.device), parts: options.parts.map(waitingPart) };
  const runs = [results.device, ...results.parts.flatMap((part) => part.runs)];
  const weights = [options.device, ...options.parts.flatMap((part) => part.runs)].map(({ weight }) => weight);
  const tell = () => onChange(results);

  for (const [i, run] of runs.entries()) {
    const left = seconds - (performance.now() - began) / 1000;
    run.limit = allotment(left, weights.slice(i));
    if (signal?.aborted || run.limit < LEAST_SECONDS) {
      run.status = "not begun";
      run.words = signal?.aborted ? String(signal.reason) : "no time left";
      continue;
    }
    run.status = "running";
    tell();
    const ending = await runLines([...program, ...run.command, "--json-lines"], {
      seconds: run.limit,
      signal,
      env,
      onLine: (line) => {
        run.report = line as ReportLine;
        tell();
      },
    });
    run.seconds = ending.seconds;
    run.words = ending.words;
    if (ending.how === "stopped") run.status = "cut off";
    else if (ending.how === "done") run.status = "done";
    else run.status = ending.code === NOT_HERE ? "not here" : "failed";
    tell();
  }
  tell();
  return results;
}

function waiting({ command }: Planned): RunResult {
  return { command, status: "waiting", seconds: 0, limit: 0 };
}

function waitingPart({ name, title, runs }: PlannedPart): PartResult {
  return { name, title, runs: runs.map(waiting) };
}

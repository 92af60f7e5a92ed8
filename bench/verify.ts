/**
 * Every kernel in every variant against its CPU twin, on this machine's device. The cases and tolerances are those of the
 * tests; they run in a process of their own, and where a driver ends it or hangs, another one goes on behind the case.
 */
import type { Command } from "commander";
import { table } from "../src/text.ts";
import { type Ending, runLines } from "./child.ts";
import { significant } from "./measure.ts";
import { benchmark, note, type OutputFlags, outputOptions, PACKED } from "./options.ts";
import { publish, publishSoFar, type Report } from "./report.ts";
import { withTwins } from "./verify/bundle.ts";

/** A case in one variant that its device does not compute as its twin does. */
export interface Failure {
  readonly kernel: string;
  /** The kernel and the constants that make the variant. */
  readonly variant: string;
  readonly shape: string;
  /** Sentences: the elements that differ most, the device's error, or how the process ended. */
  readonly wrong: readonly string[];
  /** The largest difference; absent where there is none, for want of numbers. */
  readonly largest?: number;
}

/** The results of a kernel's cases. */
interface KernelTally {
  agree: number;
  disagree: number;
  /** Of those that agree, the largest difference of any element. */
  largest: number;
}

export interface Verification {
  readonly adapter: string;
  /** Number of cases in all variants, and of those that were computed or left out so far. */
  readonly total: number;
  readonly done: number;
  readonly kernels: Readonly<Record<string, KernelTally>>;
  readonly failures: readonly Failure[];
  /** Why variants were left out, and how many. */
  readonly skipped: Readonly<Record<string, number>>;
  /** Why it ended before the last case. */
  readonly ended?: string;
}

/** Longer than any case takes on a processor that plays a GPU. */
const PATIENCE_SECONDS = 45;
/** After so many crashes in a row, it is not a case that is to blame. */
const MOST_CRASHES = 8;
/** Cases on the device at once: while one is checked, drivers compile others. */
const AHEAD = 4;

export function verifyCommand(): Command {
  const command = benchmark("verify", "every kernel and variant against its CPU twin, on this device")
    .option("--only <kernel>", "the cases that this kernel computes")
    .action(async ({ only, ...flags }: OutputFlags & { readonly only?: string }) => {
      const names = only === undefined ? [] : [only];
      const result = await withTwins(PACKED, (path) =>
        verify([process.execPath, path, ...names], (soFar) => publishSoFar(() => verifyReport(soFar), flags)),
      );
      await publish(verifyReport(result), flags);
      const problem = problemOf(result);
      if (problem !== undefined) throw new Error(`verify: ${problem}`);
    });
  for (const option of outputOptions()) command.addOption(option);
  return command;
}

/** What the exit code is to tell; undefined where all cases were tried and agree. */
export function problemOf({ ended, failures, total }: Verification): string | undefined {
  if (failures.length > 0) return `${failures.length} of ${total} disagree with their twins`;
  return ended;
}

type Line = Readonly<Record<string, unknown>>;
type Begun = Pick<Failure, "kernel" | "variant" | "shape">;
const UNKNOWN: Begun = { kernel: "unknown", variant: "unknown", shape: "unknown" };

/**
 * Runs the program of the twins, again and again until every case was tried.
 * @param program starts it; the number of the first case, and of those at once, come behind
 */
export async function verify(
  program: readonly string[],
  onProgress: (soFar: Verification) => void = () => {},
  patience = PATIENCE_SECONDS,
): Promise<Verification> {
  let adapter = "none";
  let total = 0;
  let done = 0;
  let ended: string | undefined;
  const kernels: Record<string, KernelTally> = {};
  const failures: Failure[] = [];
  const skipped: Record<string, number> = {};
  /** What the process that runs at present has begun. */
  const begun = new Map<number, Begun>();
  const soFar = (): Verification => ({ adapter, total, done, kernels, failures, skipped, ended });
  const fail = (index: number, wrong: readonly string[], largest?: number) => {
    const { kernel, variant, shape } = begun.get(index) ?? UNKNOWN;
    tallyOf(kernel).disagree++;
    failures.push({ kernel, variant, shape, wrong, largest });
    note(failureLine(failures[failures.length - 1]));
  };
  const tallyOf = (kernel: string) => {
    kernels[kernel] ??= { agree: 0, disagree: 0, largest: 0 };
    return kernels[kernel];
  };
  const onLine = (line: Line) => {
    if (typeof line.total === "number") {
      adapter = String(line.adapter);
      total = line.total;
      for (const kernel of line.kernels as string[]) tallyOf(kernel);
    } else if (typeof line.begins === "number") {
      begun.set(line.begins, line as unknown as Begun);
    } else if (typeof line.ends === "number") {
      done = line.ends + 1;
      const largest = typeof line.largest === "number" ? line.largest : undefined;
      const wrong = (line.wrong ?? []) as string[];
      const tally = tallyOf((begun.get(line.ends) ?? UNKNOWN).kernel);
      if (typeof line.skipped === "string") skipped[line.skipped] = (skipped[line.skipped] ?? 0) + 1;
      else if (wrong.length > 0) fail(line.ends, wrong, largest);
      else {
        tally.agree++;
        tally.largest = Math.max(tally.largest, largest ?? 0);
      }
      onProgress(soFar());
    }
  };

  let ahead = AHEAD;
  let crashes = 0;
  while (total === 0 || done < total) {
    const before = done;
    begun.clear();
    const ending = await runLines([...program, `${done}`, `${ahead}`], { onLine, patience, group: false });
    if (ending.how === "done") break;
    crashes = done > before ? 1 : crashes + 1;
    if (total === 0 || crashes > MOST_CRASHES) {
      ended = wordsOf(ending);
      break;
    }
    // Of several at once, none can be named: again from the first of them, one at a time.
    if (ahead === 1 && begun.has(done)) {
      fail(done, [`the process ended: ${wordsOf(ending)}`]);
      done++;
    }
    ahead = 1;
    onProgress(soFar());
  }
  return soFar();
}

function wordsOf({ words = "it ended early" }: Ending): string {
  return words;
}

export function verifyReport(result: Verification): Report {
  const { adapter, total, done, kernels, failures, skipped, ended } = result;
  const agree = Object.values(kernels).reduce((sum, tally) => sum + tally.agree, 0);
  const rows = Object.entries(kernels).map(([kernel, tally]) => [
    kernel,
    `${tally.agree}`,
    `${tally.disagree}`,
    tally.agree > 0 ? significantOrZero(tally.largest) : "–",
  ]);
  return {
    name: "verify",
    lines: [
      `Kernels against their CPU twins on ${adapter}: ${agree} of ${done} cases agree, of ${total} in all`,
      "",
      ...table([["kernel", "agree", "disagree", "largest difference"], ...rows]),
      "",
      ...failures.map(failureLine),
      ...Object.entries(skipped).map(([reason, count]) => `${count} left out: ${reason}`),
      ...(ended === undefined ? [] : [`Ended early: ${ended}`]),
      "Cases and tolerances are the tests'; each in every variant that this device, or a wide one of other abilities, would run.",
    ],
    object: { benchmark: "verify", ...result },
  };
}

function failureLine({ kernel, variant, shape, wrong }: Failure): string {
  return `DISAGREES ${kernel}, ${shape}, as ${variant}: ${wrong.join("; ")}`;
}

function significantOrZero(value: number): string {
  return value === 0 ? "0" : value < 0.001 ? value.toExponential(1) : significant(value);
}

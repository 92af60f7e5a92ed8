/** The measurements in words and as a table, for the page and the clipboard. */
import { isSoftware } from "../../../charts/adapter.ts";
import { significant } from "../widgets/numbers.ts";
import { type Case, CONTENDERS, type ContenderName, MODELS, needsGpu, OWN, PEERS } from "./cases.ts";
import type { CaseResult, Timed } from "./contest.ts";

export interface Row {
  readonly step: Case;
  /** Undefined until it is measured. */
  readonly result?: CaseResult;
  /** Why there is none. */
  readonly failure?: string;
}

interface Column {
  readonly name: string;
  readonly cell: (row: Row) => string;
}

const NOTHING = "–";
const LATER = "…";

/** @param contenders who took part */
export function columnsFor(contenders: readonly ContenderName[]): Column[] {
  const own = OWN.filter((name) => contenders.includes(name));
  const timing = (
    name: ContenderName,
    unit: string,
    value: (timed: Timed, step: Case) => number,
  ): Column => ({
    name: `${CONTENDERS[name].name}, ${unit}`,
    cell: (row) => {
      const entry = row.result?.entries[name];
      if (!entry) return nothing(row);
      return entry.fails === undefined ? significant(value(entry, row.step)) : "failed";
    },
  });
  const milliseconds = (name: ContenderName) =>
    timing(name, "ms a step", (timed) => timed.milliseconds.median);
  const perSecond = (name: ContenderName) =>
    timing(name, "samples/s", ({ milliseconds }, { batch }) => (1000 * batch) / milliseconds.median);
  const against = (name: ContenderName, base: ContenderName, baseName: string, other: string): Column => ({
    name: `Faster: ${baseName} or ${other}`,
    cell: (row) => {
      const ratio = ratioOf(row.result, name, base);
      return ratio === undefined ? nothing(row) : speedWords(ratio, baseName, other);
    },
  });
  const [first, second] = own;
  const peers = PEERS.filter((name) => contenders.includes(name));
  return [
    { name: "Model", cell: ({ step }) => MODELS[step.model].name },
    { name: "Batch", cell: ({ step }) => `${step.batch}` },
    ...own.map(milliseconds),
    ...(second ? [against(second, first, SHORT[first], SHORT[second])] : []),
    ...own.map(perSecond),
    ...peers.flatMap((name) => [
      milliseconds(name),
      against(name, needsGpu(name) ? "gpu" : "wasm", "wgrad", CONTENDERS[name].name),
    ]),
    ...(second ? [{ name: "Losses agree to", cell: agreementWords }] : []),
  ];
}

/** In headings. */
const SHORT = { gpu: "GPU", wasm: "WebAssembly", cpu: "CPU" } as const;

/** The ratio of the step times of `name` and `base`. */
function ratioOf(
  result: CaseResult | undefined,
  name: ContenderName,
  base: ContenderName,
): number | undefined {
  const [one, other] = [result?.entries[name], result?.entries[base]];
  if (!one || !other || one.fails !== undefined || other.fails !== undefined) return undefined;
  return one.milliseconds.median / other.milliseconds.median;
}

/** Closer than this, neither is said to be faster: measurements differ by as much. */
const EQUAL = 1.05;

/** "GPU, 12×" */
function speedWords(ratio: number, one: string, other: string): string {
  if (ratio > EQUAL) return `${one}, ${times(ratio)}`;
  if (1 / ratio > EQUAL) return `${other}, ${times(1 / ratio)}`;
  return "neither";
}

function nothing({ result, failure }: Row): string {
  return result || failure ? NOTHING : LATER;
}

function times(ratio: number): string {
  return `${significant(ratio, ratio < 10 ? 2 : 3)}×`;
}

/** Who was compared with the CPU engine, and was not refused. */
function agreementWords(row: Row): string {
  const { result } = row;
  const entries = Object.entries(result?.entries ?? {}).filter(([name]) => name !== "cpu");
  const differences = entries.flatMap(([, entry]) => (entry.fails === undefined ? [entry.difference] : []));
  if (!result || differences.length === 0) return nothing(row);
  const largest = Math.max(...differences);
  const words = largest === 0 ? "the last digit" : largest.toExponential(0);
  return `${words} (${result.comparedSteps} steps)`;
}

/** A sentence for who reads no table; undefined where there is nothing to say yet. */
export function summary(rows: readonly Row[], adapter: string | undefined): string | undefined {
  const gpu = adapter && isSoftware(adapter) ? "WebGPU in software" : "the GPU";
  const names = { gpu, wasm: "WebAssembly", cpu: "the CPU engine" };
  for (const [name, other] of PAIRS) {
    const compared = rows.flatMap((row) => {
      const ratio = ratioOf(row.result, other, name);
      return ratio === undefined ? [] : [{ ...row.step, ratio }];
    });
    const chosen = ofInterest(compared);
    if (chosen) return `On this machine ${comparisonWords(chosen, chosen.ratio, names[name], names[other])}.`;
  }
  return cpuSummary(rows);
}

/** What a sentence compares: the first two that were measured. */
const PAIRS = [
  ["gpu", "wasm"],
  ["gpu", "cpu"],
  ["wasm", "cpu"],
] as const;

function comparisonWords(step: Case, ratio: number, name: string, other: string): string {
  if (ratio > EQUAL) return `${name} trains ${described(step)} ${timesInWords(ratio)} as fast as ${other}`;
  if (1 / ratio > EQUAL)
    return `${other} trains ${described(step)} ${timesInWords(1 / ratio)} as fast as ${name}`;
  return `${name} trains ${described(step)} as fast as ${other}`;
}

function cpuSummary(rows: readonly Row[]): string | undefined {
  const timed = rows.flatMap(({ step, result }) => {
    const entry = result?.entries.cpu;
    return entry && entry.fails === undefined ? [{ ...step, milliseconds: entry.milliseconds.median }] : [];
  });
  const chosen = ofInterest(timed);
  if (!chosen) return undefined;
  const perSecond = significant((1000 * chosen.batch) / chosen.milliseconds);
  return `On this machine the CPU engine trains ${described(chosen)} on ${perSecond} samples a second.`;
}

/** The MLP with the largest batch; where there is none, the case that comes last. */
function ofInterest<One extends Case>(cases: readonly One[]): One | undefined {
  return cases.filter(({ model }) => model === "mlp").at(-1) ?? cases.at(-1);
}

function described({ model, batch }: Case): string {
  const name = { small: "784-30-10", mlp: "the MLP", wide: "the wide MLP", convnet: "the ConvNet" }[model];
  return `${name} (batch ${batch})`;
}

function timesInWords(ratio: number): string {
  return `${significant(ratio, ratio < 10 ? 2 : 3)} times`;
}

/** Notes below the table: failures with their reasons, and contenders measured less often than planned. */
export function remarks(rows: readonly Row[]): string[] {
  return rows.flatMap(({ step, result, failure }) => {
    const title = `${MODELS[step.model].name}, batch ${step.batch}`;
    if (failure) return [`${title}: ${failure}.`];
    if (!result) return [];
    const failed = (Object.keys(result.entries) as ContenderName[]).flatMap((name) => {
      const entry = result.entries[name];
      return entry?.fails === undefined ? [] : [`${title}: ${CONTENDERS[name].fullName}: ${entry.fails}.`];
    });
    const { turns, cut } = result;
    const times = turns === 1 ? "once" : `${turns} times`;
    return [...failed, ...(cut ? [`${title}: measured only ${times}, because a step takes long.`] : [])];
  });
}

/** As Markdown, with the numbers' origin. */
export function markdown(
  columns: readonly Column[],
  rows: readonly Row[],
  origin: readonly string[],
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(columns.map(({ name }) => name)),
    line(columns.map((_, i) => (i === 0 ? "---" : "---:"))),
    ...rows.map((row) => line(columns.map(({ cell }) => cell(row)))),
    "",
    ...remarks(rows),
    ...origin,
    "",
  ].join("\n");
}

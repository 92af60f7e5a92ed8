/** What contests of wgrad and PyTorch have in common: the two sides, their times, and how results are told. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Ceiling, Engine } from "wgrad";
import type { ChartSpec } from "../../charts/spec.ts";
import { ceilingOf, formatCeiling } from "../ceiling.ts";
import { type Spread, significant, spreadOf } from "../measure.ts";
import type { Python, Question } from "../python.ts";

/** The first message of pytorch.py. */
export interface Greeting {
  readonly torch: string;
  readonly python: string;
  readonly device: "cuda" | "mps" | "cpu";
  readonly deviceName: string;
  readonly threads: number;
  readonly modes: readonly Mode[];
}
export const MODES = ["eager", "graph", "compile", "compile-graph"] as const;
export type Mode = (typeof MODES)[number];

export interface TorchRow {
  readonly name: string;
  readonly milliseconds: Spread;
  /** Time relative to wgrad's. */
  readonly ratio: number;
  /** Operations a second, in billions. */
  readonly gflops: number;
  /** The same as a fraction of the peak that was measured, if one was. */
  readonly share?: number;
}

export interface TorchResult {
  readonly what: string;
  readonly adapter: string;
  readonly pytorch: Greeting;
  readonly difference: number;
  /** Of the processor as WebAssembly, with as many threads; where wgrad computes on it. */
  readonly ceiling?: Ceiling;
  readonly count: number;
  readonly repetitions: number;
  /** wgrad's first. */
  readonly rows: readonly TorchRow[];
  /** Modes that PyTorch could not run, with its reason. */
  readonly failures: readonly { readonly name: string; readonly why: string }[];
}

export interface Setting {
  readonly engine: Engine;
  readonly ceiling?: Ceiling;
  readonly python: Python;
  readonly greeting: Greeting;
  /** Where files lie that both sides read. */
  readonly folder: string;
  readonly note: (line: string) => void;
}

export async function torchTime(python: Python, question: Question & { count: number }): Promise<number> {
  const { seconds } = (await python.request(question)) as { seconds: number };
  return (seconds * 1000) / question.count;
}

export async function writeFiles(
  folder: string,
  files: Readonly<Record<string, ArrayBufferView>>,
): Promise<void> {
  for (const [name, data] of Object.entries(files)) await writeFile(join(folder, name), data as Uint8Array);
}

const NAMES: Readonly<Record<Mode, string>> = {
  eager: "PyTorch",
  graph: "PyTorch, CUDA graph",
  compile: "PyTorch, torch.compile",
  "compile-graph": "PyTorch, torch.compile in a CUDA graph",
};

export function nameOf(mode: Mode, { device, deviceName }: Greeting): string {
  return `${NAMES[mode]}, ${device === "cuda" ? deviceName : device}`;
}

/** @param flops of what was timed */
export function rowsOf(
  times: Readonly<Record<string, readonly number[]>>,
  { engine, greeting, ceiling }: Setting,
  flops: number,
): TorchRow[] {
  const spreads = Object.entries(times).map(([name, values]) => ({ name, milliseconds: spreadOf(values) }));
  const wgrad = spreads[0].milliseconds.median;
  return spreads.map(({ name, milliseconds }) => {
    const perSecond = (flops * 1000) / milliseconds.median;
    return {
      name: name in NAMES ? nameOf(name as Mode, greeting) : ownName(engine, greeting),
      milliseconds,
      ratio: milliseconds.median / wgrad,
      gflops: perSecond / 1e9,
      share: ceiling && perSecond / ceiling.flops,
    };
  });
}

function ownName({ kind }: Engine, greeting: Greeting): string {
  return kind === "wasm" ? `wgrad, wasm, ${threadsOf(greeting)}` : "wgrad";
}

/** The peak of what both sides compute on, where that is the processor. */
export async function sharedCeiling(engine: Engine, { threads }: Greeting): Promise<Ceiling | undefined> {
  return engine.kind === "wasm" ? ceilingOf(engine, threads) : undefined;
}

/** The last columns of a row: operations a second, and of the peak. */
export function speedCells({ gflops, share }: TorchRow): string[] {
  return [significant(gflops), ...(share === undefined ? [] : [`${Math.round(share * 100)} %`])];
}

export function speedHeadings({ ceiling }: TorchResult): string[] {
  return ["GFLOP/s", ...(ceiling ? ["of the ceiling"] : [])];
}

export function ceilingLines({ ceiling, pytorch }: TorchResult): string[] {
  if (!ceiling) return [];
  return [`The ceiling, loops of WebAssembly on ${threadsOf(pytorch)}: ${formatCeiling(ceiling)}`];
}

function threadsOf({ threads }: Greeting): string {
  return `${threads} thread${threads === 1 ? "" : "s"}`;
}

export function originOf(greeting: Greeting): string {
  const { torch, python, device, deviceName } = greeting;
  const place = device === "cpu" ? `${deviceName} processor, ${threadsOf(greeting)}` : deviceName;
  return `PyTorch ${torch}, Python ${python}, ${device} (${place}), TF32 off`;
}

export function chartOf({ what, rows, pytorch }: TorchResult, unit: string): ChartSpec {
  return {
    kind: "bars",
    title: `${what}: wgrad and PyTorch ${pytorch.torch}`,
    categories: rows.map(({ name }) => name),
    value: { name: `time ${unit}`, unit: "ms" },
    series: [{ name: unit, values: rows.map(({ milliseconds }) => milliseconds) }],
  };
}

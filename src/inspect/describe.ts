/** Prints a program: one line for each dispatch, with its bindings and its cost. */
import { dispatchCost } from "../kernels/cost.ts";
import { isWritten } from "../kernels/index.ts";
import {
  byteLength,
  type Dispatch,
  formatShape,
  type Hook,
  launchesOf,
  type Program,
  scalarName,
} from "../program.ts";
import { table } from "../text.ts";
import { checkGiven } from "./given.ts";

export interface ProgramCost {
  /** Kernel launches in a step; joined dispatches count as one. */
  readonly dispatches: number;
  /** Arithmetic operations in a step. */
  readonly flops: number;
  /** Bytes read and written by the dispatches: the traffic of a step without caches. */
  readonly bytes: number;
}

/**
 * Cost of one step of a program, as its kernels declare it: launches, operations and bytes.
 * @throws TypeError where `program` is none
 */
export function programCost(program: Program): ProgramCost {
  checkGiven("programCost", program);
  const costs = program.dispatches.map((dispatch) => dispatchCost(program, dispatch));
  return {
    dispatches: launchesOf(program).length,
    flops: costs.reduce((sum, { flops }) => sum + flops, 0),
    bytes: costs.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** Peak of a device, per second. */
export interface Ceiling {
  readonly flops: number;
  readonly bytes: number;
}

/** Measurements to print beside a program: of `profile`, and of the device. */
export interface Measured {
  /** Milliseconds of each launch in each profiled step. */
  readonly milliseconds: readonly (readonly number[])[];
  readonly ceiling?: Ceiling;
}

/** Time of one launch, and the rates that follow. */
export interface LaunchProfile {
  readonly dispatches: readonly Dispatch[];
  /** Median over the profiled steps. */
  readonly milliseconds: number;
  readonly flops: number;
  readonly bytes: number;
  /** Fraction of the device's peak: least possible time / measured time. */
  readonly share?: number;
}

/**
 * The launches of a program with their times.
 * @throws RangeError where the times belong to another program
 */
export function launchProfiles(program: Program, { milliseconds, ceiling }: Measured): LaunchProfile[] {
  const launches = launchesOf(program);
  if (milliseconds.length !== launches.length) {
    throw new RangeError(
      `${program.name} has ${launches.length} launches, but there are times of ${milliseconds.length}; give the times of its own profile()`,
    );
  }
  return launches.map((dispatches, i) => {
    const costs = dispatches.map((dispatch) => dispatchCost(program, dispatch));
    const flops = costs.reduce((sum, cost) => sum + cost.flops, 0);
    const bytes = costs.reduce((sum, cost) => sum + cost.bytes, 0);
    const sorted = [...milliseconds[i]].sort((a, b) => a - b);
    const median = sorted[sorted.length >> 1];
    const least = ceiling && Math.max(flops / ceiling.flops, bytes / ceiling.bytes) * 1000;
    return { dispatches, milliseconds: median, flops, bytes, share: least && least / median };
  });
}

/**
 * The program as a table, one line for each dispatch: kernel, layer, reads and writes, fused work, and cost in
 * operations and bytes; "+" marks a dispatch in the launch of the one before. A profiled program adds time, rates, and
 * the fraction of the device's peak.
 * @throws RangeError where `measured` belongs to another program; TypeError where `program` is none
 */
export function describe(program: Program, measured?: Measured): string {
  checkGiven("describe", program);
  const profiles = measured && launchProfiles(program, measured);
  let launches = 0;
  const rows = program.dispatches.map((dispatch) => {
    const { flops, bytes } = dispatchCost(program, dispatch);
    return [
      dispatch.joined ? "+" : `${++launches}`,
      dispatch.kernel,
      dispatch.label,
      traffic(program, dispatch),
      fused(dispatch),
      count(flops),
      count(bytes),
      ...(profiles ? timeCells(dispatch.joined ? undefined : profiles[launches - 1]) : []),
    ];
  });
  const header = ["#", "kernel", "layer", "reads → writes", "fused", "FLOPs", "bytes"];
  if (profiles) header.push("ms", "GFLOP/s", "GB/s", "share");
  const { dispatches, flops, bytes } = programCost(program);
  const kinds = ["state", "data", "constant", "input", "temporary", "output"] as const;
  const memory = kinds.flatMap((kind) => {
    const buffers = program.buffers.filter((buffer) => buffer.kind === kind);
    const size = buffers.reduce((sum, buffer) => sum + byteLength(buffer), 0);
    return buffers.length > 0 ? [`${kind} ${count(size)}B in ${buffers.length}`] : [];
  });
  return [
    `${program.name}: ${dispatches} dispatches, ${count(flops)}FLOP, ${count(bytes)}B moved a step`,
    ...table([header, ...rows.map((row) => row.map((cell) => cell.trim()))], () => false),
    `memory: ${memory.join(", ")}`,
    ...(program.scalars.length > 0
      ? [`step scalars: ${[...new Set(program.scalars.map(({ name }) => scalarName(name)))].join(", ")}`]
      : []),
  ].join("\n");
}

/** The first line of joined dispatches shows the time of all. */
function timeCells(profile: LaunchProfile | undefined): string[] {
  if (!profile) return ["", "", "", ""];
  const { milliseconds, flops, bytes, share } = profile;
  const giga = (amount: number) => (amount / milliseconds / 1e6).toPrecision(3);
  return [
    milliseconds.toPrecision(3),
    giga(flops),
    giga(bytes),
    share === undefined ? "" : `${Math.round(share * 100)} %`,
  ];
}

function traffic(program: Program, dispatch: Dispatch): string {
  const names = Object.entries(dispatch.bindings);
  const show = ([, view]: (typeof names)[number]) => {
    const { kind, name } = program.buffers[view.buffer];
    return kind === "temporary" ? formatShape(view.shape) : `${name} ${formatShape(view.shape)}`;
  };
  const reads = names.filter(([name]) => !isWritten(dispatch, name)).map(show);
  const writes = names.filter(([name]) => isWritten(dispatch, name)).map(show);
  return `${reads.join(" ")} → ${writes.join(" ")}`;
}

/** Scalar functions and gathers in a dispatch's hooks, by hook. */
function fused(dispatch: Dispatch): string {
  return Object.entries(dispatch.hooks)
    .map(([name, hook]) => [name, hookFunctions(hook)] as const)
    .filter(([, names]) => names.length > 0)
    .map(([name, names]) => `${name}: ${names.join(" ")}`)
    .join("; ");
}

/** Scalar functions and gathers in a hook, in order. */
export function hookFunctions(hook: Hook): string[] {
  return hook.code.flatMap((instruction) => {
    if (instruction.op === "call") return [instruction.fn];
    return instruction.op === "row" ? ["gather"] : [];
  });
}

/** 1234567 → "1.23 M". */
function count(value: number): string {
  const units = ["", "k", "M", "G", "T"];
  const power = value > 0 ? Math.min(units.length - 1, Math.floor(Math.log10(value) / 3)) : 0;
  const scaled = value / 1000 ** power;
  return power === 0 ? `${scaled} ` : `${scaled.toPrecision(3)} ${units[power]}`;
}

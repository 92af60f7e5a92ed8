/** A program, printed: one line a dispatch, with what it binds and what it costs. */
import { dispatchCost } from "../kernels/cost.ts";
import { isWritten } from "../kernels/index.ts";
import { byteLength, type Dispatch, formatShape, type Hook, launchesOf, type Program } from "../program.ts";
import { table } from "../text.ts";

export interface ProgramCost {
  /** Kernel launches a step: joined dispatches count as one. */
  readonly dispatches: number;
  /** Arithmetic operations a step. */
  readonly flops: number;
  /** Bytes that the dispatches read and write: what a step moves at least, without caches. */
  readonly bytes: number;
}

/** What one step of a program costs, as its kernels declare it. */
export function programCost(program: Program): ProgramCost {
  const costs = program.dispatches.map((dispatch) => dispatchCost(program, dispatch));
  return {
    dispatches: launchesOf(program).length,
    flops: costs.reduce((sum, { flops }) => sum + flops, 0),
    bytes: costs.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** What a device can do at most, per second. */
export interface Ceiling {
  readonly flops: number;
  readonly bytes: number;
}

/** Measurements to be shown beside a program: those of `profile`, and of the device. */
export interface Measured {
  /** Milliseconds of each launch in each of the profiled steps. */
  readonly milliseconds: readonly (readonly number[])[];
  readonly ceiling?: Ceiling;
}

/** What one launch took, and what came of it. */
export interface LaunchProfile {
  readonly dispatches: readonly Dispatch[];
  /** The median of the profiled steps. */
  readonly milliseconds: number;
  readonly flops: number;
  readonly bytes: number;
  /** The part of the time that it would take at least, by the device's ceiling. */
  readonly share?: number;
}

/** The launches of a program with their times. @throws RangeError when the times are not of this program */
export function launchProfiles(program: Program, { milliseconds, ceiling }: Measured): LaunchProfile[] {
  const launches = launchesOf(program);
  if (milliseconds.length !== launches.length) {
    throw new RangeError(
      `${program.name} has ${launches.length} launches, and there are times of ${milliseconds.length}; give those of its own profile()`,
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
 * The program as a table: for each dispatch (with "+", those that run in one launch with the one before) its kernel, the
 * layer it belongs to, what it reads and writes, the work fused into it, and its cost in operations and bytes; of a
 * profiled program also its time, what it did per second, and the share of what the device can do.
 */
export function describe(program: Program, measured?: Measured): string {
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
      ? [`step scalars: ${[...new Set(program.scalars.map(({ name }) => name))].join(", ")}`]
      : []),
  ].join("\n");
}

/** Of joined dispatches, the first line has the time of all. */
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

/** The scalar functions and gathers in a dispatch's hooks, by hook. */
function fused(dispatch: Dispatch): string {
  return Object.entries(dispatch.hooks)
    .map(([name, hook]) => [name, hookFunctions(hook)] as const)
    .filter(([, names]) => names.length > 0)
    .map(([name, names]) => `${name}: ${names.join(" ")}`)
    .join("; ");
}

/** The scalar functions that a hook calls, in order, and its gathers. */
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

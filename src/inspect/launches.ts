/** The launches of one step of a program, as plain data. */

import { bytesPerElement, type DType } from "../dtypes.ts";
import { dispatchCost } from "../kernels/cost.ts";
import { isWritten, kernelNamed } from "../kernels/index.ts";
import type { Access } from "../kernels/kernel.ts";
import { gridOf, workgroupOf } from "../kernels/launch.ts";
import { specialiseLaunch } from "../kernels/specialise.ts";
import {
  type BufferKind,
  type Dispatch,
  elementCount,
  launchesOf,
  launchName,
  type Program,
  type Shape,
  type View,
} from "../program.ts";
import { hookFunctions } from "./describe.ts";
import { checkGiven } from "./given.ts";

/** A part of a buffer, bound by a dispatch or a launch. */
export interface BoundMemory {
  /** Index of the buffer in `program.buffers`; below, its name there. */
  readonly buffer: number;
  readonly name: string;
  readonly kind: BufferKind;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly bytes: number;
}

/** One kernel's part of a launch. */
export interface DispatchDetails {
  /** Name of the kernel: `matmul`. */
  readonly kernel: string;
  /** Layer or part of the step: `0.dense`, `0.dense backward`, `optimizer`. */
  readonly label: string;
  /** Constants of the specialised shader: sizes, tiles, strides. */
  readonly constants: Readonly<Record<string, number>>;
  /** Functions fused into the kernel, by hook: `{ store: ["add", "relu"] }`. */
  readonly fused: Readonly<Record<string, readonly string[]>>;
  readonly reads: readonly BoundMemory[];
  /** Memory that it writes, or reads and writes. */
  readonly writes: readonly BoundMemory[];
  /** Number of workgroups that compute it, [x, y, z]. */
  readonly grid: readonly [number, number, number];
  readonly flops: number;
  /** Of these, the kernel's own, without the functions fused into it. */
  readonly kernelFlops: number;
  /** Bytes read and written: the traffic without caches. */
  readonly bytes: number;
}

/** A variable of the shader, and the memory bound to it. */
export interface LaunchBindingDetails extends BoundMemory {
  /** Binding number in group 1; group 0 is the step table, unless step scalars are immediates (`program.immediates`). */
  readonly binding: number;
  /** Name in the shader. */
  readonly variable: string;
  readonly access: Access;
}

/** One launch: a dispatch, or several that run side by side. */
export interface LaunchDetails {
  /** Name for people: "matmul (0.dense)". */
  readonly name: string;
  readonly dispatches: readonly DispatchDetails[];
  readonly entryPoint: string;
  /** The shader's complete WGSL, as a device compiles it. */
  readonly code: string;
  /** What the shader reads at run time as `numbers.NAME`: sizes, offsets and factors of this launch. */
  readonly numbers: Readonly<Record<string, number>>;
  /** Number of workgroups, [x, y, z]. */
  readonly grid: readonly [number, number, number];
  /** Invocations in each workgroup, [x, y, z]. */
  readonly workgroup: readonly [number, number, number];
  readonly bindings: readonly LaunchBindingDetails[];
  readonly flops: number;
  readonly bytes: number;
  /** Launches with the same number, from 0 in order of appearance, share a compiled pipeline. */
  readonly pipeline: number;
}

/**
 * The launches of a step, in order. For a step compiled on a GPU engine, `code` is the WGSL that the device runs; a
 * program of the CPU engine names kernels that a GPU might replace by faster variants.
 * @throws TypeError where `program` is none
 */
export function launchDetails(program: Program): LaunchDetails[] {
  checkGiven("launchDetails", program);
  const pipelines = new Map<string, number>();
  return launchesOf(program).map((dispatches) => {
    const { code, entryPoint, grid, bindings, numbers } = specialiseLaunch(program, dispatches);
    const parts = dispatches.map((dispatch) => dispatchDetails(program, dispatch));
    // Outputs are bound at dynamic offsets, which are part of a pipeline's layout.
    const moving = bindings.map(({ view }) => program.buffers[view.buffer].kind === "output");
    const key = [entryPoint, ...bindings.map(({ binding }) => binding), ...moving, code].join(" ");
    const pipeline = pipelines.get(key) ?? pipelines.size;
    pipelines.set(key, pipeline);
    return {
      name: launchName(dispatches),
      dispatches: parts,
      entryPoint,
      code,
      numbers: Object.fromEntries(numbers.map(({ name, value }) => [name, value])),
      grid,
      workgroup: [...workgroupOf(dispatches[0]), 1],
      bindings: bindings.map(({ binding, access, view, variable }) => ({
        binding,
        variable,
        access,
        ...boundMemory(program, view),
      })),
      flops: parts.reduce((sum, { flops }) => sum + flops, 0),
      bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
      pipeline,
    };
  });
}

function dispatchDetails(program: Program, dispatch: Dispatch): DispatchDetails {
  const { kernel, label, constants, hooks, bindings } = dispatch;
  const bound = (written: boolean) =>
    Object.entries(bindings)
      .filter(([name]) => isWritten(dispatch, name) === written)
      .map(([, view]) => boundMemory(program, view));
  const fused = Object.entries(hooks)
    .map(([name, hook]) => [name, hookFunctions(hook)] as const)
    .filter(([, functions]) => functions.length > 0);
  return {
    kernel,
    label,
    // A variant keeps what another kernel of the family takes.
    constants: Object.fromEntries(
      Object.entries(constants).filter(([name]) => Object.hasOwn(kernelNamed(kernel).constants, name)),
    ),
    fused: Object.fromEntries(fused),
    reads: bound(false),
    writes: bound(true),
    grid: gridOf(dispatch),
    kernelFlops: kernelNamed(kernel).flops(constants),
    ...dispatchCost(program, dispatch),
  };
}

function boundMemory(program: Program, { buffer, shape }: View): BoundMemory {
  const { name, kind, dtype } = program.buffers[buffer];
  const bytes = elementCount(shape) * bytesPerElement(dtype);
  return { buffer, name, kind, dtype, shape: [...shape], bytes };
}

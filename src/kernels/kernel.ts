/**
 * Kernels: a shader with its contract as data, and the same computation for the CPU.
 *
 * Adding a kernel takes three files: `shaders/<family>.wgsl`, `src/kernels/<family>.ts`, which enters the kernel into the
 * table, and `src/wasm/kernels/<family>.ts`.
 */
import type { Dispatch } from "../program.ts";
import type { TwinFunction } from "./twin.ts";

export type Constants = Readonly<Record<string, number>>;
export type Access = "read" | "read_write";

export interface KernelBinding {
  readonly binding: number;
  readonly access: Access;
}

/** Properties of a device that kernels may use: its abilities, never its name. */
export interface DeviceTraits {
  /**
   * Whether a processor plays the GPU: a *narrow* device, where few invocations run at once and loads dominate. All
   * other devices are *wide* (default false).
   */
  readonly narrow?: boolean;
  /**
   * Invocations of a subgroup: of all subgroups of a narrow device, or of those that pipelines of a wide device can ask
   * for, full and numbered in their workgroup.
   */
  readonly subgroupSize?: number;
  /** Cores of the processor of a narrow device, where known. */
  readonly cores?: number;
  /** Limit of a workgroup's shared memory in bytes. */
  readonly workgroupBytes: number;
  /** Most invocations of a workgroup. */
  readonly workgroupInvocations: number;
  /** Whether shaders read step scalars as immediates, where they fit, instead of from a uniform (default false). */
  readonly immediates?: boolean;
}

/** Whether the device is narrow ({@link DeviceTraits.narrow}). Wide devices have variants of their own. */
export function isNarrow({ narrow = false }: DeviceTraits): boolean {
  return narrow;
}

/** A variant of a dispatch: a kernel with the same bindings and hooks, and its constants. */
export interface Variant {
  readonly kernel: string;
  readonly constants: Constants;
}

/** Parts of an index by name: ⌊index / div⌋, and of that the remainder of `mod`; with `mod` 0, ⌊index / div⌋ itself. */
export type IndexParts = Readonly<Record<string, { readonly div: number; readonly mod: number }>>;

/** A binding that can be read four elements at once. */
export interface VectorAccess {
  /** The constant that selects it, as 1. */
  readonly constant: string;
  /** The shader's functions of an element's index, and of a vector's: four elements from four times that on. */
  readonly element: string;
  readonly vector: string;
}

/** A hook that the shader also calls for four neighbours at once. */
export interface NeighbourAccess {
  /**
   * The shader's function for four elements from a multiple of four on: (index, value: vec4) of a store hook, or (index)
   * → vec4 of a load hook. As the shader stands, it calls the hook for each.
   */
  readonly vector: string;
  /** The shader's function that tells whether the hook is so long that its code should not be there many times. */
  readonly isLong?: string;
}

export interface Kernel {
  readonly name: string;
  /** The WGSL module, valid as it stands; specialising sets its constants and the bodies of its hooks. */
  readonly shader: string;
  readonly entryPoint: string;
  /** Storage bindings that the shader declares; the memory of hooks is declared by specialising ({@link hookBinding}). */
  readonly bindings: Readonly<Record<string, KernelBinding>>;
  /** Named constants and their types, as the shader declares them. */
  readonly constants: Readonly<Record<string, "u32" | "f32">>;
  readonly hooks: Readonly<Record<string, "load" | "store">>;
  /**
   * Parts of a store hook's index that the shader has at hand, by hook and by the name of the hook's parameter, between
   * `index` and `value`: a hook that needs such a part does not divide for it.
   */
  parts?(constants: Constants): Readonly<Record<string, IndexParts>>;
  /** Whether the hooks take four elements at once, from a multiple of four on. */
  readonly inVectors?: boolean;
  /** By hook. */
  readonly neighbours?: Readonly<Record<string, NeighbourAccess>>;
  /** By binding. */
  readonly vectors?: Readonly<Record<string, VectorAccess>>;
  /** Variants of a dispatch with these constants on such a device; the first is a good guess. */
  variants?(constants: Constants, traits: DeviceTraits): readonly Variant[];
  /**
   * Those constants that such a device's shader reads at run time, so that dispatches that differ in nothing else share
   * a pipeline: sizes that do not shape memory, and neither shape the inner loop nor divide there. Where the inner loop
   * takes most of a step, the size that ends it is a constant as well.
   */
  numbers?(constants: Constants, traits: DeviceTraits): readonly string[];
  /** Number of workgroups: within the limit ({@link spread}), unless the kernel is {@link joinable}. */
  grid(constants: Constants): readonly [number, number, number];
  /** Invocations of a workgroup, [x, y], equal to the shader's `@workgroup_size`. */
  workgroup(constants: Constants): readonly [number, number];
  /**
   * Whether dispatches may share a launch with others. Their grid may exceed a device's limit, and is then folded. The
   * entry point derives its position from `workgroup_id`, because the number of workgroups is the launch's.
   */
  readonly joinable?: true;
  /** Whether a dispatch is better off without others in its launch, though the kernel is joinable. */
  standsAlone?(dispatch: Dispatch): boolean;
  /** Bytes of workgroup memory of a joinable kernel that keeps vectors of four there, and nothing else. */
  workgroupBytes?(constants: Constants): number;
  /** Bytes of workgroup memory of a joinable kernel that keeps single values there (default {@link SMALL_WORKGROUP_BYTES}). */
  valueBytes?(constants: Constants): number;
  /** Floating-point operations, without those of the hooks. */
  flops(constants: Constants): number;
  /**
   * For each load hook, an upper bound of the positions it is called for; where rows are picked from a larger matrix,
   * without the other rows.
   */
  loads?(constants: Constants): Readonly<Record<string, number>>;
  /** The same computation in plain loops, for the CPU engine. */
  readonly twin: TwinFunction;
}

/** Binding number, in group 1, of the numbers that a shader reads at run time ({@link Kernel.numbers}). */
export const NUMBERS_BINDING = 30;

const OPERANDS = 7;
const RESULTS = 6;

/**
 * Binding numbers of the memory of hooks: `operand0` … are read from 10 on; `result0` … are written from 20 on, or
 * updated: a hook may read an element of a result before writing it. Specialising declares this memory for the bindings
 * of a dispatch; shaders do not.
 */
export function hookBinding(name: string): KernelBinding | undefined {
  const match = /^(operand|result)(\d)$/.exec(name);
  if (!match) return undefined;
  const index = Number(match[2]);
  if (match[1] === "operand") return index < OPERANDS ? { binding: 10 + index, access: "read" } : undefined;
  return index < RESULTS ? { binding: 20 + index, access: "read_write" } : undefined;
}

export function kernelBinding(kernel: Kernel, name: string): KernelBinding {
  const binding = kernel.bindings[name] ?? hookBinding(name);
  if (!binding) throw new Error(`kernel ${kernel.name} has no binding ${name}`);
  return binding;
}

/**
 * Most operands and results of the hooks of one dispatch. In-place updates may have more results than outputs could be
 * bound.
 */
export const HOOK_LIMITS = { operands: OPERANDS, results: 4, inPlace: RESULTS } as const;

/** Most workgroup memory, in bytes, that a joinable kernel takes unless it declares how many. */
export const SMALL_WORKGROUP_BYTES = 4096;
/** WebGPU's guaranteed limit of workgroup memory. */
export const MAX_WORKGROUP_BYTES = 16384;

/** WebGPU's guaranteed limit of workgroups along one dimension. */
export const MAX_GROUPS = 65535;

/** Spreads `count` workgroups over x, and where those are too many, over as few rows along y as possible. */
export function spread(count: number): readonly [number, number, number] {
  const y = Math.ceil(count / MAX_GROUPS);
  return [Math.ceil(count / y), y, 1];
}

/** Largest power of two up to `limit` that `size` elements can keep busy. */
export function lanesFor(size: number, limit: number): number {
  let lanes = 1;
  while (lanes < limit && lanes * 2 <= size / 8) lanes *= 2;
  return lanes;
}

/** WGSL element type of a kernel's own binding. */
export function elementType(kernel: Kernel, binding: string, constants: Constants): "f32" | "vec4<f32>" {
  const access = kernel.vectors?.[binding];
  return access && constants[access.constant] === 1 ? "vec4<f32>" : "f32";
}

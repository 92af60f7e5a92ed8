/**
 * What a kernel is: a shader with its contract as data, and the same computation for the CPU.
 *
 * Adding a kernel takes two files: `shaders/<family>.wgsl`, and `src/kernels/<family>.ts`, which enters it into the table.
 */
import type { TwinFunction } from "./twin.ts";

export type Constants = Readonly<Record<string, number>>;
export type Access = "read" | "read_write";

export interface KernelBinding {
  readonly binding: number;
  readonly access: Access;
}

/** What kernels may know of a device: what it can do, never what it is called. */
export interface DeviceTraits {
  /** Invocations of a subgroup, where the device has subgroups and all are of that size. */
  readonly subgroupSize?: number;
  /** Cores of the host's processor, as far as is known: those of a software adapter. */
  readonly cores?: number;
  /** Bytes of memory that a workgroup may share. */
  readonly workgroupBytes: number;
  /** Invocations that a workgroup may have. */
  readonly workgroupInvocations: number;
}

/** One way to compute what a dispatch asks for: a kernel with the same bindings and hooks, and its constants. */
export interface Variant {
  readonly kernel: string;
  readonly constants: Constants;
}

/** A binding that can be read four elements at once. */
export interface VectorAccess {
  /** The constant that says so, with 1. */
  readonly constant: string;
  /** The shader's functions that give the element, and four from a multiple of four on. */
  readonly element: string;
  readonly vector: string;
}

export interface Kernel {
  readonly name: string;
  /** The WGSL module: valid as it stands; specialising gives its constants values and its hooks bodies. */
  readonly shader: string;
  readonly entryPoint: string;
  /** Storage bindings that the shader declares itself; the memory of its hooks is declared for them ({@link hookBinding}). */
  readonly bindings: Readonly<Record<string, KernelBinding>>;
  /** Named constants and their types, as the shader declares them. */
  readonly constants: Readonly<Record<string, "u32" | "f32">>;
  readonly hooks: Readonly<Record<string, "load" | "store">>;
  /** Its hooks are for four elements at once, from a multiple of four on. */
  readonly inVectors?: boolean;
  /** By binding. */
  readonly vectors?: Readonly<Record<string, VectorAccess>>;
  /** The ways to compute a dispatch with these constants on such a device; the first is a good guess. */
  variants?(constants: Constants, traits: DeviceTraits): readonly Variant[];
  /** Workgroups to dispatch: within the limit ({@link spread}), unless the kernel is {@link joinable}. */
  grid(constants: Constants): readonly [number, number, number];
  /** Invocations of a workgroup, [x, y], as the shader's `@workgroup_size` says. */
  workgroup(constants: Constants): readonly [number, number];
  /**
   * Dispatches may run side by side with others in one launch, and their grid may be longer than a device's limit: it is
   * then folded. The entry point takes its place from `workgroup_id`, as the number of workgroups is not its own.
   */
  readonly joinable?: true;
  /** Floating-point operations, without those of the hooks. */
  flops(constants: Constants): number;
  /**
   * For each load hook, the number that all positions lie below for which it is called; where rows are picked out of a
   * larger matrix, as if there were no others.
   */
  loads?(constants: Constants): Readonly<Record<string, number>>;
  /** The same computation in plain loops, for the CPU engine. */
  readonly twin: TwinFunction;
}

const OPERANDS = 7;
const RESULTS = 6;

/**
 * Binding numbers of the memory that hooks use: `operand0` … are read from 10 on, `result0` … written from 20,
 * or updated: a hook may read an element of theirs before it writes it.
 * No shader declares them: specialising does, for what a dispatch binds.
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
 * How many operands and results the hooks of one dispatch may use at most. More results than outputs can be bound are for memory
 * that is updated in place.
 */
export const HOOK_LIMITS = { operands: OPERANDS, results: 4, inPlace: RESULTS } as const;

/** WebGPU's guaranteed limit of workgroups along one dimension. */
export const MAX_GROUPS = 65535;

/** Spreads `count` workgroups over x, and where those are too many, over as few rows along y as will do. */
export function spread(count: number): readonly [number, number, number] {
  const y = Math.ceil(count / MAX_GROUPS);
  return [Math.ceil(count / y), y, 1];
}

/** Largest power of two that is at most `limit` and not above what `size` elements can keep busy. */
export function lanesFor(size: number, limit: number): number {
  let lanes = 1;
  while (lanes < limit && lanes * 2 <= size / 8) lanes *= 2;
  return lanes;
}

/** The element type, in WGSL, of a kernel's own binding. */
export function elementType(kernel: Kernel, binding: string, constants: Constants): "f32" | "vec4<f32>" {
  const access = kernel.vectors?.[binding];
  return access && constants[access.constant] === 1 ? "vec4<f32>" : "f32";
}

/**
 * Kernels on this engine: functions that write their loops. A kernel's contract (constants, bindings, hooks) is that of
 * `src/kernels/`, and a kernel's phases compute what its twin computes.
 */
import type { DType } from "../../dtypes.ts";
import type { Constants } from "../../kernels/kernel.ts";
import type { FunctionBuilder } from "../assembler/function.ts";
import type { F32, I32, V128 } from "../assembler/instructions.ts";

/**
 * A part of a kernel's work that is done before the next begins. Its parts run in any order, on any threads. A phase is
 * divided by shape alone, never by the number of threads: sums must not depend on it.
 */
export interface Phase {
  /** Number of parts. One takes some 10 to 50 µs, where there is enough to do. */
  readonly parts: number;
  /** Writes the function that does one part: its number is `part`. */
  build(f: FunctionBuilder, part: I32): void;
}

/** Writes a dispatch: its phases in order. */
export type WasmKernel = (call: KernelCall) => readonly Phase[];

/** What a dispatch gives its kernel. */
export interface KernelCall {
  readonly constants: Constants;
  /** Memory of the kernel's own bindings. */
  readonly memory: Readonly<Record<string, Memory>>;
  readonly load: Readonly<Record<string, LoadHook>>;
  readonly store: Readonly<Record<string, StoreHook>>;
  readonly features: Features;
  /** Address of `bytes` of memory that the phases of this dispatch share; at a multiple of 64. */
  scratch(bytes: number): number;
  /** Address of `bytes` of memory of the running thread's own, within one part; at a multiple of 64. */
  threadScratch(bytes: number): I32;
}

/** What the host's WebAssembly can do beyond SIMD. */
export interface Features {
  /** Relaxed SIMD, with multiply-adds that are rounded once on most processors. */
  readonly relaxed: boolean;
  /** Rows of a product's tile: where not given, found out by timing. Results are the same. */
  readonly tileRows?: number;
}

/** Where a binding lies. At least 64 bytes behind it can be read, of whatever they hold; they are not to be written. */
export interface Memory {
  /** Address in bytes, a multiple of 64. */
  readonly address: number;
  /** Bytes from one step's row to the next: of outputs; else 0. */
  readonly stepBytes: number;
  readonly dtype: DType;
  /** Number of elements. */
  readonly length: number;
}

/**
 * A part of a position, in mixed radix: `value` · `stride`, with a value below `size`. Each stride is a multiple of the
 * next digit's stride · size, so that digits do not overlap.
 */
export interface Digit {
  /** A local or a constant: it is read many times. */
  readonly value: I32;
  readonly stride: number;
  readonly size: number;
  /** Whether the value comes from memory: loads are then kept within what they load from. */
  readonly isLoaded?: boolean;
}

/** A position as the sum of its digits, the largest stride first. */
export type Index = readonly Digit[];

/** The digit that runs along lanes: its stride (1 where neighbours lie side by side) and size. */
export type Lanes = Pick<Digit, "stride" | "size">;

interface Cuts {
  /** Strides at which the hook's maps cut positions: where digits begin there, nothing is divided. */
  readonly cuts: readonly number[];
}

export interface LoadHook extends Cuts {
  /**
   * Prepares loads along a line of positions, and computes here what all of them share. The returned function gives
   * four values: of the lane digit's values from `i` on. Values past the digit's size are of no meaning, but loading
   * them is safe; `whole` promises that there are none, which makes loads of elements that lie apart faster.
   */
  along(f: FunctionBuilder, index: Index, lanes: Lanes): (i: I32, whole?: boolean) => V128;
  /** One value. */
  at(f: FunctionBuilder, index: Index): F32;
}

export interface StoreHook extends Cuts {
  /** Whether nothing is stored: values for it need not be computed. */
  readonly isEmpty: boolean;
  /**
   * Prepares stores along a line of positions. The returned function passes values to the hook, for the lane digit's
   * values from `i` on: four of them, or the first `count`.
   */
  along(f: FunctionBuilder, index: Index, lanes: Lanes): (i: I32, values: V128, count?: I32 | number) => void;
  /** One value. */
  at(f: FunctionBuilder, index: Index, value: F32): void;
}

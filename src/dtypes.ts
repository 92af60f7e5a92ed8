/** Element types of buffers, and the typed arrays of the same types on the host. */

/** A `u8` buffer holds packed bytes (a data set); programs only read it. */
export type DType = "f32" | "i32" | "u8";
export type Elements = Float32Array | Int32Array | Uint8Array;

const ARRAYS = { f32: Float32Array, i32: Int32Array, u8: Uint8Array } as const;

export const DTYPES: readonly DType[] = ["f32", "i32", "u8"];

/** The typed array of an element type. */
export function arrayOf(dtype: DType): (typeof ARRAYS)[DType] {
  return ARRAYS[dtype];
}

export function bytesPerElement(dtype: DType): number {
  return ARRAYS[dtype].BYTES_PER_ELEMENT;
}

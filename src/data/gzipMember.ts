/** The first bytes of a member of a gzip file. */

const DEFLATE = 8;

/** Whether the bytes at `at` begin a gzip member: 1f 8b, then the method "deflate". */
export function isGzip(bytes: Uint8Array, at = 0): boolean {
  return bytes[at] === 0x1f && bytes[at + 1] === 0x8b && bytes[at + 2] === DEFLATE;
}

/** The first four bytes at `at`, for error messages. */
export function startOf(bytes: Uint8Array, at = 0): string {
  return [...bytes.subarray(at, at + 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** How a member of a gzip file begins. */
const DEFLATE = 8;

/** Whether the bytes from `at` on start as a gzip file does: 1f 8b, then the method "deflate". */
export function isGzip(bytes: Uint8Array, at = 0): boolean {
  return bytes[at] === 0x1f && bytes[at + 1] === 0x8b && bytes[at + 2] === DEFLATE;
}

/** The first four bytes from `at` on, for error messages. */
export function startOf(bytes: Uint8Array, at = 0): string {
  return [...bytes.subarray(at, at + 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

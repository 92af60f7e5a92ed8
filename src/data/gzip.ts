/**
 * Unpacks gzip (RFC 1952) alike on every platform: several members, zeros behind the last, and a limit on the unpacked
 * size.
 */
import { checkSignal } from "../abort.ts";
import { asBytes, checkOptions, checkString, type OptionKinds } from "../checks.ts";
import type { ExpectedSize } from "./gunzip.ts";
import { isGzip, startOf } from "./gzipMember.ts";

/** Default limit of the unpacked size: larger than any image set that a page would hold. */
export const MAX_UNPACKED_BYTES = 2 ** 28;

export interface GunzipOptions {
  /** Limit of the unpacked size in bytes (default 256 MiB): a small file can unpack to any size. */
  readonly maxBytes?: number;
  /** Aborts the unpacking; the signal's reason is the error. */
  readonly signal?: AbortSignal | undefined;
}

export const GUNZIP_OPTIONS: OptionKinds<GunzipOptions> = { maxBytes: "number", signal: "any" };

/**
 * Unpacks a gzip file: all members, one after the other. Zeros behind the last one are padding.
 * @param name name of the file for error messages
 * @throws Error where the bytes are no gzip file, end early, are damaged, go on after the end, or unpack to more than
 *   `maxBytes`; the signal's reason
 * @throws RangeError where `maxBytes` is no whole number from 1
 * @throws TypeError where the bytes are no Uint8Array or ArrayBuffer, or an option is unknown
 */
export async function gunzip(
  source: Uint8Array | ArrayBuffer,
  name = "gzip",
  options: GunzipOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = asBytes("gunzip", source);
  checkString("gunzip: the name", name);
  return unpacked(bytes, name, checkOptions("gunzip", options, GUNZIP_OPTIONS));
}

/**
 * As `gunzip`, for files whose unpacked size is known, be it from their own beginning.
 * @throws Error where the file unpacks to more, and as `gunzip`
 */
export async function unpacked(
  bytes: Uint8Array,
  name: string,
  { maxBytes = MAX_UNPACKED_BYTES, signal }: GunzipOptions,
  expected?: ExpectedSize,
): Promise<Uint8Array<ArrayBuffer>> {
  checkSignal("gunzip", signal);
  signal?.throwIfAborted();
  checkMaxBytes(name, maxBytes);
  if (!isGzip(bytes)) {
    throw new Error(
      `${name}: not a gzip file: it starts with "${startOf(bytes)}" (${bytes.length} bytes); expected 1f 8b 08`,
    );
  }
  const { unpack } = await import("./gunzip.ts");
  return unpack(bytes, name, maxBytes, expected, signal);
}

/** @throws RangeError where the limit is no whole number from 1 */
export function checkMaxBytes(name: string, maxBytes: number): void {
  if (Number.isSafeInteger(maxBytes) && maxBytes >= 1) return;
  throw new RangeError(`${name}: maxBytes is ${maxBytes}; give a whole number of bytes from 1`);
}

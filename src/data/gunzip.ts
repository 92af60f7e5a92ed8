/**
 * Unpacks gzip files (RFC 1952): their members, and the bytes behind the last one. pako, a port of zlib, decodes: the
 * platforms' own decoders do not report where a stream ends. This module is loaded on the first use.
 */
import {
  Z_BUF_ERROR,
  Z_NO_FLUSH,
  Z_OK,
  Z_STREAM_END,
  ZStream,
  zlibInflate,
  zlibInflateInit2,
  zlibInflateReset,
} from "pako";
import { giveTurn, turnIsDue } from "../turns.ts";
import { isGzip, startOf } from "./gzipMember.ts";

/** The largest window; adding 16 accepts gzip, check sums included, and nothing else. */
const WINDOW_BITS = 15 + 16;
/** Bytes read, and bytes written, between two looks at the clock. */
const BYTES_A_STEP = 1 << 20;

/** Room before anything is unpacked: so many times the file, and so many bytes beside. */
const FIRST_TIMES = 2;
const FIRST_BESIDE = 1 << 16;

/** The size that a file must unpack to, once its beginning is unpacked; undefined where more of it must be seen. */
export type ExpectedSize = (start: Uint8Array) => number | undefined;

/**
 * As `gunzip`, for bytes that begin as a gzip file does. A file that unpacks to more than it must is given up there.
 * @throws Error as `gunzip`, and what `expected` throws
 */
export async function unpack(
  bytes: Uint8Array,
  name: string,
  maxBytes: number,
  expected?: ExpectedSize,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new ZStream();
  const stated = promised(bytes);
  stream.input = bytes;
  stream.output = new Uint8Array(Math.min(stated, FIRST_TIMES * bytes.length + FIRST_BESIDE, maxBytes));
  let size: number | undefined;
  zlibInflateInit2(stream, WINDOW_BITS);
  for (;;) {
    const status = step(stream);
    size ??= expected?.(stream.output.subarray(0, stream.next_out));
    if (size !== undefined && stream.next_out > size)
      throw new Error(`${name}: the file unpacks to more than the ${size} bytes that it must have`);
    if (stream.next_out > maxBytes) {
      throw new Error(
        `${name}: the file unpacks to more than ${maxBytes} bytes (from ${bytes.length}); give a larger maxBytes if it may`,
      );
    }
    if (status === Z_STREAM_END) {
      if (isEnd(bytes, stream.next_in, name)) break;
      zlibInflateReset(stream);
    } else if (status === Z_BUF_ERROR) {
      // Nothing was read and nothing written: room is missing, or bytes are.
      if (stream.avail_out > 0)
        throw new Error(`${name}: the gzip stream ends early (${bytes.length} bytes read)`);
      grow(stream, stated, maxBytes);
    } else if (status !== Z_OK) {
      throw new Error(`${name}: the gzip stream is damaged (${stream.msg}; ${bytes.length} bytes read)`);
    }
    if (!turnIsDue()) continue;
    await giveTurn();
    signal?.throwIfAborted();
  }
  const { output, next_out: length } = stream;
  return length === output.length ? output : output.slice(0, length);
}

/**
 * Reads and writes one portion.
 * @returns zlib's status
 */
function step(stream: ZStream): number {
  const { input, output } = stream;
  stream.avail_in = Math.min(BYTES_A_STEP, input.length - stream.next_in);
  stream.avail_out = Math.min(BYTES_A_STEP, output.length - stream.next_out);
  return zlibInflate(stream, Z_NO_FLUSH);
}

/**
 * Doubles the room, or makes it as large as stated where that is less; up to one byte more than the limit: that byte
 * shows that the file exceeds it.
 */
function grow(stream: ZStream, stated: number, maxBytes: number): void {
  const { output } = stream;
  const double = Math.max(2 * output.length, 1 << 12);
  const next = stated > output.length && stated < double ? stated : double;
  stream.output = new Uint8Array(Math.min(maxBytes + 1, next));
  stream.output.set(output);
}

/** The unpacked size that the last four bytes state: right for most files, and never trusted. */
function promised(bytes: Uint8Array): number {
  return bytes.length < 4
    ? 0
    : new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4, true);
}

/**
 * Whether the file ends with the member that ends at `at`: there the file ends, or only zeros follow.
 * @returns false where another member begins
 * @throws Error where other bytes follow
 */
function isEnd(bytes: Uint8Array, at: number, name: string): boolean {
  if (isGzip(bytes, at)) return false;
  const rest = bytes.subarray(at);
  if (rest.every((byte) => byte === 0)) return true;
  throw new Error(
    `${name}: ${rest.length} bytes follow the end of the gzip stream, from "${startOf(bytes, at)}"; ` +
      "expected the end of the file, zeros, or another gzip stream: cut them off",
  );
}

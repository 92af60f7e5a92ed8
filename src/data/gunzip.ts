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
import { isGzip, startOf } from "./gzipMember.ts";

/** The largest window; adding 16 accepts gzip, check sums included, and nothing else. */
const WINDOW_BITS = 15 + 16;
/** DEFLATE packs at most so many bytes into one. */
const MAX_RATIO = 1032;
/** Bytes read, and bytes written, between two looks at the clock. */
const BYTES_A_STEP = 1 << 20;
/** Milliseconds of work before a page gets its turn. */
const TURN_MS = 30;

/** As `gunzip`, for bytes that begin as a gzip file does. */
export async function unpack(
  bytes: Uint8Array,
  name: string,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new ZStream();
  stream.input = bytes;
  stream.output = new Uint8Array(Math.min(promised(bytes), MAX_RATIO * bytes.length, maxBytes));
  zlibInflateInit2(stream, WINDOW_BITS);
  let turn = performance.now();
  for (;;) {
    const status = step(stream);
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
      grow(stream, maxBytes);
    } else if (status !== Z_OK) {
      throw new Error(`${name}: the gzip stream is damaged (${stream.msg}; ${bytes.length} bytes read)`);
    }
    if (performance.now() - turn < TURN_MS) continue;
    await new Promise<void>((resolve) => setTimeout(resolve));
    turn = performance.now();
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

/** Doubles the room, up to one byte more than the limit: that byte shows that the file exceeds it. */
function grow(stream: ZStream, maxBytes: number): void {
  const { output } = stream;
  stream.output = new Uint8Array(Math.min(maxBytes + 1, Math.max(2 * output.length, 1 << 12)));
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

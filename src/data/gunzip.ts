/**
 * The files of gzip (RFC 1952): their members, and what follows the last. pako, a port of zlib, unpacks: platforms have a
 * decoder of their own, but none that says where a stream ends. Loaded by those who unpack only.
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

/** The largest window, and 16 for gzip, with its check sums, and nothing else. */
const WINDOW_BITS = 15 + 16;
/** DEFLATE cannot make more of a byte. */
const MAX_RATIO = 1032;
/** So many bytes are read, and so many written, before a page may get its turn. */
const BYTES_A_STEP = 1 << 20;
/** A page gets its turn after so many milliseconds. */
const TURN_MS = 30;

/** As `gunzip`, of bytes that begin as a gzip file does. */
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
        `${name}: it unpacks to more than ${maxBytes} bytes (from ${bytes.length}); give a larger maxBytes if it may`,
      );
    }
    if (status === Z_STREAM_END) {
      if (isEnd(bytes, stream.next_in, name)) break;
      zlibInflateReset(stream);
    } else if (status === Z_BUF_ERROR) {
      // Nothing was read and nothing written: for want of room, or of bytes.
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

/** Reads and writes some more. @returns zlib's status */
function step(stream: ZStream): number {
  const { input, output } = stream;
  stream.avail_in = Math.min(BYTES_A_STEP, input.length - stream.next_in);
  stream.avail_out = Math.min(BYTES_A_STEP, output.length - stream.next_out);
  return zlibInflate(stream, Z_NO_FLUSH);
}

/** Room for as much again; for one byte more than there may be, which tells that there are too many. */
function grow(stream: ZStream, maxBytes: number): void {
  const { output } = stream;
  stream.output = new Uint8Array(Math.min(maxBytes + 1, Math.max(2 * output.length, 1 << 12)));
  stream.output.set(output);
}

/** How many bytes the last four say that there are: true for most files, and never trusted beyond what is there. */
function promised(bytes: Uint8Array): number {
  return bytes.length < 4
    ? 0
    : new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4, true);
}

/**
 * Whether a file ends with the member that ends at `at`: by its length, or with zeros.
 * @returns false where another member begins
 * @throws Error where something else does
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

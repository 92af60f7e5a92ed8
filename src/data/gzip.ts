/** Unpacking gzip (RFC 1952), the same everywhere: several members, zeros behind the last, and a limit on what comes out. */
import { InflateError, Inflater, Unpacked } from "./inflate.ts";

const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
const DEFLATE = 8;
const [HEADER_CRC, EXTRA, NAME, COMMENT, RESERVED] = [2, 4, 8, 16, 0xe0];
/** DEFLATE cannot make more of a byte. */
const MAX_RATIO = 1032;
/** What is unpacked unless told otherwise: more than any set of images that a page would hold. */
export const MAX_UNPACKED_BYTES = 2 ** 28;
/** A page gets its turn after so many milliseconds. */
const TURN_MS = 30;

export interface GunzipOptions {
  /** The most bytes that may come out (default 256 MiB): a small file can be packed to unpack to any size. */
  readonly maxBytes?: number;
}

/** Whether the bytes start as a gzip file does: 1f 8b, then the method "deflate". */
export function isGzip(bytes: Uint8Array): boolean {
  return isMember(bytes, 0);
}

function isMember(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x1f && bytes[at + 1] === 0x8b && bytes[at + 2] === DEFLATE;
}

/**
 * Unpacks a gzip file: all its members, one after the other. Zeros behind the last are padding.
 * @param name used in error messages
 * @throws Error where the bytes are no gzip file, end early, are damaged, go on after the end, or unpack to more than
 *   `maxBytes`
 */
export async function gunzip(
  bytes: Uint8Array,
  name = "gzip",
  { maxBytes = MAX_UNPACKED_BYTES }: GunzipOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  checkMaxBytes(name, maxBytes);
  if (!isGzip(bytes)) {
    throw new Error(
      `${name}: not a gzip file: it starts with "${hex(bytes, 0)}" (${bytes.length} bytes); expected 1f 8b 08`,
    );
  }
  const into = new Unpacked(Math.min(promised(bytes), MAX_RATIO * bytes.length), maxBytes);
  const read = `${bytes.length} bytes read`;
  try {
    let at = 0;
    while (at < bytes.length) {
      at = await readMember(bytes, at, into);
      if (!isMember(bytes, at) && isPadding(bytes, at)) break;
      if (isMember(bytes, at)) continue;
      throw new Error(
        `${name}: ${bytes.length - at} bytes follow the end of the gzip stream, from "${hex(bytes, at)}"; ` +
          "expected the end of the file, zeros, or another gzip stream: cut them off",
      );
    }
  } catch (error) {
    if (error instanceof RangeError) {
      throw new Error(`${name}: ${error.message} (from ${bytes.length}); give a larger maxBytes if it may`);
    }
    if (!(error instanceof InflateError)) throw error;
    throw new Error(
      `${name}: the gzip stream ${error.endsEarly ? `ends early (${read})` : `is damaged (${error.message}; ${read})`}`,
    );
  }
  return into.whole();
}

/** @throws RangeError where a limit is no whole number from 1 */
export function checkMaxBytes(name: string, maxBytes: number): void {
  if (Number.isSafeInteger(maxBytes) && maxBytes >= 1) return;
  throw new RangeError(`${name}: maxBytes is ${maxBytes}; give a whole number of bytes from 1`);
}

/** How many bytes the last four say that there are: true for most files, and never trusted beyond what is there. */
function promised(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return bytes.length < HEADER_BYTES + TRAILER_BYTES ? 0 : view.getUint32(bytes.length - 4, true);
}

/** Unpacks the member at `start`. @returns where it ends */
async function readMember(bytes: Uint8Array, start: number, into: Unpacked): Promise<number> {
  const stream = new Inflater(bytes, headerEnd(bytes, start), into);
  const begin = into.length;
  let sum = 0;
  let turn = performance.now();
  for (let more = true; more; ) {
    const before = into.length;
    more = stream.step();
    sum = crc32(into.bytes.subarray(before, into.length), sum);
    if (performance.now() - turn < TURN_MS) continue;
    await new Promise<void>((resolve) => setTimeout(resolve));
    turn = performance.now();
  }
  const end = stream.at + TRAILER_BYTES;
  if (end > bytes.length) throw new InflateError("no trailer", true);
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + stream.at, TRAILER_BYTES);
  if (trailer.getUint32(0, true) !== sum) throw new InflateError("its check sum is another");
  if (trailer.getUint32(4, true) !== (into.length - begin) % 2 ** 32) {
    throw new InflateError("its length is another");
  }
  return end;
}

/** Where the header of the member at `start` ends. */
function headerEnd(bytes: Uint8Array, start: number): number {
  const early = () => new InflateError("no header", true);
  let at = start + HEADER_BYTES;
  if (at > bytes.length) throw early();
  const flags = bytes[start + 3] as number;
  if (flags & RESERVED) throw new InflateError("its header has unknown flags");
  if (flags & EXTRA) {
    if (at + 2 > bytes.length) throw early();
    at += 2 + ((bytes[at] as number) | ((bytes[at + 1] as number) << 8));
  }
  for (const text of [NAME, COMMENT]) {
    if (!(flags & text)) continue;
    at = bytes.indexOf(0, at) + 1;
    if (at === 0) throw early();
  }
  if (flags & HEADER_CRC) at += 2;
  if (at > bytes.length) throw early();
  return at;
}

function isPadding(bytes: Uint8Array, start: number): boolean {
  for (let at = start; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}

function hex(bytes: Uint8Array, start: number): string {
  return [...bytes.subarray(start, start + 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The check sum of RFC 1952, going on from that of what came before. */
function crc32(bytes: Uint8Array, before: number): number {
  let sum = ~before;
  for (let i = 0; i < bytes.length; i++) {
    sum = (sum >>> 8) ^ (CRC_TABLE[(sum ^ (bytes[i] as number)) & 0xff] as number);
  }
  return ~sum >>> 0;
}

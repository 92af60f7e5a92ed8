/** The files of gzip (RFC 1952): their members, and what follows the last. Loaded by those who unpack only. */
import { isMember, startOf } from "./gzip.ts";
import { InflateError, Inflater, TooLargeError, Unpacked } from "./inflate.ts";

const HEADER_BYTES = 10;
const TRAILER_BYTES = 8;
const [HEADER_CRC, EXTRA, NAME, COMMENT, RESERVED] = [2, 4, 8, 16, 0xe0];
/** DEFLATE cannot make more of a byte. */
const MAX_RATIO = 1032;
/** A page gets its turn after so many milliseconds. */
const TURN_MS = 30;

/** As `gunzip`, of bytes that begin as a gzip file does. */
export async function unpack(
  bytes: Uint8Array,
  name: string,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const into = new Unpacked(Math.min(promised(bytes), MAX_RATIO * bytes.length), maxBytes);
  const read = `${bytes.length} bytes read`;
  try {
    let at = 0;
    while (at < bytes.length) {
      at = await readMember(bytes, at, into);
      if (!isMember(bytes, at) && isPadding(bytes, at)) break;
      if (isMember(bytes, at)) continue;
      throw new Error(
        `${name}: ${bytes.length - at} bytes follow the end of the gzip stream, from "${startOf(bytes, at)}"; ` +
          "expected the end of the file, zeros, or another gzip stream: cut them off",
      );
    }
  } catch (error) {
    if (error instanceof TooLargeError) {
      throw new Error(`${name}: ${error.message} (from ${bytes.length}); give a larger maxBytes if it may`);
    }
    if (!(error instanceof InflateError)) throw error;
    throw new Error(
      `${name}: the gzip stream ${error.endsEarly ? `ends early (${read})` : `is damaged (${error.message}; ${read})`}`,
    );
  }
  return into.whole();
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

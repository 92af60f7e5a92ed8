/** CRC-32 as gzip, PNG and zlib have it (polynomial 0x04c11db7, reflected): it tells any burst of up to 32 flipped bits. */
import { giveTurn, turnIsDue } from "../turns.ts";

/** Words summed between two looks at the clock: some 5 ms. */
const PIECE_WORDS = 2 ** 19;

/** Eight tables of 256, for eight bytes at once (Kounavis & Berry 2005): table k is of a byte with k zero bytes behind it. */
let tables: Int32Array | undefined;

function makeTables(): Int32Array {
  const made = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
    made[byte] = sum;
  }
  for (let i = 256; i < made.length; i++) made[i] = (made[i - 256] >>> 8) ^ made[made[i - 256] & 0xff];
  return made;
}

/** The sum of little-endian bytes, as eight hexadecimal digits: that of `zlib.crc32` in Python. */
export async function crc32(bytes: Uint8Array): Promise<string> {
  tables ??= makeTables();
  // Words begin at multiples of four bytes; other arrays are copied.
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const words = new Int32Array(aligned.buffer, aligned.byteOffset, 2 * Math.floor(aligned.length / 8));
  let sum = -1;
  for (let at = 0; at < words.length; at += PIECE_WORDS) {
    if (turnIsDue()) await giveTurn();
    sum = withWords(tables, sum, words.subarray(at, at + PIECE_WORDS));
  }
  for (const byte of aligned.subarray(words.byteLength)) sum = (sum >>> 8) ^ tables[(sum ^ byte) & 0xff];
  return (~sum >>> 0).toString(16).padStart(8, "0");
}

/** @param words an even number of them */
function withWords(table: Int32Array, before: number, words: Int32Array): number {
  let sum = before;
  for (let i = 0; i < words.length; i += 2) {
    const a = sum ^ words[i];
    const b = words[i + 1];
    sum =
      table[0x700 + (a & 0xff)] ^
      table[0x600 + ((a >>> 8) & 0xff)] ^
      table[0x500 + ((a >>> 16) & 0xff)] ^
      table[0x400 + (a >>> 24)] ^
      table[0x300 + (b & 0xff)] ^
      table[0x200 + ((b >>> 8) & 0xff)] ^
      table[0x100 + ((b >>> 16) & 0xff)] ^
      table[b >>> 24];
  }
  return sum;
}

/**
 * MD5 (RFC 1321), which WebCrypto lacks. Public data sets are published with MD5 sums. A sum detects damaged files and
 * wrong files; it is no protection from an attacker.
 */
import { giveTurn, turnIsDue } from "../turns.ts";

const SHIFTS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
];

/** The shift of each of the 64 steps. */
const SHIFT = Uint8Array.from({ length: 64 }, (_, step) => SHIFTS[step >>> 4]?.[step & 3]);
/** The constant of each step: the integer part of 2^32 × |sin(step + 1)|. */
const SINE = Int32Array.from(
  { length: 64 },
  (_, step) => Math.floor(2 ** 32 * Math.abs(Math.sin(step + 1))) | 0,
);
/** The word of the block that each step adds. */
const WORD = Uint8Array.from({ length: 64 }, (_, step) => {
  const word = [step, 5 * step + 1, 3 * step + 5, 7 * step][step >>> 4];
  return word % 16;
});

/** Adds one block of 16 words to the state of 4. */
function addBlock(state: Int32Array, words: Int32Array): void {
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  for (let step = 0; step < 64; step++) {
    let mixed: number;
    if (step < 16) mixed = d ^ (b & (c ^ d));
    else if (step < 32) mixed = c ^ (d & (b ^ c));
    else if (step < 48) mixed = b ^ c ^ d;
    else mixed = c ^ (b | ~d);
    const sum = (a + mixed + SINE[step] + words[WORD[step]]) | 0;
    const shift = SHIFT[step];
    a = d;
    d = c;
    c = b;
    b = (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0;
  }
  state[0] = state[0] + a;
  state[1] = state[1] + b;
  state[2] = state[2] + c;
  state[3] = state[3] + d;
}

/** Bytes summed between two looks at the clock: a few milliseconds. A multiple of 64. */
const PIECE_BYTES = 1 << 20;

/** The MD5 of the bytes as 32 lower-case hexadecimal digits. About 0.3 s for 47 MB, in which a page gets its turns. */
export async function md5(bytes: Uint8Array): Promise<string> {
  const state = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  const whole = bytes.length - (bytes.length % 64);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < whole; at += PIECE_BYTES) {
    if (turnIsDue()) await giveTurn();
    addBlocks(state, view, at, Math.min(whole, at + PIECE_BYTES));
  }

  // The last block or two: the remaining bytes, a one bit, zeros, and the length in bits as 64 bits.
  const rest = bytes.length - whole;
  const tail = new Uint8Array(rest < 56 ? 64 : 128);
  const tailView = new DataView(tail.buffer);
  tail.set(bytes.subarray(whole));
  tail[rest] = 0x80;
  tailView.setBigUint64(tail.length - 8, 8n * BigInt(bytes.length), true);
  addBlocks(state, tailView, 0, tail.length);

  return [...new Uint8Array(state.buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Adds whole blocks: the bytes from `start` up to `end`. */
function addBlocks(state: Int32Array, view: DataView, start: number, end: number): void {
  const words = new Int32Array(16);
  for (let at = start; at < end; at += 64) {
    for (let i = 0; i < 16; i++) words[i] = view.getInt32(at + 4 * i, true);
    addBlock(state, words);
  }
}

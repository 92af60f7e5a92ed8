/** Short fingerprints of data: equal for equal bytes; different bytes collide once in 2^64. Not for secrets. */

import { giveTurn, turnIsDue } from "../turns.ts";

/** Bytes hashed between two looks at the clock: some milliseconds. */
const PIECE_BYTES = 1 << 22;

/** Two 32-bit sums that mix in words one after the other. */
class Hash {
  #a = 0x243f6a88;
  #b = 0x13198a2e;

  add(words: ArrayLike<number>): void {
    let a = this.#a;
    let b = this.#b;
    for (let i = 0; i < words.length; i++) {
      const word = words[i];
      a = Math.imul(a ^ word, 0x9e3779b1);
      a = (a << 13) | (a >>> 19);
      b = Math.imul(b + word, 0x85ebca6b) ^ a;
      b = (b << 17) | (b >>> 15);
    }
    this.#a = a;
    this.#b = b;
  }

  /** 16 hexadecimal digits. */
  get digits(): string {
    const [a, b] = [mixed(this.#a ^ Math.imul(this.#b, 0xc2b2ae35)), mixed(this.#b)];
    return [a, b].map((word) => word.toString(16).padStart(8, "0")).join("");
  }
}

/** Each bit of the result depends on each bit of the word. */
function mixed(word: number): number {
  let x = word;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

/** Hash of an array's bytes and their number. */
export async function hashBytes(data: ArrayBufferView): Promise<string> {
  const hash = new Hash();
  const { buffer, byteOffset, byteLength } = data;
  hash.add([byteLength >>> 0, Math.floor(byteLength / 2 ** 32)]);
  for (let at = 0; at < byteLength; at += PIECE_BYTES) {
    if (turnIsDue()) await giveTurn();
    const length = Math.min(PIECE_BYTES, byteLength - at);
    const words = Math.floor(length / 4);
    const start = byteOffset + at;
    // Words begin at multiples of four bytes; other arrays are copied.
    const whole = start % 4 === 0 ? buffer : buffer.slice(start, start + length);
    hash.add(new Int32Array(whole, whole === buffer ? start : 0, words));
    hash.add(new Uint8Array(buffer, start + 4 * words, length - 4 * words));
  }
  return hash.digits;
}

export function hashText(text: string): string {
  const hash = new Hash();
  hash.add([text.length]);
  hash.add(Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)));
  return hash.digits;
}

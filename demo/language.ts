/** A small language that a machine can check: nested brackets and sums, one a line. */

export const ALPHABET = "\n()[]{}0123456789+=";

/** A generator of numbers in [0, 1), for text only (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** At least `length` characters of text. */
export function text(length: number, seed: number): string {
  const next = generator(seed);
  const pick = (count: number) => Math.floor(next() * count);
  const brackets = (depth: number): string => {
    const [open, close] = ["()", "[]", "{}"][pick(3)];
    const inside =
      depth > 0 && next() < 0.7 ? brackets(depth - 1) + (next() < 0.3 ? brackets(depth - 1) : "") : "";
    return open + inside + close;
  };
  const sum = () => {
    const [a, b] = [pick(50), pick(50)];
    return `${a}+${b}=${a + b}`;
  };
  let written = "";
  while (written.length < length) written += `${next() < 0.5 ? brackets(5) : sum()}\n`;
  return written;
}

/** Characters as indices into the alphabet. */
export function encode(characters: string): Int32Array {
  return Int32Array.from(characters, (character) => ALPHABET.indexOf(character));
}

/** Mean cross-entropy, in nats a character, of a bigram model fitted to one text, on another. */
export function bigramLoss(training: Int32Array, held: Int32Array): number {
  const size = ALPHABET.length;
  // Every pair counts once beforehand, so that none is impossible.
  const counts = new Float64Array(size * size).fill(1);
  for (let i = 1; i < training.length; i++) counts[training[i - 1] * size + training[i]]++;
  let loss = 0;
  for (let i = 1; i < held.length; i++) {
    const row = counts.subarray(held[i - 1] * size, (held[i - 1] + 1) * size);
    loss -= Math.log(row[held[i]] / row.reduce((sum, count) => sum + count, 0));
  }
  return loss / (held.length - 1);
}

/**
 * Counter-based random numbers. Every value is a pure function of (seed, stream, index) without state, so that a GPU
 * thread, the CPU engine and a resumed run get the same value.
 *
 * The generator is Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy as 1, 2, 3", SC'11).
 * Its arithmetic is 32-bit unsigned, so that a shader can compute the same words with `u32`.
 *
 * A block for (seed, stream, index): key = [seed mod 2^32, stream], counter = [block mod 2^32, block / 2^32, seed /
 * 2^32, domain], where block = index / 4 and the value is word index mod 4 of the block. Domain 0 serves `randomU32`,
 * `uniform` and `normal`; domains 1 and 2 serve the round keys of permutations; domain 3 serves random numbers drawn by
 * shaders during a step.
 */

/** Four 32-bit words. */
export type Words4 = readonly [number, number, number, number];

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const PHILOX_ROUNDS = 10;

const TWO_POW_32 = 0x1_0000_0000;
const TWO_POW_MINUS_24 = 1 / 0x100_0000;

/** The upper 32 bits of a × b, from 16-bit halves as a shader must do it. Every partial sum stays below 2^32. */
function mulHi(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16);
  const cross = Math.imul(aLow, bHigh) + (middle & 0xffff);
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (cross >>> 16)) >>> 0;
}

/** Writes one Philox block into `out` (length 4), without allocation. */
function philoxInto(
  out: Uint32Array,
  counter0: number,
  counter1: number,
  counter2: number,
  counter3: number,
  key0: number,
  key1: number,
): void {
  let c0 = counter0 >>> 0;
  let c1 = counter1 >>> 0;
  let c2 = counter2 >>> 0;
  let c3 = counter3 >>> 0;
  let k0 = key0 >>> 0;
  let k1 = key1 >>> 0;
  for (let round = 0; round < PHILOX_ROUNDS; round++) {
    const high0 = mulHi(MULTIPLIER_0, c0);
    const high1 = mulHi(MULTIPLIER_1, c2);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/**
 * One block of Philox 4x32-10: four 32-bit words from a 128-bit counter and a 64-bit key. Words are taken modulo 2^32.
 */
export function philox4x32(
  counter: Words4,
  key: readonly [number, number],
): [number, number, number, number] {
  const out = new Uint32Array(4);
  philoxInto(out, counter[0], counter[1], counter[2], counter[3], key[0], key[1]);
  return [out[0], out[1], out[2], out[3]];
}

/**
 * Uniform number in [0, 1) as a shader draws it: a function of (seed, stream, step, index), all 32-bit words.
 * `shaders/random.wgsl` has the twin of the same name.
 */
export function stepUniform(seed: number, stream: number, step: number, index: number): number {
  philoxInto(scratch, index, step, 0, STEP_DOMAIN, seed, stream);
  return unit(scratch[0]);
}

function checkCounter(what: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`random: ${what} is ${value}; expected an integer from 0 to 2^53 − 1`);
  }
}

function checkStream(stream: number): void {
  if (!Number.isInteger(stream) || stream < 0 || stream >= TWO_POW_32) {
    throw new RangeError(`random: stream is ${stream}; expected an integer from 0 to 2^32 − 1`);
  }
}

/** A seed as the two 32-bit words [low, high] that a shader receives: low is key word 0, high is counter word 2. */
export function seedWords(seed: number): [number, number] {
  checkCounter("seed", seed);
  return [seed >>> 0, Math.floor(seed / TWO_POW_32)];
}

/** Block number `block` of (seed, stream) in `domain`; arguments were checked by the caller. */
function blockInto(out: Uint32Array, seed: number, stream: number, block: number, domain: number): void {
  philoxInto(out, block, Math.floor(block / TWO_POW_32), Math.floor(seed / TWO_POW_32), domain, seed, stream);
}

const scratch = new Uint32Array(4);
const STEP_DOMAIN = 3;

/** Fills the scratch block that holds `index` after checking the arguments. */
function blockOf(seed: number, stream: number, index: number): void {
  checkCounter("seed", seed);
  checkStream(stream);
  checkCounter("index", index);
  blockInto(scratch, seed, stream, Math.floor(index / 4), 0);
}

/** 24 bits of a word as a number in [0, 1); exact in f32. */
function unit(word: number): number {
  return (word >>> 8) * TWO_POW_MINUS_24;
}

/** The pair's cosine (even index) or sine (odd index) of Box–Muller, rounded to f32. `1 − u` keeps 0 out of the logarithm. */
function boxMuller(radiusWord: number, angleWord: number, odd: boolean): number {
  const radius = Math.sqrt(-2 * Math.log(1 - unit(radiusWord)));
  const angle = 2 * Math.PI * unit(angleWord);
  return Math.fround(radius * (odd ? Math.sin(angle) : Math.cos(angle)));
}

/**
 * Word `index` of the stream: an integer in [0, 2^32).
 * @param seed integer from 0 to 2^53 − 1
 * @param stream integer from 0 to 2^32 − 1; streams of one seed are independent
 * @param index integer from 0 to 2^53 − 1
 * @throws RangeError where an argument is out of range
 */
export function randomU32(seed: number, stream: number, index: number): number {
  blockOf(seed, stream, index);
  return scratch[index % 4];
}

/** Value `index` of the stream, uniform in [0, 1): the upper 24 bits of `randomU32`, exact in f32. */
export function uniform(seed: number, stream: number, index: number): number {
  return unit(randomU32(seed, stream, index));
}

/**
 * Value `index` of the stream, normal with mean 0 and variance 1, rounded to f32 (Box and Muller, 1958). Values 2k and
 * 2k + 1 are the cosine and sine of one pair of words, and |value| ≤ 5.77. The words are those of `uniform`: use
 * different streams for the two.
 */
export function normal(seed: number, stream: number, index: number): number {
  blockOf(seed, stream, index);
  const pair = (index % 4) & 2;
  return boxMuller(scratch[pair], scratch[pair + 1], index % 2 === 1);
}

/** Runs `visit(base, words)` for each block of the first `n` values. */
function forEachBlock(
  n: number,
  seed: number,
  stream: number,
  visit: (base: number, words: Uint32Array) => void,
): void {
  checkCounter("seed", seed);
  checkStream(stream);
  checkCounter("the number of values", n);
  const words = new Uint32Array(4);
  for (let base = 0; base < n; base += 4) {
    blockInto(words, seed, stream, base / 4, 0);
    visit(base, words);
  }
}

/** The first `n` values of `uniform(seed, stream, ·)`. */
export function uniforms(n: number, seed: number, stream: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(n);
  forEachBlock(n, seed, stream, (base, words) => {
    for (let i = 0; i < 4; i++) values[base + i] = unit(words[i]); // writes past the end are ignored
  });
  return values;
}

/** The first `n` values of `normal(seed, stream, ·)`. */
export function normals(n: number, seed: number, stream: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(n);
  forEachBlock(n, seed, stream, (base, words) => {
    for (let i = 0; i < 4; i++) {
      values[base + i] = boxMuller(words[i & 2], words[(i & 2) + 1], i % 2 === 1);
    }
  });
  return values;
}

/** A keyed bijection of 0 … count − 1. A shader can compute `at` from `halfBits` and `roundKeys`. */
export interface Permutation {
  readonly count: number;
  /** Width of one half of the Feistel network, in bits. */
  readonly halfBits: number;
  /** One 32-bit key for each round. */
  readonly roundKeys: Uint32Array;
  /**
   * Image of `index`, for 0 ≤ index < count.
   */
  at(index: number): number;
}

const FEISTEL_ROUNDS = 8;
const ROUND_KEY_STREAM = 0x7065726d; // "perm"

/** A bijective 32-bit mixer: the constants of "lowbias32", found by C. Wellons' hash prospector. */
function mix32(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/**
 * The order of a data set's samples in one epoch, as a function: a balanced Feistel network (Luby and Rackoff, 1988)
 * over the smallest even number of bits that covers `count`, with cycle walking (Black and Rogaway, 2002): a result out
 * of range is permuted again, less than 4 times on average.
 * @param count 1 to 2^32
 * @throws RangeError where an argument is no whole number in its range
 */
export function permutation(count: number, seed: number, epoch: number): Permutation {
  if (!Number.isInteger(count) || count < 1 || count > TWO_POW_32) {
    throw new RangeError(`permutation: count is ${count}; expected an integer from 1 to 2^32`);
  }
  checkCounter("seed", seed);
  checkCounter("epoch", epoch);
  let halfBits = 1;
  while (4 ** halfBits < count) halfBits++;
  const mask = 2 ** halfBits - 1;

  const roundKeys = new Uint32Array(FEISTEL_ROUNDS);
  for (let part = 0; part < FEISTEL_ROUNDS / 4; part++) {
    blockInto(scratch, seed, ROUND_KEY_STREAM, epoch, 1 + part);
    roundKeys.set(scratch, part * 4);
  }

  const at = (index: number): number => {
    let value = index;
    do {
      let left = value >>> halfBits;
      let right = value & mask;
      for (let round = 0; round < FEISTEL_ROUNDS; round++) {
        const next = (left ^ mix32(right + roundKeys[round])) & mask;
        left = right;
        right = next;
      }
      value = ((left << halfBits) | right) >>> 0;
    } while (value >= count);
    return value;
  };
  return { count, halfBits, roundKeys, at };
}

/**
 * Sample indices of one epoch, in order: `permutation(count, seed, epoch)`, or 0 … count − 1 without shuffling.
 * @returns `count` indices
 * @throws RangeError where an argument is no whole number in its range
 */
export function epochOrder(
  count: number,
  seed: number,
  epoch: number,
  shuffle = true,
): Uint32Array<ArrayBuffer> {
  const { at } = permutation(count, seed, epoch);
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = shuffle ? at(i) : i;
  return order;
}

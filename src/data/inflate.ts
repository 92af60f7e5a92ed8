/**
 * DEFLATE (RFC 1951), unpacked. Platforms have a decoder of their own, but none that says where a stream ends, and each
 * takes what follows the end for something else.
 */

/** What is wrong with a packed stream. */
export class InflateError extends Error {
  override readonly name = "InflateError";
  constructor(
    message: string,
    /** Whether more bytes might have helped. */
    readonly endsEarly = false,
  ) {
    super(message);
  }
}

/** There would be more bytes than there may be. */
export class TooLargeError extends Error {
  override readonly name = "TooLargeError";
}

const LONGEST_CODE = 15;
/** Codes up to this length are found by one look into a table; a longer table would cost more to fill than it saves. */
const FAST_BITS = 10;
const FAST_MASK = (1 << FAST_BITS) - 1;
/** So many bytes are written by one {@link Inflater.step}, and a copy of 258 at most. */
const BYTES_A_STEP = 1 << 20;
const END_OF_BLOCK = 256;

/** Lengths of copies: symbol 257 + i means BASE[i] and EXTRA[i] more bits. */
const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
  227, 258,
];
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_EXTRA = Array.from({ length: 30 }, (_, i) => Math.max(0, (i >> 1) - 1));
const DISTANCE_BASE = DISTANCE_EXTRA.map((extra, i) => (i < 2 ? i + 1 : ((2 + (i & 1)) << extra) + 1));
/** In which order a block gives the lengths of the codes that its own codes are packed with. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A prefix code: canonical, as lengths give it. */
class Code {
  /** By the next FAST_BITS bits: symbol · 16 + length, or 0 where the code is longer or there is none. */
  readonly fast = new Uint16Array(1 << FAST_BITS);
  /** How many codes of each length there are. */
  readonly counts = new Uint16Array(LONGEST_CODE + 1);
  /** Symbols by code. */
  readonly symbols: Uint16Array;

  /** @throws InflateError where lengths promise more codes than there are, or too few */
  constructor(lengths: ArrayLike<number>, what: string) {
    this.symbols = new Uint16Array(lengths.length);
    for (let symbol = 0; symbol < lengths.length; symbol++)
      (this.counts[lengths[symbol] as number] as number)++;
    this.counts[0] = 0;
    const firsts = new Uint16Array(LONGEST_CODE + 2);
    const places = new Uint16Array(LONGEST_CODE + 2);
    let left = 1;
    for (let length = 1; length <= LONGEST_CODE; length++) {
      const count = this.counts[length] as number;
      left = 2 * left - count;
      if (left < 0) throw new InflateError(`${what} are no prefix code`);
      firsts[length + 1] = ((firsts[length] as number) + count) << 1;
      places[length + 1] = (places[length] as number) + count;
    }
    // A single code of one bit may stand alone, and none at all where none is needed.
    if (left > 0 && (places[LONGEST_CODE + 1] as number) > 1) {
      throw new InflateError(`${what} are no whole prefix code`);
    }
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      const length = lengths[symbol] as number;
      if (length === 0) continue;
      this.symbols[(places[length] as number)++] = symbol;
      const code = (firsts[length] as number)++;
      if (length > FAST_BITS) continue;
      const entry = (symbol << 4) | length;
      for (let at = reversed(code, length); at < this.fast.length; at += 1 << length) this.fast[at] = entry;
    }
  }
}

/** Codes come with their first bit lowest. */
function reversed(code: number, length: number): number {
  let turned = 0;
  for (let bit = 0; bit < length; bit++) turned |= ((code >> bit) & 1) << (length - 1 - bit);
  return turned;
}

/** Of blocks that bring none of their own. */
let fixed: { readonly literals: Code; readonly distances: Code } | undefined;

function fixedCodes(): { readonly literals: Code; readonly distances: Code } {
  const lengthOf = (symbol: number) => (symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8);
  fixed ??= {
    literals: new Code(
      Uint8Array.from({ length: 288 }, (_, symbol) => lengthOf(symbol)),
      "literals",
    ),
    distances: new Code(new Uint8Array(32).fill(5), "distances"),
  };
  return fixed;
}

/** Where unpacked bytes go. */
export class Unpacked {
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  /** Holds `expected` bytes at once, and grows up to `most`. */
  constructor(
    expected: number,
    readonly most: number,
  ) {
    this.bytes = new Uint8Array(Math.min(expected, most));
  }

  /** Makes room for so many bytes more. @throws TooLargeError beyond `most` */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    if (needed > this.most) throw new TooLargeError(`it unpacks to more than ${this.most} bytes`);
    const larger = new Uint8Array(Math.min(this.most, Math.max(needed, 2 * this.bytes.length, 1 << 12)));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  /** All of it. */
  whole(): Uint8Array<ArrayBuffer> {
    return this.length === this.bytes.length ? this.bytes : this.bytes.slice(0, this.length);
  }
}

/** Unpacks one stream, piece by piece. */
export class Inflater {
  #held = 0;
  #bits = 0;
  #last = false;
  /** Of the block that is being read. */
  #literals: Code | undefined;
  #distances: Code | undefined;
  /** What copies may reach back to. */
  readonly #begin: number;

  constructor(
    readonly source: Uint8Array,
    /** Where the next byte is; after the last step, where the stream ended. */
    public at: number,
    readonly into: Unpacked,
  ) {
    this.#begin = into.length;
  }

  /**
   * Unpacks up to a MiB or the end of a block.
   * @returns whether there is more
   * @throws InflateError where the stream is damaged or ends early; TooLargeError where it unpacks to too much
   */
  step(): boolean {
    if (!this.#literals) {
      if (this.#last) return false;
      this.#openBlock();
    }
    if (this.#literals) this.#symbols(this.#literals, this.#distances as Code);
    if (this.#literals || !this.#last) return true;
    // Whole bytes that were read ahead belong to what follows.
    this.at -= this.#bits >> 3;
    this.#bits = 0;
    return false;
  }

  #take(count: number): number {
    while (this.#bits < count) {
      if (this.at >= this.source.length) throw ended();
      this.#held |= (this.source[this.at++] as number) << this.#bits;
      this.#bits += 8;
    }
    const taken = this.#held & ((1 << count) - 1);
    this.#held >>>= count;
    this.#bits -= count;
    return taken;
  }

  #openBlock(): void {
    this.#last = this.#take(1) === 1;
    const type = this.#take(2);
    if (type === 0) {
      this.#stored();
      return;
    }
    if (type === 3) throw new InflateError("a block of unknown type");
    if (type === 1) {
      const { literals, distances } = fixedCodes();
      this.#literals = literals;
      this.#distances = distances;
      return;
    }
    const literals = this.#take(5) + 257;
    const distances = this.#take(5) + 1;
    const packed = new Uint8Array(19);
    const given = this.#take(4) + 4;
    for (let i = 0; i < given; i++) packed[ORDER[i] as number] = this.#take(3);
    const lengths = this.#lengths(new Code(packed, "lengths"), literals + distances);
    if (literals > 286 || distances > 30 || lengths[END_OF_BLOCK] === 0) {
      throw new InflateError("a block with too many codes, or without an end");
    }
    this.#literals = new Code(lengths.subarray(0, literals), "literals");
    this.#distances = new Code(lengths.subarray(literals), "distances");
  }

  /** The lengths of a block's codes: themselves packed, with repeats. */
  #lengths(code: Code, count: number): Uint8Array {
    const lengths = new Uint8Array(count);
    for (let i = 0; i < count; ) {
      const symbol = this.#symbol(code);
      if (symbol < 16) {
        lengths[i++] = symbol;
        continue;
      }
      if (symbol === 16 && i === 0) throw new InflateError("a repeat of nothing");
      const repeated = symbol === 16 ? (lengths[i - 1] as number) : 0;
      const times =
        symbol === 16 ? 3 + this.#take(2) : symbol === 17 ? 3 + this.#take(3) : 11 + this.#take(7);
      if (i + times > count) throw new InflateError("more lengths than codes");
      lengths.fill(repeated, i, i + times);
      i += times;
    }
    return lengths;
  }

  /** The next symbol, bit by bit where its code is long. */
  #symbol(code: Code): number {
    while (this.#bits < LONGEST_CODE && this.at < this.source.length) {
      this.#held |= (this.source[this.at++] as number) << this.#bits;
      this.#bits += 8;
    }
    const entry = code.fast[this.#held & FAST_MASK] as number;
    if (entry !== 0) {
      const length = entry & 15;
      if (length > this.#bits) throw ended();
      this.#held >>>= length;
      this.#bits -= length;
      return entry >> 4;
    }
    let value = 0;
    let first = 0;
    let place = 0;
    for (let length = 1; length <= LONGEST_CODE; length++) {
      if (length > this.#bits) throw ended();
      value |= (this.#held >>> (length - 1)) & 1;
      const count = code.counts[length] as number;
      if (value - first < count) {
        this.#held >>>= length;
        this.#bits -= length;
        return code.symbols[place + value - first] as number;
      }
      place += count;
      first = (first + count) << 1;
      value <<= 1;
    }
    throw new InflateError("a code that there is not");
  }

  /** Literals and copies, up to the end of the block or of a step. */
  #symbols(literals: Code, distances: Code): void {
    const { into, source } = this;
    const { fast } = literals;
    const end = into.length + BYTES_A_STEP;
    let { bytes, length } = into;
    // Most symbols are literals with short codes, and are read here, out of variables that need no looking up.
    let [held, bits, at] = [this.#held, this.#bits, this.at];
    while (length < end) {
      while (bits < LONGEST_CODE && at < source.length) {
        held |= (source[at++] as number) << bits;
        bits += 8;
      }
      const entry = fast[held & FAST_MASK] as number;
      if (entry !== 0 && entry < END_OF_BLOCK << 4 && (entry & 15) <= bits && length < bytes.length) {
        held >>>= entry & 15;
        bits -= entry & 15;
        bytes[length++] = entry >> 4;
        continue;
      }
      this.#held = held;
      this.#bits = bits;
      this.at = at;
      into.length = length;
      if (!this.#one(literals, distances)) {
        this.#literals = undefined;
        return;
      }
      held = this.#held;
      bits = this.#bits;
      at = this.at;
      bytes = into.bytes;
      length = into.length;
    }
    this.#held = held;
    this.#bits = bits;
    this.at = at;
    into.length = length;
  }

  /** One literal or copy. @returns false where the block ends instead */
  #one(literals: Code, distances: Code): boolean {
    const { into } = this;
    const symbol = this.#symbol(literals);
    if (symbol === END_OF_BLOCK) return false;
    if (symbol < END_OF_BLOCK) {
      into.reserve(1);
      into.bytes[into.length++] = symbol;
      return true;
    }
    const kind = symbol - 257;
    if (kind >= LENGTH_BASE.length) throw new InflateError("a copy of no length");
    const length = (LENGTH_BASE[kind] as number) + this.#take(LENGTH_EXTRA[kind] as number);
    const far = this.#symbol(distances);
    if (far >= DISTANCE_BASE.length) throw new InflateError("a copy from no distance");
    const distance = (DISTANCE_BASE[far] as number) + this.#take(DISTANCE_EXTRA[far] as number);
    const from = into.length - distance;
    if (from < this.#begin) throw new InflateError("a copy from before the beginning");
    into.reserve(length);
    const { bytes } = into;
    let to = into.length;
    into.length += length;
    if (distance === 1) bytes.fill(bytes[from] as number, to, into.length);
    // One by one: a copy may repeat what it has just written.
    else for (let at = from; to < into.length; ) bytes[to++] = bytes[at++] as number;
    return true;
  }

  #stored(): void {
    const { source, into } = this;
    const at = this.at - (this.#bits >> 3);
    this.#held = 0;
    this.#bits = 0;
    if (at + 4 > source.length) throw ended();
    const length = (source[at] as number) | ((source[at + 1] as number) << 8);
    const inverse = (source[at + 2] as number) | ((source[at + 3] as number) << 8);
    if ((length ^ inverse) !== 0xffff) throw new InflateError("a stored block of two lengths");
    if (at + 4 + length > source.length) throw ended();
    into.reserve(length);
    into.bytes.set(source.subarray(at + 4, at + 4 + length), into.length);
    into.length += length;
    this.at = at + 4 + length;
  }
}

function ended(): InflateError {
  return new InflateError("it ends early", true);
}

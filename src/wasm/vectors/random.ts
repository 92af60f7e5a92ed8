/** Random numbers of hooks, four lanes at once: Philox 4x32-10, as in `src/random.ts`. */
import type { FunctionBuilder } from "../assembler/function.ts";
import { f32x4, type I32, i8x16, i32, i32x4, i64x2, type V128, v128 } from "../assembler/instructions.ts";

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;
const STEP_DOMAIN = 3;
const TWO_POW_MINUS_24 = 1 / 0x100_0000;

/** Words of two products each. */
const LOWER = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];
const UPPER = LOWER.map((byte) => byte + 4);

/** A word of the counter, in four lanes; `same` where it is the same for all positions. */
interface Word {
  readonly same: boolean;
  readonly vector: V128;
}

/**
 * Uniform in [0, 1), with 24 bits: as `stepUniform`, for four positions. What positions have in common is computed once:
 * the round keys, and a product in each of the first two rounds. What the result does not need is not computed.
 * @param positions a local
 */
export function stepUniforms(
  f: FunctionBuilder,
  seed: I32,
  stream: number,
  counter: I32,
  positions: V128,
): V128 {
  const name = `philox ${[seed.code, counter.code].flat(3)} ${stream}`;
  const keep = (same: boolean, key: string, vector: V128): Word => ({
    same,
    vector: same ? f.once(`${name} ${key}`, () => vector) : f.keep(vector),
  });
  const exclusiveOr = (key: string, a: Word, b: Word, c: V128) =>
    keep(a.same && b.same, key, v128.xor(v128.xor(a.vector, c), b.vector));
  const multiply = (key: string, a: Word, factor: number): { lower: Word; upper: Word } => {
    const factors = f.constant(i32x4.const(factor));
    const low = keep(a.same, `${key} low`, i64x2.extmul_low_i32x4_u(a.vector, factors));
    const high = keep(a.same, `${key} high`, i64x2.extmul_high_i32x4_u(a.vector, factors));
    const words = (part: string, bytes: readonly number[]) =>
      keep(a.same, `${key} ${part}`, i8x16.shuffle(low.vector, high.vector, bytes));
    return { lower: words("lower", LOWER), upper: words("upper", UPPER) };
  };
  let words: Word[] = [
    { same: false, vector: positions },
    keep(true, "counter", i32x4.splat(counter)),
    keep(true, "zero", i32x4.const(0)),
    keep(true, "domain", i32x4.const(STEP_DOMAIN)),
  ];
  for (let round = 0; round < ROUNDS; round++) {
    const key0 = keep(
      true,
      `key ${round}`,
      i32x4.splat(i32.add(seed, i32.const(Math.imul(WEYL_0, round)))),
    ).vector;
    const key1 = f.constant(i32x4.const((stream + Math.imul(WEYL_1, round)) >>> 0));
    const b = multiply(`${round} b`, words[2], MULTIPLIER_1);
    if (round === ROUNDS - 1) {
      words = [exclusiveOr("", b.upper, words[1], key0)];
      break;
    }
    const a = multiply(`${round} a`, words[0], MULTIPLIER_0);
    words = [
      exclusiveOr(`${round} 0`, b.upper, words[1], key0),
      b.lower,
      exclusiveOr(`${round} 2`, a.upper, words[3], key1),
      a.lower,
    ];
  }
  const bits = i32x4.shr_u(words[0].vector, i32.const(8));
  return f32x4.mul(f32x4.convert_i32x4_s(bits), f.constant(f32x4.const(TWO_POW_MINUS_24)));
}

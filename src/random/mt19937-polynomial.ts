/**
 * The characteristic polynomial P of MT19937 over GF(2), and powers of x modulo P. Every bit of the generator's state
 * words, and every xor of such bits, follows the recurrence that P describes. This is how a stream of bits continues
 * without the state (low-bits.ts) and how the state moves far ahead (mt19937-jump.ts; Haramoto, Matsumoto, Nishimura,
 * Panneton and L'Ecuyer, "Efficient jump ahead for F2-linear random number generators", 2008).
 */

export const DEGREE = 19937;
const WORDS = 624;
/** The twist's matrix, Matsumoto and Nishimura 1998. */
const MATRIX = 0x9908b0df;

let taps: readonly number[] | undefined;

/**
 * The exponents of P below 19937, ascending: 134 of them, from 0 to 19314. A bit stream s of the generator holds
 * `s[k + 19937] = xor of s[k + e]`; and because squaring in GF(2) has no mixed terms, `s[k + 19937 c] = xor of
 * s[k + e c]` for every c that is a power of two.
 *
 * P comes from the recurrence by bits. Bit b of word k + 624 is bit b of word k + 397, xor bit b + 1 of word k + 1
 * (of word k for the top bit), xor bit 0 of word k + 1 where bit b of the matrix is set. Eliminating bits 31 to 1 is
 * Horner's rule in u = x^623 + x^396, with one factor u x for the top bit.
 */
export function feedbackTaps(): readonly number[] {
  if (taps) return taps;
  let r = 1n;
  for (let bit = 0; bit < 31; bit++) r = timesU(r) ^ BigInt((MATRIX >>> bit) & 1);
  const p = (timesU(r) << 1n) ^ BigInt(MATRIX >>> 31);
  const bits = [...p.toString(2)].reverse();
  taps = bits.flatMap((bit, e) => (bit === '1' && e < DEGREE ? [e] : []));
  return taps;
}

function timesU(p: bigint): bigint {
  return (p << 623n) ^ (p << 396n);
}

/** x^n modulo P: bit e % 32 of word floor(e / 32) is the coefficient of x^e. 624 words; about 1 ms a bit of n. */
export function powerOfX(n: number): Uint32Array {
  let power = new Uint32Array(WORDS);
  power[0] = 1;
  for (const bit of n.toString(2)) {
    power = squared(power);
    if (bit === '1') multiplyByX(power);
  }
  return power;
}

/** Squaring puts a zero between any two coefficients. */
function squared(p: Uint32Array): Uint32Array<ArrayBuffer> {
  const wide = new Uint32Array(2 * WORDS);
  for (let i = 0; i < WORDS; i++) {
    wide[2 * i] = spread(p[i] & 0xffff);
    wide[2 * i + 1] = spread(p[i] >>> 16);
  }
  // A word of coefficients at x^(32 w) is, modulo P, itself times x^(32 w - 19937) times the taps; all of those are
  // 592 or more bits lower, so one pass from the top will do.
  for (let w = 2 * WORDS - 1; w >= WORDS; w--) {
    const high = wide[w];
    if (high !== 0) for (const e of feedbackTaps()) addShifted(wide, high, 32 * w - DEGREE + e);
  }
  const high = wide[WORDS - 1] >>> 1; // x^19937 is bit 1 of the last word
  wide[WORDS - 1] &= 1;
  for (const e of feedbackTaps()) addShifted(wide, high, e);
  return wide.slice(0, WORDS);
}

function addShifted(p: Uint32Array, bits: number, shift: number): void {
  const [word, by] = [shift >>> 5, shift & 31];
  p[word] ^= bits << by;
  if (by !== 0) p[word + 1] ^= bits >>> (32 - by);
}

function multiplyByX(p: Uint32Array): void {
  for (let i = WORDS - 1; i > 0; i--) p[i] = (p[i] << 1) | (p[i - 1] >>> 31);
  p[0] <<= 1;
  if ((p[WORDS - 1] & 2) === 0) return;
  p[WORDS - 1] ^= 2;
  for (const e of feedbackTaps()) p[e >>> 5] ^= 1 << (e & 31);
}

/** Puts a zero after each of 16 bits (Morton's trick). */
function spread(bits: number): number {
  let x = bits;
  x = (x | (x << 8)) & 0x00ff00ff;
  x = (x | (x << 4)) & 0x0f0f0f0f;
  x = (x | (x << 2)) & 0x33333333;
  return (x | (x << 1)) & 0x55555555;
}

/**
 * Moves MT19937's state far ahead without drawing the words between, by multiplying with x^n modulo the characteristic
 * polynomial. It takes 20 to 50 ms for any distance.
 */
import { DEGREE, powerOfX } from './mt19937-polynomial.js';

const N = 624;

/**
 * Replaces `state` by the state `blocks` rounds later; `blocks` is 1 or more.
 *
 * @param twist One round: replaces a state by the next 624 words.
 */
export function jump(state: Uint32Array, blocks: number, twist: (state: Uint32Array) => void): void {
  // Words of the rounds to come: enough for the 624 that start at each of 19937 places.
  const rounds = Math.ceil((DEGREE + N) / N);
  const words = new Uint32Array(rounds * N);
  for (let round = 0; round < rounds; round++) {
    twist(state);
    words.set(state, round * N);
  }
  const power = powerOfX((blocks - 1) * N);
  state.fill(0);
  for (let e = 0; e < DEGREE; e++) {
    if (((power[e >>> 5] >>> (e & 31)) & 1) === 0) continue;
    for (let i = 0; i < N; i++) state[i] ^= words[e + i];
  }
}

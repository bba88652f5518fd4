// Lowest bits of many draws, and words left out, against the generator drawn word by word.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Generator } from '../../src/random/generator.js';
import { drawBits, lowBits } from '../../src/random/low-bits.js';
import { Mt19937 } from '../../src/random/mt19937.js';
import { BitMatrix } from '../../src/tensor/bits.js';
import fc from '../properties.js';

/** Draws before the recurrence takes over, and draws that one call of its loop makes. */
const FIRST = 19937 * 32;
const CHUNK = 16384 * 32;

afterEach(() => vi.unstubAllGlobals());

function collected(engine: Mt19937, draws: number): Uint32Array {
  const words: number[] = [];
  lowBits(engine, draws, (part) => {
    for (const word of part) words.push(word);
  });
  // Beyond the last draw nothing is promised.
  if (draws % 32 !== 0) words[words.length - 1] &= 2 ** (draws % 32) - 1;
  return Uint32Array.from(words);
}

function oneByOne(engine: Mt19937, draws: number): Uint32Array {
  const words = new Uint32Array(Math.ceil(draws / 32));
  for (let k = 0; k < draws; k++) words[k >>> 5] |= (engine.next() & 1) << (k & 31);
  return words;
}

describe('lowBits', () => {
  it.each([0, 1, 31, 700, FIRST, FIRST + 1, FIRST + CHUNK, FIRST + 2 * CHUNK + 45])(
    '%i draws: the same bits, and the same words after them',
    (draws) => {
      const [engine, expected] = [Mt19937.fromSeed(draws + 7), Mt19937.fromSeed(draws + 7)];
      for (let k = 0; k < 1000; k++) expect(engine.next()).toBe(expected.next());
      expect(collected(engine, draws)).toEqual(oneByOne(expected, draws));
      for (let k = 0; k < 1000; k++) expect(engine.next()).toBe(expected.next());
    },
  );

  it('takes the recurrence, where it can, instead of words', () => {
    const refill = vi.spyOn(Mt19937.prototype, 'refill');
    lowBits(Mt19937.fromSeed(1), 8 * FIRST, () => {});
    expect(refill.mock.calls.length).toBeLessThan(FIRST / 624 + 2);
    refill.mockRestore();
  });

  it('gives the same bits without WebAssembly', () => {
    const draws = FIRST + CHUNK + 5;
    const fast = collected(Mt19937.fromSeed(3), draws);
    vi.stubGlobal('WebAssembly', undefined);
    expect(collected(Mt19937.fromSeed(3), draws)).toEqual(fast);
  });
});

describe('BitMatrix.random of many rows', () => {
  it.each([17, 31, 32, 50, 64, 100])('%i columns: row after row of the drawn bits', (cols) => {
    const rows = Math.ceil((FIRST + CHUNK + 1000) / cols);
    const x = BitMatrix.random(rows, cols, new Generator(cols));
    const { engine } = new Generator(cols);
    const expected = new Uint32Array(x.words.length);
    for (let at = 0; at < expected.length; at++) {
      const column = at % x.wordsPerRow;
      expected[at] = drawBits(Math.min(32, cols - 32 * column), engine);
    }
    expect(x.words).toEqual(expected);
  });
});

describe('skip', () => {
  const sameAfter = (count: number, before: number) => {
    const [engine, expected] = [Mt19937.fromSeed(before), Mt19937.fromSeed(before)];
    for (let k = 0; k < before; k++) {
      engine.next();
      expected.next();
    }
    engine.skip(count);
    for (let k = 0; k < count; k++) expected.next();
    for (let k = 0; k < 1300; k++) expect(engine.next()).toBe(expected.next());
  };

  it('leaves out words as if they had been drawn', () => {
    const counts = fc.integer({ min: 0, max: 3000 });
    fc.assert(fc.property(counts, fc.integer({ min: 0, max: 1500 }), sameAfter), { numRuns: 50 });
  });

  it('adds up, also before a word is drawn', () => {
    const [engine, expected] = [Mt19937.fromSeed(5), Mt19937.fromSeed(5)];
    for (const count of [3, 621, 1, 2000, 0, 624]) engine.skip(count);
    expected.skip(3 + 621 + 1 + 2000 + 624);
    for (let k = 0; k < 700; k++) expect(engine.next()).toBe(expected.next());
  });

  it.each([
    ['just before it jumps', 16384 * 624 - 1],
    ['the shortest jump', 16384 * 624],
    ['a longer one', 20_000_000],
  ])('%s', (_, count) => sameAfter(count, 625));
});

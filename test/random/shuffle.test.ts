// The shuffle in WebAssembly and the one in TypeScript: the same elements from the same words, and the generator where
// it should be afterwards.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Mt19937 } from '../../src/random/mt19937.js';
import { PlainList } from '../../src/random/shuffle.js';
import { VectorList } from '../../src/random/shuffle-vectors.js';
import type { ShuffledList } from '../../src/random/shuffled-list.js';
import fc from '../properties.js';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

function vectorList(length: number, whole?: boolean): VectorList {
  const list = VectorList.create(length, whole);
  if (!list) throw new Error('no WebAssembly vectors in this runtime');
  return list;
}

/** The next `count` elements, cut into pieces of the given lengths (cycled), over the ends of epochs. */
function taken(list: ShuffledList, length: number, engine: Mt19937, count: number, pieces: number[]) {
  const out = new Uint32Array(count);
  let position = 0;
  let at = 0;
  for (let k = 0; at < count; k++) {
    const some = Math.min(pieces[k % pieces.length], length - 1 - position, count - at);
    list.take(engine, position, some, out, at);
    position += some;
    at += some;
    if (position < length - 1 || at === count) continue;
    out[at++] = list.last();
    list.restart();
    position = 0;
  }
  return out;
}

function same(length: number, seed: number, before: number, count: number, pieces: number[]) {
  const [engine, expected] = [Mt19937.fromSeed(seed), Mt19937.fromSeed(seed)];
  for (let k = 0; k < before; k++) expect(engine.next()).toBe(expected.next());
  const elements = taken(vectorList(length), length, engine, count, pieces);
  expect(elements).toEqual(taken(new PlainList(length), length, expected, count, pieces));
  for (let k = 0; k < 700; k++) expect(engine.next()).toBe(expected.next());
}

describe('VectorList', () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 4 });

  it('shuffles as PlainList does, for any length, seed and cut, from anywhere in a block', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }),
        fc.nat(),
        fc.nat({ max: 700 }),
        pieces,
        (n, seed, before, cut) => same(n, seed, before, 3 * n, cut),
      ),
      { numRuns: 60 },
    );
  });

  it.each([1, 2, 7, 128, 623, 624, 625, 10_000, 100_003])('%i elements, two epochs', (length) => {
    same(length, length, 0, 2 * length, [128]);
    same(length, length + 1, 624, 2 * length, [100_000]);
  });

  it.each([100_003, 1_000_000])('%i elements, of which only the moved ones are kept at first', (length) => {
    const [engine, expected] = [Mt19937.fromSeed(length), Mt19937.fromSeed(length)];
    const lists = [vectorList(length, false), new PlainList(length)] as const;
    const count = length + 1000; // the table is full at a twentieth
    const elements = taken(lists[0], length, engine, count, [128, 700, 5000]);
    expect(elements).toEqual(taken(lists[1], length, expected, count, [128, 700, 5000]));
    for (let k = 0; k < 700; k++) expect(engine.next()).toBe(expected.next());
  });

  it('can be put in order again while it is a table', () => {
    const list = vectorList(200_000, false);
    const [first, again] = [1, 2].map(() => {
      list.restart();
      return taken(list, 200_000, Mt19937.fromSeed(9), 3000, [3000]);
    });
    expect(again).toEqual(first);
    expect(first).toEqual(taken(new PlainList(200_000), 200_000, Mt19937.fromSeed(9), 3000, [3000]));
  });

  it('goes on after words were left out', () => {
    const [engine, expected] = [Mt19937.fromSeed(5), Mt19937.fromSeed(5)];
    for (const one of [engine, expected]) one.skip(20_000);
    const out = taken(vectorList(5000), 5000, engine, 3000, [700]);
    expect(out).toEqual(taken(new PlainList(5000), 5000, expected, 3000, [700]));
  });

  it.each([3, 625, 4099, 1_000_003, 12_800_000])('takes words of every kind modulo %i', (length) => {
    const list = vectorList(length);
    const engine = Mt19937.fromSeed(1);
    const count = Math.min(length - 1, 624);
    // About multiples of what is left, about powers of two, and at both ends: where a quotient may be off by one.
    const words = Uint32Array.from({ length: count }, (_, k) => {
      const left = length - k;
      const multiple = left * Math.floor(((k * 2654435761) % 2 ** 32) / left);
      return [multiple, multiple - 1, multiple + left - 1, 2 ** (k % 33) - 1, 2 ** 32 - 1 - k, k][k % 6];
    });
    engine.block.set(words);
    engine.position = 0;
    const out = new Uint32Array(count);
    list.take(engine, 0, count, out, 0);
    const elements = new Map<number, number>(); // those that were swapped
    for (let i = 0; i < count; i++) {
      const j = i + (words[i] % (length - i));
      expect([i, out[i]]).toEqual([i, elements.get(j) ?? j]);
      elements.set(j, elements.get(i) ?? i);
    }
  });

  it('is not there without WebAssembly, and the shuffle is the same', async () => {
    const order = [...new (await import('../../src/random/generator.js')).Generator(3).randperm(5000)];
    vi.resetModules();
    vi.stubGlobal('WebAssembly', undefined);
    const { VectorList: Missing } = await import('../../src/random/shuffle-vectors.js');
    expect(Missing.create(5000)).toBeUndefined();
    const { Generator } = await import('../../src/random/generator.js');
    expect([...new Generator(3).randperm(5000)]).toEqual(order);
  });
});

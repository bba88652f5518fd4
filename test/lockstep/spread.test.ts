/** The order of a chunk's runs: every thread's stretch of it is about the same work. */
import { expect, test } from 'vitest';
import { spread } from '../../src/lockstep/spread.js';
import fc from '../properties.js';

const sum = (sizes: readonly number[]) => sizes.reduce((all, size) => all + size, 0);

test('keeps every item', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 250 }), { maxLength: 700 }), (sizes) => {
      const sorted = (list: number[]) => [...list].sort((a, b) => a - b);
      expect(sorted(spread(sizes, (size) => size))).toEqual(sorted(sizes));
    }),
  );
});

test.each([2, 3, 4, 8])('gives each of %i threads its share, up to three of the largest', (threads) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 250 }), { minLength: 16, maxLength: 700 }), (sizes) => {
      const order = spread(sizes, (size) => size);
      const cut = (k: number) => Math.floor((k * order.length) / threads);
      for (let k = 0; k < threads; k++) {
        const stretch = order.slice(cut(k), cut(k + 1));
        expect(Math.abs(sum(stretch) - sum(sizes) / threads)).toBeLessThanOrEqual(3 * Math.max(...sizes));
      }
    }),
  );
});

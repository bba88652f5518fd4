// Quantiles against mathjs, which interpolates in the same way.
import { quantileSeq } from 'mathjs';
import { expect, it } from 'vitest';
import { quantile } from '../../src/platform/quantile.js';
import fc from '../properties.js';

it('interpolates between order statistics, as mathjs does', () => {
  const values = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(values, fc.constantFrom(0, 0.1, 0.25, 0.5, 0.9, 0.95, 1), (list, share) => {
      const sorted = Float64Array.from(list).sort();
      expect(quantile(sorted, share)).toBeCloseTo(quantileSeq(list, share) as number, 9);
    }),
  );
});

it('is the value between two, the only one, and none of none', () => {
  expect([quantile([1, 3], 0.5), quantile([7], 0.95), quantile([], 0.5)]).toEqual([2, 7, Number.NaN]);
});

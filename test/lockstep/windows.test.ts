// Windows and the stop rule on the host: where windows close, what batches they hold, how many misses they may have,
// each against a count by hand.
import { describe, expect, it } from 'vitest';
import {
  batchesBetween,
  meanAccuracy,
  missBudget,
  nextClose,
  outcomeOf,
  type WindowSettings,
} from '../../src/lockstep/windows.js';
import fc from '../properties.js';

const settings = fc.record({
  examples: fc.integer({ min: 1, max: 400 }),
  batchSize: fc.integer({ min: 1, max: 130 }),
  logInterval: fc.integer({ min: 1, max: 60 }),
  maxSteps: fc.integer({ min: 1, max: 300 }),
});

/** Batch sizes of all steps, an epoch after the other. */
function batchSizes({ examples, batchSize }: WindowSettings, steps: number): number[] {
  const sizes: number[] = [];
  let left = examples;
  while (sizes.length < steps) {
    const size = Math.min(batchSize, left);
    sizes.push(size);
    left = left === size ? examples : left - size;
  }
  return sizes;
}

describe('nextClose', () => {
  it('closes at step 1, at multiples of the interval and at the last step', () => {
    fc.assert(
      fc.property(settings, (s) => {
        const { logInterval, maxSteps } = s;
        const steps = Array.from({ length: maxSteps }, (_, i) => i + 1);
        const expected = steps.filter((t) => t === 1 || t % logInterval === 0 || t === maxSteps);
        const closes: number[] = [];
        for (let step = 0; step < maxSteps; ) {
          step = nextClose(step, s);
          closes.push(step);
        }
        expect(closes).toEqual(expected);
      }),
    );
  });
});

describe('batchesBetween', () => {
  it('counts whole and small batches of any stretch of steps', () => {
    fc.assert(
      fc.property(settings, fc.nat(300), fc.integer({ min: 1, max: 300 }), (s, from, length) => {
        const sizes = batchSizes(s, from + length).slice(from);
        const whole = sizes.filter((size) => size === s.batchSize).length;
        const smallBatch = sizes.find((size) => size !== s.batchSize) ?? 0;
        expect(batchesBetween(from, from + length, s)).toEqual({
          wholeBatches: whole,
          smallBatches: length - whole,
          smallBatch,
        });
      }),
    );
  });
});

/** Windows whose sums and products are exact in float64: powers of two, as batches of 128 and 16 are. */
const exactWindow = fc.record({
  whole: fc.integer({ min: 0, max: 250 }),
  small: fc.integer({ min: 0, max: 10 }),
  smallBatch: fc.constantFrom(1, 2, 16, 64),
  accuracy: fc.constantFrom(0.999, 0.5, 0.9, 1, 0.99951171875),
});

describe('missBudget', () => {
  it('is the most misses that pass the comparison of the reference', () => {
    fc.assert(
      fc.property(exactWindow, ({ whole, small, smallBatch, accuracy }) => {
        fc.pre(whole + small > 0);
        const batches = {
          wholeBatches: whole,
          smallBatches: small,
          smallBatch: small > 0 ? smallBatch : 0,
        };
        const stop = { minSteps: 1, accuracy, windows: 4 };
        const s = { examples: 0, batchSize: 128, logInterval: 250, maxSteps: 1000, stop };
        const budget = missBudget(250, batches, s);
        const unit = 128 * Math.max(1, batches.smallBatch);
        // Every split of the misses over whole and small batches, around the budget.
        for (let smallMisses = 0; smallMisses <= small * smallBatch; smallMisses++) {
          const weighed = smallMisses * 128;
          const rest = Math.floor((budget - weighed) / Math.max(1, batches.smallBatch));
          for (const misses of [rest - 1, rest, rest + 1]) {
            if (misses < 0 || misses > whole * 128) continue;
            const smallMean = small > 0 ? (small * smallBatch - smallMisses) / smallBatch : 0;
            const passes = ((whole * 128 - misses) / 128 + smallMean) / (whole + small) >= accuracy;
            expect(misses * Math.max(1, batches.smallBatch) + weighed <= budget, `${misses} of ${unit}`).toBe(
              passes,
            );
          }
        }
      }),
    );
  });

  it('lets 0.999 of a window of 250 batches have 32 misses in 32,000', () => {
    const stop = { minSteps: 1000, accuracy: 0.999, windows: 4 };
    const s = { examples: 4096, batchSize: 128, logInterval: 250, maxSteps: 30_000, stop };
    const batches = batchesBetween(1000, 1250, s);
    expect(batches).toEqual({ wholeBatches: 250, smallBatches: 0, smallBatch: 0 });
    expect(missBudget(1250, batches, s)).toBe(32);
    expect(meanAccuracy(batches, 128, 32_000 - 32, 0)).toBe(0.999);
    expect(missBudget(999, batches, s)).toBe(-1);
    expect(missBudget(1250, batches, { ...s, stop: undefined })).toBe(-1);
  });

  it('agrees with the accuracy that is reported, for any batch size', () => {
    const window = fc.record({
      batchSize: fc.integer({ min: 2, max: 130 }),
      whole: fc.integer({ min: 0, max: 250 }),
      small: fc.integer({ min: 0, max: 10 }),
      smallBatch: fc.integer({ min: 1, max: 129 }),
      misses: fc.nat(60),
      smallMisses: fc.nat(5),
    });
    fc.assert(
      fc.property(window, ({ batchSize, whole, small, smallBatch, misses, smallMisses }) => {
        fc.pre(whole + small > 0 && smallBatch < batchSize);
        fc.pre(misses <= whole * batchSize && smallMisses <= small * smallBatch);
        const batches = {
          wholeBatches: whole,
          smallBatches: small,
          smallBatch: small > 0 ? smallBatch : 0,
        };
        const hits = [whole * batchSize - misses, small * smallBatch - smallMisses] as const;
        // The bound is what is reported: this very window passes, one more miss does not.
        const accuracy = meanAccuracy(batches, batchSize, ...hits);
        fc.pre(accuracy > 0);
        const stop = { minSteps: 1, accuracy, windows: 4 };
        const s = { examples: 0, batchSize, logInterval: 250, maxSteps: 1000, stop };
        expect(missBudget(1, batches, s)).toBe(
          misses * Math.max(1, batches.smallBatch) + smallMisses * batchSize,
        );
      }),
      { numRuns: 1000 },
    );
  });
});

describe('outcomeOf', () => {
  const settings = {
    batchSize: 4,
    logInterval: 10,
    maxSteps: 20,
    stop: { minSteps: 1, accuracy: 0.9, windows: 2 },
  };
  const window = { wholeBatches: 9, smallBatches: 1, smallBatch: 2, budget: 0 };
  const record = { lossSum: 5, hits: 36, smallHits: 1, nanSteps: 0, stableWindows: 1 };
  const means = { loss: 0.5, accuracy: 0.95 };

  it('reports the means of all batches, small ones too', () => {
    expect(outcomeOf(record, window, 10, settings)).toEqual({ means });
  });

  it('ends the run at the last step, and where the rule holds', () => {
    const end = { steps: 20, reason: 'max-steps' };
    expect(outcomeOf(record, window, 20, settings)).toEqual({ means, end });
    const stable = { ...record, stableWindows: 2 };
    expect(outcomeOf(stable, window, 20, settings)).toEqual({ means, end: { ...end, reason: 'stopped' } });
    expect(outcomeOf(stable, window, 10, { ...settings, stop: undefined })).toEqual({ means });
  });

  it('ends it without means at the first step whose loss was no number', () => {
    const end = { steps: 8, reason: 'non-finite' };
    expect(outcomeOf({ ...record, nanSteps: 3 }, window, 10, settings)).toEqual({ end });
  });
});

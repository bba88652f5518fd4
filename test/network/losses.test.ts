// The losses' rules in float64: each slope against differences of its own loss, and the corners where PyTorch has to decide.
import { describe, expect, it } from 'vitest';
import { elementLoss, LOSSES, type Loss, lossOf, type PlainLoss, rowLoss } from '../../src/network/losses.js';
import fc from '../properties.js';

/** Half the distance of two losses whose difference is taken; its square is the error of the slope. */
const H = 1e-6;
const SLOPE = 1e-6;

const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const elementwise = (Object.keys(LOSSES) as PlainLoss[]).filter((type) => type !== 'crossEntropy');

describe.each(elementwise)('%s', (type) => {
  const loss: Loss = { type, parameter: type === 'huber' ? 0.7 : 0 };
  /** Probabilities away from 0 and 1, where the slope has no bound. */
  const z = type === 'bce' ? number(0.01, 0.99) : number(-8, 8);
  const y = type === 'hinge' ? fc.constantFrom(-1, 0, 1) : number(0, 1);

  it('has the slope of its loss', () => {
    const isCorner = (a: number, b: number) =>
      (type === 'l1' && Math.abs(a - b) < 2 * H) ||
      (type === 'huber' && Math.abs(Math.abs(a - b) - 0.7) < 2 * H) ||
      (type === 'hinge' && Math.abs(1 - (b > 0 ? a : -a)) < 2 * H);
    fc.assert(
      fc.property(z, y, (a, b) => {
        fc.pre(!isCorner(a, b));
        const slope = (elementLoss(loss, a + H, b).loss - elementLoss(loss, a - H, b).loss) / (2 * H);
        expect(Math.abs(elementLoss(loss, a, b).slope - slope)).toBeLessThan(SLOPE * Math.max(1, slope ** 2));
      }),
    );
  });

  it('is never negative', () => {
    fc.assert(fc.property(z, y, (a, b) => elementLoss(loss, a, b).loss >= 0));
  });
});

describe('the corners are where PyTorch puts them', () => {
  const slope = (type: PlainLoss, z: number, y: number, parameter = 0) =>
    elementLoss({ type, parameter }, z, y).slope;

  it('hinge has no slope where the margin is 1', () => {
    expect([slope('hinge', 1, 1), slope('hinge', -1, -1), slope('hinge', -1, 0)].map(Math.abs)).toEqual([
      0, 0, 0,
    ]);
    expect([slope('hinge', 0.999, 1), slope('hinge', -0.999, 0)]).toEqual([-1, 1]);
  });

  it('l1 has none at 0, huber its delta from delta on', () => {
    expect(slope('l1', 2, 2)).toBe(0);
    expect([slope('huber', 0.5, 0, 0.5), slope('huber', -3, 0, 0.5)]).toEqual([0.5, -0.5]);
  });

  it('bce cuts its logarithms at -100 and its divisor at 1e-12', () => {
    expect(elementLoss({ type: 'bce', parameter: 0 }, 0, 1)).toEqual({ loss: 100, slope: -1e12 });
    expect(elementLoss({ type: 'bce', parameter: 0 }, 1, 0)).toEqual({ loss: 100, slope: 1e12 });
    expect(elementLoss({ type: 'bce', parameter: 0 }, 1, 1).loss).toBeCloseTo(0, 12);
  });

  it('bceWithLogits is finite far out', () => {
    expect(elementLoss({ type: 'bceWithLogits', parameter: 0 }, 900, 0)).toEqual({ loss: 900, slope: 1 });
    expect(elementLoss({ type: 'bceWithLogits', parameter: 0 }, -900, 1)).toEqual({ loss: 900, slope: -1 });
  });
});

describe('crossEntropy of a row', () => {
  const rows = fc.array(number(-20, 20), { minLength: 2, maxLength: 9 });

  it('has slopes of its loss, which cancel', () => {
    fc.assert(
      fc.property(rows, fc.nat(), (logits, seed) => {
        const target = seed % logits.length;
        const { slopes } = rowLoss(logits, target);
        expect(Math.abs(slopes.reduce((a, b) => a + b, 0))).toBeLessThan(1e-12);
        logits.forEach((_, k) => {
          const moved = (by: number) =>
            rowLoss(
              logits.map((z, j) => (j === k ? z + by : z)),
              target,
            ).loss;
          expect(Math.abs(slopes[k] - (moved(H) - moved(-H)) / (2 * H))).toBeLessThan(1e-7);
        });
      }),
    );
  });

  it('does not change where all logits move, and does not overflow', () => {
    fc.assert(
      fc.property(rows, number(-900, 900), (logits, by) => {
        const moved = rowLoss(
          logits.map((z) => z + by),
          0,
        );
        expect(Math.abs(moved.loss - rowLoss(logits, 0).loss)).toBeLessThan(1e-9);
      }),
    );
  });
});

it('a description stands for its loss, with PyTorch’s defaults', () => {
  expect(lossOf('run 0', 'mse')).toEqual({ type: 'mse', parameter: 0 });
  expect(lossOf('run 0', 'huber')).toEqual({ type: 'huber', parameter: 1 });
  expect(lossOf('run 0', { type: 'huber', delta: 0.5 })).toEqual({ type: 'huber', parameter: 0.5 });
  expect(lossOf('run 0', 'crossEntropy')).toEqual({ type: 'crossEntropy', parameter: -100 });
  expect(lossOf('run 0', { type: 'crossEntropy' })).toEqual({ type: 'crossEntropy', parameter: -100 });
  expect(lossOf('run 0', { type: 'crossEntropy', ignoreIndex: 3 }).parameter).toBe(3);
});

// The lazily drawn epoch order must be torch.randperm, epoch after epoch, however it is cut.
import { describe, expect, it } from 'vitest';
import { EpochOrder } from '../../src/random/epoch-order.js';
import { Generator } from '../../src/random/generator.js';
import fc from '../properties.js';

/** `epochs` whole epochs, asked for in slices of the given lengths (cycled), cut at each epoch's end. */
function takeEpochs(examples: number, seed: number, epochs: number, slices: number[]): number[] {
  const order = new EpochOrder(examples, seed);
  const out = new Uint32Array(examples * epochs);
  let done = 0;
  for (let i = 0; done < out.length; i++) {
    const count = Math.min(slices[i % slices.length], order.remaining);
    order.take(out, done, count);
    done += count;
  }
  return [...out];
}

function torchEpochs(examples: number, seed: number, epochs: number): number[] {
  const generator = new Generator(seed);
  return Array.from({ length: epochs }, () => [...generator.randperm(examples)]).flat();
}

describe('EpochOrder', () => {
  it('equals randperm over several epochs, for every length and every cut', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 1, max: 900 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 }),
        (seed, examples, slices) => {
          expect(takeEpochs(examples, seed, 3, slices)).toEqual(torchEpochs(examples, seed, 3));
        },
      ),
    );
  });

  it('skips as if it had handed out, from anywhere, over the ends of epochs', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 1, max: 900 }),
        fc.nat({ max: 300 }),
        fc.nat({ max: 3000 }),
        (seed, examples, taken, skipped) => {
          const order = new EpochOrder(examples, seed);
          order.skip(taken);
          order.skip(skipped);
          const next = new Uint32Array(Math.min(100, order.remaining));
          order.take(next, 0, next.length);
          const epochs = Math.ceil((taken + skipped + next.length) / examples);
          const expected = torchEpochs(examples, seed, epochs).slice(taken + skipped);
          expect([...next]).toEqual(expected.slice(0, next.length));
        },
      ),
    );
  });

  it('equals randperm for 10,000 examples in batches of 128, the last of 16', () => {
    expect(takeEpochs(10_000, 84_000_000, 3, [128])).toEqual(torchEpochs(10_000, 84_000_000, 3));
  });

  it('writes only where it is asked to', () => {
    const out = new Uint32Array(10).fill(77);
    new EpochOrder(50, 1).take(out, 3, 4);
    expect([...out.subarray(0, 3), ...out.subarray(7)]).toEqual([77, 77, 77, 77, 77, 77]);
  });

  it('refuses to cross the end of an epoch or of the array', () => {
    const order = new EpochOrder(100, 1);
    order.take(new Uint32Array(90), 0, 90);
    expect(order.remaining).toBe(10);
    expect(() => order.take(new Uint32Array(64), 0, 11)).toThrow(/11 indices.*10 left/);
    expect(() => order.take(new Uint32Array(4), 2, 3)).toThrow(/room for 4/);
    expect(() => new EpochOrder(0, 1)).toThrow(/no examples/);
  });
});

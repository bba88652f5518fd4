// Unknown options are refused by name, with the name that was probably meant.
import { expect, it } from 'vitest';
import { checkReturnedKeys } from '../../src/bench/strategy-call.js';
import { checkText } from '../../src/platform/arguments.js';
import { LockstepError } from '../../src/platform/errors.js';
import { checkOptionNames, nearest, showKind } from '../../src/platform/options.js';
import fc from '../properties.js';

const KNOWN = ['lr', 'betas', 'eps', 'weightDecay', 'labelSmoothing'];

it('knows the names that are listed, and no options at all', () => {
  checkOptionNames('AdamW', undefined, KNOWN);
  checkOptionNames('AdamW', { lr: 1, weightDecay: undefined }, KNOWN);
});

it.each([
  ['weight_decay', 'weightDecay'],
  ['WeightDecay', 'weightDecay'],
  ['weigthDecay', 'weightDecay'],
  ['label_smoothing', 'labelSmoothing'],
  ['beta', 'betas'],
])('%s: did you mean %s?', (wrong, right) => {
  expect(() => checkOptionNames('AdamW', { [wrong]: 1 }, KNOWN)).toThrow(
    new LockstepError('bad-input', `AdamW: unknown option ${wrong}; did you mean ${right}?`),
  );
});

it('lists what there is where nothing is near', () => {
  expect(() => checkOptionNames('AdamW', { momentum: 1 }, KNOWN)).toThrow(
    'AdamW: unknown option momentum; there is lr, betas, eps, weightDecay, labelSmoothing.',
  );
});

it.each([3, null, 'x', [1], () => 0])('refuses %s as options', (options) => {
  expect(() => checkOptionNames('AdamW', options, KNOWN)).toThrow(
    /AdamW: the options are .*; they must be an object/,
  );
});

it('refuses every name that is not listed', () => {
  fc.assert(
    fc.property(fc.string(), (name) => {
      fc.pre(!KNOWN.includes(name) && name !== '__proto__');
      expect(() => checkOptionNames('f', { [name]: 0 }, KNOWN)).toThrow(/unknown option/);
      expect([undefined, ...KNOWN]).toContain(nearest(name, KNOWN));
    }),
  );
});

it('ends every sentence with one mark, whatever it suggests', () => {
  const ends = (call: () => unknown) => {
    let message = '';
    try {
      call();
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toMatch(/[^.?!…][.?]$/);
  };
  const fail = (problem: string) => new LockstepError('bad-input', problem);
  fc.assert(
    fc.property(fc.constantFrom(...KNOWN), fc.string({ maxLength: 3 }), (name, more) => {
      // Near a known name, or far from all.
      for (const wrong of [name + more, more].filter((text) => !KNOWN.includes(text))) {
        ends(() => checkText('f', 'the name', wrong, KNOWN));
        ends(() => checkOptionNames('f', { [`${wrong}_`]: 0 }, KNOWN));
        ends(() => checkReturnedKeys('f', { [`${wrong}_`]: 0 }, KNOWN, fail));
      }
    }),
  );
});

it('shows what a value is', () => {
  expect([3n, new Map(), Object.create(null), undefined].map(showKind)).toEqual([
    'the BigInt 3n',
    'an object (Map)',
    'an object',
    'undefined',
  ]);
});

// Errors of a caller's code are told with the option that it belongs to, and those that say so already are left as they are.
import { expect, it } from 'vitest';
import { thrownBy } from '../../src/platform/calling.js';
import { LockstepError } from '../../src/platform/errors.js';

const where = 'trainLockstep: run 1';

it.each([
  ['trainLockstep: run 1: data is 3', true],
  ['trainLockstep: run 1 cannot go on', true],
  [where, true],
  ['trainLockstep: run 12: data is 3', false],
  ['tensor: shape is -1', false],
])('%s', (message, isItsOwn) => {
  const thrown = new LockstepError('unsupported', message);
  const told = thrownBy(where, 'model', thrown);
  expect(told.message).toBe(isItsOwn ? message : `${where}: model: ${message}`);
  expect(told.code).toBe('unsupported');
  if (!isItsOwn) expect(told.cause).toBe(thrown);
});

it('any other error becomes bad input with its text', () => {
  const told = thrownBy(where, 'schedule', new TypeError('no'));
  expect([told.code, told.message]).toEqual(['bad-input', `${where}: schedule threw: no`]);
});

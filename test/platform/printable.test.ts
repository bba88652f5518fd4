// Text from outside cannot control a terminal, neither as a name nor in any error of the library.
import { expect, it } from 'vitest';
import { LockstepError } from '../../src/platform/errors.js';
import { showKind } from '../../src/platform/options.js';
import { printable, printableLines } from '../../src/platform/printable.js';
import fc from '../properties.js';

/** What must never be printed: Unicode's controls (Cc), halves of pairs (Cs), and the marks that turn or break lines. */
const STEERS = /[\p{Cc}\p{Cs}\u2028\u2029\p{Bidi_Control}\ufeff]/u;
const anything = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
  fc.string({
    unit: fc.constantFrom('\u001b', '[', '3', '1', 'm', '\u009b', '\r', '\n', '\u202e', '\ud83d', 'a'),
  }),
);

it('leaves nothing that a terminal obeys, for any text', () => {
  for (let code = 0; code <= 0xffff; code++) {
    const character = String.fromCharCode(code);
    const shown = printable(character);
    if (STEERS.test(character)) expect(JSON.parse(`"${shown}"`)).toBe(character);
    expect(STEERS.test(shown)).toBe(false);
  }
  fc.assert(
    fc.property(anything, (text) => {
      expect(STEERS.test(printable(text, 1000))).toBe(false);
      expect(STEERS.test(printableLines(text).replace(/[\n\t]/g, ''))).toBe(false);
      expect(STEERS.test(showKind(text))).toBe(false);
      expect(STEERS.test(new LockstepError('bad-input', text).message.replace(/[\n\t]/g, ''))).toBe(false);
    }),
  );
});

it('leaves plain text of any language as it is', () => {
  for (const text of ['0.weight', 'größe', 'слой.вес', '層 2', '😀', 'C:\\models\\a b', 'می‌خواهم', '"q"']) {
    expect(printable(text)).toBe(text);
    expect(printableLines(text)).toBe(text);
  }
  expect(printableLines('two\n\tlines\r')).toBe('two\n\tlines\\r');
});

it('cuts long text after whole characters, and looks at no more than it shows', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20 }), (text, most) => {
      const characters = [...text];
      const kept = printable(characters.slice(0, most).join(''), most);
      expect(printable(text, most)).toBe(characters.length > most ? `${kept}…` : kept);
    }),
  );
  expect(printable('x'.repeat(2 ** 24), 3)).toBe('xxx…');
});

it('shows what is no text, even what refuses to be one', () => {
  expect([printable(undefined), printable(3n), printable(Symbol('\u001b'))]).toEqual([
    'undefined',
    '3',
    'Symbol(\\u001b)',
  ]);
  expect(printable(Object.create(null))).toBe('a value of type object');
});

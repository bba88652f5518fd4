// The bytes that are checked in are what the WebAssembly text says, and the text's taps are those of the polynomial.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assembledFile, assembledText, watFiles } from '../../scripts/assemble.mjs';
import { feedbackTaps } from '../../src/random/mt19937-polynomial.js';

const files = watFiles().map((file) => [basename(file), file]);

it('finds the text', () => {
  expect(files.map(([name]) => name).sort()).toEqual(['low-bits.wat', 'shuffle.wat']);
});

describe.each(files)('%s', (_, file) => {
  it('is what its module of TypeScript holds (else: npm run assemble)', async () => {
    expect(readFileSync(assembledFile(file), 'utf8')).toBe(await assembledText(file));
  });
});

it('low-bits.wat loads the words at the taps of the polynomial', () => {
  const text = readFileSync(files.find(([name]) => name === 'low-bits.wat')![1], 'utf8');
  const offsets = [...text.matchAll(/v128\.load(?: offset=(\d+))?/g)].map(([, offset]) =>
    Number(offset ?? 0),
  );
  expect(offsets).toEqual(feedbackTaps().map((tap) => 4 * tap));
});

// JSON in which nothing is lost: against JSON.parse for what has no equal keys, and by cases for what JSON.parse loses.
import { expect, it } from 'vitest';
import { type Json, parseStrictJson } from '../../src/platform/strict-json.js';
import fc from '../properties.js';

/** As JSON.parse would have it. */
function plain(value: Json): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, inner]) => [key, plain(inner)]));
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === 'bigint' ? Number(value) : value;
}

it('reads what JSON.parse reads, for any JSON and any white space', () => {
  const space = fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '\r'), maxLength: 3 });
  fc.assert(
    fc.property(fc.json(), space, fc.constantFrom('', ' ', '\t'), (text, around, indent) => {
      const spaced = around + JSON.stringify(JSON.parse(text), null, indent) + around;
      expect(plain(parseStrictJson(spaced))).toEqual(JSON.parse(text));
    }),
    { numRuns: 300 },
  );
});

it('refuses what JSON.parse refuses', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\ 01-.eun') }), (text) => {
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      if (!isJson) expect(() => parseStrictJson(text)).toThrow(SyntaxError);
    }),
    { numRuns: 2000 },
  );
});

it('keeps keys of every name, digits of every number, and quotes behind backslashes', () => {
  expect(parseStrictJson('{"__proto__":{"a":1},"constructor":[1.0,1e0,-1,18446744073709551615]}')).toEqual(
    new Map<string, Json>([
      ['__proto__', new Map([['a', 1n]])],
      ['constructor', [1, 1, -1, 18446744073709551615n]],
    ]),
  );
  expect(parseStrictJson('["\\\\","\\"","\\\\\\"\\\\", "\\u00e9😀"]')).toEqual(['\\', '"', '\\"\\', 'é😀']);
});

it.each([
  ['{"a":1,"a":1}', /the key "a" stands twice/],
  ['{"a":1,"\\u0061":1}', /the key "a" stands twice/],
  ['[{"x":{"\\u001b":1,"\\u001b":2}}]', /the key "\\u001b" stands twice/],
  ['["\\ud800"]', /half of a surrogate pair/],
  [`${'['.repeat(80)}${']'.repeat(80)}`, /nested more than 64 deep/],
  [`${'['.repeat(200_000)}${']'.repeat(200_000)}`, /deep/],
])('refuses %.40s', (text, message) => {
  expect(() => parseStrictJson(text)).toThrow(message);
  expect(() => parseStrictJson(text)).toThrow(SyntaxError);
});

it('reads texts of many megabytes', () => {
  const long = `${'\\\\'.repeat(1e6)}${'x'.repeat(5e6)}\\"`;
  expect((parseStrictJson(`["${long}"]`) as string[])[0]).toHaveLength(6e6 + 1);
});

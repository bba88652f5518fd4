// Thousands of damaged safetensors files: each is refused by a sentence that names the fault, or read as a second, strict
// reader reads it. fixtures/torch/safetensors-verdicts.json holds what Python's package does with some of them.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import * as nn from '../../src/nn/index.js';
import { LockstepError } from '../../src/platform/errors.js';
import { corpus, mutations } from './safetensors-mutations.js';
import { numbersOf, type Read, Refused, strictRead } from './strict-reader.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

/** What a reader makes of a file, or the error by which it refuses it. */
function tried<T>(read: () => T, kind: new (...args: never[]) => Error): T | Error {
  try {
    return read();
  } catch (error) {
    if (error instanceof kind) return error;
    throw error;
  }
}

const text = (file: Uint8Array) => JSON.stringify(Buffer.from(file).toString('latin1'));

/** Compares the library's header of a file with the strict reader's; the strict reader's where both took it. */
function agreedHeader(file: Uint8Array): Read | undefined {
  const strict = tried(() => strictRead(file), Refused);
  const ours = tried(() => nn.readSafetensorsHeader(file), LockstepError);
  expect(ours instanceof Error, `${text(file)}: ${strict} and ${ours}`).toBe(strict instanceof Error);
  if (strict instanceof Error || ours instanceof Error) {
    expect((ours as LockstepError).code).toBe('bad-input');
    expect((ours as LockstepError).message).toMatch(
      /^readSafetensorsHeader: .+; this is no whole safetensors file\.$/,
    );
    expect((ours as LockstepError).message).not.toMatch(/[\p{Cc}]/u);
    return undefined;
  }
  expect(Object.entries(ours.metadata)).toEqual(Object.entries(Object.fromEntries(strict.metadata)));
  expect(Object.keys(ours.tensors).sort()).toEqual([...strict.tensors.keys()].sort());
  for (const [name, { dtype, shape }] of strict.tensors) {
    expect(Object.getOwnPropertyDescriptor(ours.tensors, name)?.value).toEqual({ dtype, shape });
  }
  return strict;
}

async function expectSameValues(file: Uint8Array, { tensors }: Read): Promise<boolean> {
  const wanted = [...tensors].map(([name, { dtype, shape, bytes }]) => ({
    name,
    shape,
    ...numbersOf(dtype, bytes),
  }));
  const loaded = tried(() => nn.loadSafetensors(file), LockstepError);
  const refuses = wanted.some(({ numbers }) => numbers === undefined);
  expect(loaded instanceof Error, `${text(file)}: ${loaded}`).toBe(refuses);
  if (loaded instanceof Error) {
    expect(loaded.message).toMatch(
      /^loadSafetensors: .*(can be read|which is no|beyond the largest f32|not 0 or 1)/,
    );
    return false;
  }
  for (const { name, shape, dtype, numbers } of wanted) {
    const tensor = Object.getOwnPropertyDescriptor(loaded, name)?.value;
    expect({ shape: tensor.shape, dtype: tensor.dtype }).toEqual({ shape, dtype });
    expect([...(await tensor.data())]).toEqual(numbers);
    tensor.dispose();
  }
  return true;
}

it('3,000 changed files are refused by name, or read as the strict reader reads them', async () => {
  const seen = { refused: 0, unfit: 0, read: 0 };
  for (const file of mutations(3000, 1)) {
    const strict = agreedHeader(file);
    if (!strict) {
      seen.refused++;
      // Both functions check alike.
      expect(() => nn.loadSafetensors(file)).toThrow(
        /^loadSafetensors: .+; this is no whole safetensors file\.$/,
      );
    } else if (await expectSameValues(file, strict)) seen.read++;
    else seen.unfit++;
  }
  expect(seen.refused).toBeGreaterThan(1500);
  expect(seen.read).toBeGreaterThan(500);
  expect(seen.unfit).toBeGreaterThan(20);
  // Nothing reached Object.prototype, or the strings' and lists' own.
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

it('takes what Python’s safetensors takes, and refuses what it refuses; stricter where the format’s text is', () => {
  const fixture = JSON.parse(
    readFileSync(new URL('../fixtures/torch/safetensors-verdicts.json', import.meta.url), 'utf8'),
  ) as {
    digest: string;
    verdicts: (string | [name: string, dtype: string, shape: number[], hex: string][])[];
  };
  const files = corpus();
  const digest = createHash('sha256');
  for (const file of files) digest.update(createHash('sha256').update(file).digest());
  expect(digest.digest('hex')).toBe(fixture.digest); // the verdicts are about these files
  const counts = { taken: 0, refused: 0, stricter: 0 };
  files.forEach((file, i) => {
    const verdict = fixture.verdicts[i];
    const ours = agreedHeader(file);
    if (typeof verdict === 'string') {
      expect(ours, `${text(file)}: ${verdict}`).toBeUndefined();
      counts.refused++;
    } else if (ours) {
      const read = [...ours.tensors].map(([name, { dtype, shape, bytes }]) => [
        ...[name, dtype, shape],
        Buffer.from(bytes).toString('hex'),
      ]);
      expect(read.sort((a, b) => (a[0]! < b[0]! ? -1 : 1))).toEqual(verdict);
      counts.taken++;
    } else {
      // Its JSON reader takes the last of two equal names, white space before {, and null for no metadata.
      const reason = tried(() => strictRead(file), Refused);
      expect(String(reason), text(file)).toMatch(
        /duplicate key|does not begin with \{|__metadata__ is no object/,
      );
      counts.stricter++;
    }
  });
  expect(counts.taken).toBeGreaterThan(150);
  expect(counts.refused).toBeGreaterThan(300);
  expect(counts.stricter).toBeGreaterThan(0);
});

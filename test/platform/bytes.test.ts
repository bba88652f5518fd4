// bytesOf gives exactly the bytes of any array or buffer, copied where others may change them. Other values are refused.
import { expect, it } from 'vitest';
import { bytesOf, plainBytes, typedArrayName } from '../../src/platform/bytes.js';
import { LockstepError } from '../../src/platform/errors.js';
import { ARRAY_CARRIERS, BYTE_CARRIERS, transferred } from '../carriers.js';

const BYTES = Uint8Array.of(0, 1, 2, 250, 255, 128, 7, 9);

it.each(Object.entries(BYTE_CARRIERS))('%s gives its bytes and no others', async (name, carry) => {
  for (const bytes of [BYTES, BYTES.subarray(3, 4), new Uint8Array()]) {
    const holder = await carry(bytes);
    const got = bytesOf('f', holder);
    expect(Array.from(got)).toEqual(Array.from(bytes));
    const memory = ArrayBuffer.isView(holder) ? holder.buffer : holder;
    if (/shared|Shared|resizable/.test(name)) expect(got.buffer).not.toBe(memory);
    else expect(got.buffer).toBe(memory); // files are large
  }
});

it.each(Object.entries(ARRAY_CARRIERS))('a typed array %s keeps its kind and its bits', (_, carry) => {
  const array = carry(Float32Array.of(1, -2.5));
  expect(typedArrayName(array)).toBe('Float32Array');
  expect(new Float32Array(plainBytes(array).slice().buffer)).toEqual(Float32Array.of(1, -2.5));
});

it.each<[string, unknown, RegExp]>([
  ['a text', 'model.safetensors', /^f: got the text "model.safetensors"; give the bytes as/],
  ['a promise', Promise.resolve(BYTES), /an object \(Promise\); .* Await the promise\.$/],
  ['a list', [1, 2], /got an array/],
  ['null', null, /got null/],
  ['nothing', undefined, /got undefined/],
  ['a list-like object', { length: 1, 0: 1, byteLength: 1 }, /got an object/],
  [
    'what only calls itself a buffer',
    { [Symbol.toStringTag]: 'ArrayBuffer', byteLength: 8 },
    /got an object/,
  ],
  ['a proxy of an array', new Proxy(BYTES, {}), /got an object \(Uint8Array\)/],
  [
    'an array whose memory went away',
    transferred(Uint8Array.of(1, 2)),
    /f: the memory of this Uint8Array is gone/,
  ],
  [
    'a DataView whose memory went away',
    transferred(new DataView(new ArrayBuffer(4))),
    /memory of this DataView is gone/,
  ],
  [
    'a buffer that went away',
    transferred(Uint8Array.of(1)).buffer,
    /f: this ArrayBuffer was transferred away/,
  ],
  ['an array cut off its buffer', cutOff(), /the memory of this Uint8Array is gone/],
])('refuses %s', (_, value, message) => {
  expect(() => bytesOf('f', value)).toThrow(message);
  expect(() => bytesOf('f', value)).toThrow(LockstepError);
});

/** An array behind the end of a buffer that was made smaller. */
function cutOff(): Uint8Array {
  const Resizable = ArrayBuffer as unknown as new (
    length: number,
    options: object,
  ) => ArrayBuffer & { resize(length: number): void };
  const buffer = new Resizable(8, { maxByteLength: 8 });
  const array = new Uint8Array(buffer, 4, 4);
  buffer.resize(2);
  return array;
}

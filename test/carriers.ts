/**
 * The ways in which a program comes to hold bytes and typed arrays, for tests of whatever takes them: files of Node's,
 * views at odd places, shared and resizable memory, other realms. No assertions.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';

/** Memory with `bytes` at `at`, and rubbish around them that must never be read. */
function amid<B extends ArrayBufferLike>(buffer: B, at: number, bytes: Uint8Array): B {
  const all = new Uint8Array(buffer);
  all.fill(0xa5);
  all.set(bytes, at);
  return buffer;
}

async function fromFile(bytes: Uint8Array): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-bytes-'));
  try {
    writeFileSync(join(folder, 'file'), bytes);
    return await readFile(join(folder, 'file'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type Holder = ArrayBufferView | ArrayBufferLike;

/** The same bytes, held in different ways. */
export const BYTE_CARRIERS: Record<string, (bytes: Uint8Array) => Holder | Promise<Holder>> = {
  'a Uint8Array': (bytes) => bytes.slice(),
  'a Buffer of readFile': fromFile,
  'a Buffer in the pool': (bytes) => Buffer.from(bytes),
  'a slice of a Buffer': (bytes) => Buffer.concat([Buffer.of(1, 2, 3), bytes, Buffer.of(4)]).slice(3, -1),
  'a subarray at an odd offset': (bytes) =>
    new Uint8Array(amid(new ArrayBuffer(bytes.length + 9), 5, bytes), 5, bytes.length),
  'a Uint8ClampedArray': (bytes) => new Uint8ClampedArray(bytes),
  'an Int8Array': (bytes) => new Int8Array(bytes.slice().buffer),
  'an ArrayBuffer': (bytes) => bytes.slice().buffer,
  'a DataView at an odd offset': (bytes) =>
    new DataView(amid(new ArrayBuffer(bytes.length + 9), 7, bytes), 7, bytes.length),
  'the buffer of a DataView': (bytes) => new DataView(bytes.slice().buffer).buffer,
  'a SharedArrayBuffer': (bytes) => amid(new SharedArrayBuffer(bytes.length), 0, bytes),
  'a view of shared memory at an odd offset': (bytes) =>
    new Uint8Array(amid(new SharedArrayBuffer(bytes.length + 9), 3, bytes), 3, bytes.length),
  'a DataView of shared memory': (bytes) =>
    new DataView(amid(new SharedArrayBuffer(bytes.length + 9), 3, bytes), 3, bytes.length),
  'a resizable ArrayBuffer': (bytes) => amid(resizable(bytes.length), 0, bytes),
  'a Uint8Array of another realm': (bytes) =>
    runInNewContext('Uint8Array.from(bytes)', { bytes: Array.from(bytes) }),
  'an ArrayBuffer of another realm': (bytes) =>
    runInNewContext('Uint8Array.from(bytes).buffer', { bytes: Array.from(bytes) }),
};

// Of a later ECMAScript than the one that types are checked against.
const resizable = (length: number): ArrayBuffer =>
  new (ArrayBuffer as new (length: number, options: object) => ArrayBuffer)(length, {
    maxByteLength: length + 64,
  });

type Kind = { BYTES_PER_ELEMENT: number; name: string } & (new (
  buffer: ArrayBufferLike,
  offset?: number,
  length?: number,
) => ArrayBufferView);

/** An array of the same kind and elements, held in different ways. */
export const ARRAY_CARRIERS: Record<string, <A extends ArrayBufferView>(array: A) => A> = {
  'by itself': (array) => rebuilt(array, (bytes) => [bytes.slice().buffer, 0]),
  'in the middle of other memory': (array) =>
    rebuilt(array, (bytes) => [amid(new ArrayBuffer(bytes.length + 48), 24, bytes), 24]),
  'in the pool of Buffers': (array) =>
    rebuilt(array, (bytes) => {
      const { buffer, byteOffset } = Buffer.from(bytes); // the pool is aligned to 8
      return [buffer, byteOffset];
    }),
  'in shared memory': (array) =>
    rebuilt(array, (bytes) => [amid(new SharedArrayBuffer(bytes.length + 48), 24, bytes), 24]),
  'in resizable memory': (array) => rebuilt(array, (bytes) => [amid(resizable(bytes.length), 0, bytes), 0]),
  'of another realm': (array) =>
    runInNewContext(`new ${(array.constructor as unknown as Kind).name}(Uint8Array.from(bytes).buffer)`, {
      bytes: Array.from(new Uint8Array(array.buffer, array.byteOffset, array.byteLength)),
    }),
};

function rebuilt<A extends ArrayBufferView>(
  array: A,
  hold: (bytes: Uint8Array) => [buffer: ArrayBufferLike, offset: number],
): A {
  const Type = array.constructor as unknown as Kind;
  const [buffer, offset] = hold(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  return new Type(buffer, offset, array.byteLength / Type.BYTES_PER_ELEMENT) as unknown as A;
}

/** The same array after its memory went to somebody else. */
export function transferred<A extends ArrayBufferView>(array: A): A {
  structuredClone(array.buffer, { transfer: [array.buffer as ArrayBuffer] });
  return array;
}

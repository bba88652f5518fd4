/**
 * Reads the bytes and typed arrays that callers hand in. It finds out the kind of an array, from whichever realm or
 * subclass it comes, and takes exactly the bytes that a view covers. This needs care: Node's `Buffer` is a view into a pool
 * with other files' bytes, its `slice` copies nothing, WebGPU does not accept shared memory, and an array whose memory was
 * transferred to a worker looks empty.
 */
import { LockstepError } from './errors.js';
import { showKind } from './options.js';

export type TypedArrayName =
  | 'Float64Array'
  | 'Float32Array'
  | 'Float16Array'
  | 'BigInt64Array'
  | 'BigUint64Array'
  | 'Int32Array'
  | 'Uint32Array'
  | 'Int16Array'
  | 'Uint16Array'
  | 'Int8Array'
  | 'Uint8Array'
  | 'Uint8ClampedArray';

const TypedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype);
const tagOf = Object.getOwnPropertyDescriptor(TypedArrayPrototype, Symbol.toStringTag)!.get!;

/** The kind of a typed array, `Uint8Array` for a Buffer; undefined for other values. `instanceof` would fail across realms. */
export const typedArrayName = (value: unknown): TypedArrayName | undefined => tagOf.call(value);

/** True for an array whose memory is gone: transferred to a worker, or beyond the end of a buffer that has shrunk. */
function isGone(view: ArrayBufferView): boolean {
  try {
    if (typedArrayName(view)) TypedArrayPrototype.keys.call(view);
    else void view.byteLength; // a DataView's
    new Uint8Array(view.buffer);
    return false;
  } catch {
    return true;
  }
}

/** Refuses a view whose memory is gone. Its length is 0, so it would pass for an empty one. */
export function checkAlive(where: string, view: ArrayBufferView): void {
  if (!isGone(view)) return;
  throw new LockstepError(
    'bad-input',
    `${where}: the memory of this ${typedArrayName(view) ?? 'DataView'} is gone: it was transferred away, as to a worker, ` +
      'or its buffer was made smaller. Pass a copy.',
  );
}

const lengthGetter = (Type?: { prototype: object }) =>
  Type && Object.getOwnPropertyDescriptor(Type.prototype, 'byteLength')?.get;
const plainLength = lengthGetter(ArrayBuffer)!;
const sharedLength = lengthGetter(globalThis.SharedArrayBuffer); // a browser has it on isolated pages only

/** Whether a value is a buffer of the class that the getter belongs to. A getter accepts objects of any realm. */
function isOf(getter: (() => unknown) | undefined, value: unknown): boolean {
  try {
    return getter !== undefined && getter.call(value) !== undefined;
  } catch {
    return false;
  }
}

const isBuffer = (value: unknown): value is ArrayBufferLike =>
  isOf(plainLength, value) || isOf(sharedLength, value);

/**
 * The bytes that a view covers, in memory that every interface accepts. Memory that is shared with other threads or can
 * change its size is copied; of other memory this is a view.
 */
export function plainBytes(view: ArrayBufferView): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset, view.byteLength);
  const { resizable } = view.buffer as { resizable?: boolean };
  return resizable || !isOf(plainLength, view.buffer) ? new Uint8Array(bytes) : bytes;
}

/**
 * The bytes of a typed array (a Buffer is one), a DataView, an ArrayBuffer or a SharedArrayBuffer. Of a view, only the
 * bytes that it covers, as in WebGPU.
 *
 * @throws LockstepError `bad-input` for any other value; the message names it.
 */
export function bytesOf(where: string, value: unknown): Uint8Array<ArrayBuffer> {
  if (ArrayBuffer.isView(value)) {
    checkAlive(where, value);
    return plainBytes(value);
  }
  if (isBuffer(value)) {
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(value);
    } catch (cause) {
      const gone = 'this ArrayBuffer was transferred away, as to a worker; pass a copy';
      throw new LockstepError('bad-input', `${where}: ${gone}.`, { cause });
    }
    return plainBytes(bytes);
  }
  const hint = typeof (value as { then?: unknown } | null)?.then === 'function' ? ' Await the promise.' : '';
  throw new LockstepError(
    'bad-input',
    `${where}: got ${showKind(value)}; give the bytes as a Uint8Array (a Buffer is one), DataView or ArrayBuffer.${hint}`,
  );
}

/** Refuses all but typed arrays of these kinds. The bits of another kind would mean other numbers. */
export function checkArray(where: string, value: unknown, ...kinds: TypedArrayName[]): void {
  const name = typedArrayName(value);
  if (!name || !kinds.includes(name)) {
    throw new LockstepError('bad-input', `${where}: got ${showKind(value)}; give a ${kinds.join(' or ')}.`);
  }
  checkAlive(where, value as ArrayBufferView);
}

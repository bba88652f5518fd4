/**
 * The dtypes of safetensors files: the bits of an element, and the dtype of ours that it becomes. Values are converted exactly
 * or refused; only F64 is rounded, to the nearest float32.
 */
import { LockstepError } from '../platform/errors.js';
import { type DType, type HostArray, hostArray } from '../tensor/dtype.js';
import { hostValues } from '../tensor/host-values.js';

/** Bits of an element, for every dtype that the format has. */
export const FORMAT_BITS = {
  ...{ BOOL: 8, U8: 8, I8: 8, U16: 16, I16: 16, U32: 32, I32: 32, U64: 64, I64: 64 },
  ...{ F16: 16, BF16: 16, F32: 32, F64: 64, C64: 64 },
  ...{ F4: 4, F6_E2M3: 6, F6_E3M2: 6 },
  ...{ F8_E5M2: 8, F8_E4M3: 8, F8_E8M0: 8, F8_E4M3FNUZ: 8, F8_E5M2FNUZ: 8 },
};
export type FormatDtype = keyof typeof FORMAT_BITS;

/** Own properties only: `toString` is not a dtype. */
export const isFormatDtype = (name: string): name is FormatDtype => Object.hasOwn(FORMAT_BITS, name);

/** The format's dtype for each of ours. */
export const FORMAT_NAMES: Record<DType, FormatDtype> = { f32: 'F32', i32: 'I32', u32: 'U32', bool: 'BOOL' };

/** A bool is a byte in the file. */
export const fileBytes = (dtype: DType): number => FORMAT_BITS[FORMAT_NAMES[dtype]] / 8;

/** The elements behind bytes that begin at a buffer's start. */
type Decoder = [dtype: DType, elements: (buffer: ArrayBuffer) => ArrayLike<number | bigint>];

const DECODERS: Partial<Record<FormatDtype, Decoder>> = {
  F32: ['f32', (buffer) => new Float32Array(buffer)],
  F64: ['f32', (buffer) => new Float64Array(buffer)],
  F16: ['f32', halves],
  BF16: [
    'f32',
    (buffer) => new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer),
  ],
  I64: ['i32', (buffer) => new BigInt64Array(buffer)],
  I32: ['i32', (buffer) => new Int32Array(buffer)],
  I16: ['i32', (buffer) => new Int16Array(buffer)],
  I8: ['i32', (buffer) => new Int8Array(buffer)],
  U64: ['u32', (buffer) => new BigUint64Array(buffer)],
  U32: ['u32', (buffer) => new Uint32Array(buffer)],
  U16: ['u32', (buffer) => new Uint16Array(buffer)],
  U8: ['u32', (buffer) => new Uint8Array(buffer)],
  BOOL: ['bool', (buffer) => new Uint8Array(buffer)],
};

/**
 * The elements of a tensor in a file, converted to a dtype of ours.
 *
 * @param where Begins the error: the function and the tensor's name.
 * @param bytes Its values in the file.
 */
export function decode(
  where: string,
  dtype: FormatDtype,
  bytes: Uint8Array,
): { dtype: DType; data: HostArray } {
  const decoder = DECODERS[dtype];
  if (!decoder) {
    throw new LockstepError(
      'bad-input',
      `${where} is ${dtype}, a dtype of the format that lockstep-gpu has no use for; ` +
        `${Object.keys(DECODERS).join(', ')} can be read.`,
    );
  }
  const [ours, elements] = decoder;
  const values = elements(new Uint8Array(bytes).buffer); // a copy, for alignment
  if (ours === 'bool') checkBooleans(where, values as Uint8Array);
  // Float32 by its bits: as numbers, NaNs could lose theirs.
  const data = values instanceof Float32Array ? values : hostValues(where, values, ours);
  return { dtype: ours, data };
}

function checkBooleans(where: string, bytes: Uint8Array): void {
  const bad = bytes.findIndex((byte) => byte > 1);
  if (bad < 0) return;
  throw new LockstepError(
    'bad-input',
    `${where} is BOOL, and its element ${bad} is the byte ${bytes[bad]}, not 0 or 1.`,
  );
}

/** IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction. */
function halves(buffer: ArrayBuffer): Float32Array {
  const data = hostArray('f32', buffer.byteLength / 2) as Float32Array;
  new Uint16Array(buffer).forEach((bits, i) => {
    const exponent = (bits >>> 10) & 31;
    const fraction = bits & 1023;
    const size =
      exponent === 31
        ? fraction
          ? Number.NaN
          : Number.POSITIVE_INFINITY
        : exponent === 0
          ? fraction * 2 ** -24
          : (1024 + fraction) * 2 ** (exponent - 25);
    data[i] = bits >>> 15 ? -size : size;
  });
  return data;
}

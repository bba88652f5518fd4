/**
 * Weights as safetensors files, which PyTorch reads by `safetensors.torch.load_file`: eight bytes of header length, a
 * JSON header with dtype, shape and place of each tensor, then the values, little-endian.
 * Format: huggingface/safetensors, README "Format".
 */
import type { Device } from '../gpu/device.js';
import { bytesOf } from '../platform/bytes.js';
import { LockstepError } from '../platform/errors.js';
import { upload } from '../tensor/create.js';
import { BYTES_PER_ELEMENT, type DType, hostArray } from '../tensor/dtype.js';
import { numelOf, showShape } from '../tensor/shape.js';
import type { StateDict } from './module.js';

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

const NAMES: Record<DType, string> = { f32: 'F32', i32: 'I32', u32: 'U32', bool: 'BOOL' };
const DTYPES: Record<string, DType> = { F32: 'f32', I32: 'i32', U32: 'u32', BOOL: 'bool' };
/** A bool is a byte in the file. */
const fileBytes = (dtype: DType): number => (dtype === 'bool' ? 1 : BYTES_PER_ELEMENT);
const LENGTH_BYTES = 8;
/** The format's own bound on the header. */
const LARGEST_HEADER = 100_000_000;

/**
 * The bytes of a safetensors file.
 *
 * @example
 * await writeFile('model.safetensors', await nn.saveSafetensors(model.stateDict()));
 */
export async function saveSafetensors(
  tensors: Readonly<StateDict>,
  metadata?: Readonly<Record<string, string>>,
): Promise<Uint8Array> {
  // Bytes last, so that every value of four bytes is aligned.
  const entries = Object.entries(tensors).sort(([, a], [, b]) => fileBytes(b.dtype) - fileBytes(a.dtype));
  const values = await Promise.all(entries.map(([, tensor]) => tensor.data()));
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  let end = 0;
  for (const [name, { dtype, shape, numel }] of entries) {
    const start = end;
    end += numel * fileBytes(dtype);
    header[name] = { dtype: NAMES[dtype], shape, data_offsets: [start, end] };
  }
  const json = JSON.stringify(header);
  const text = new TextEncoder().encode(json);
  const headerBytes = Math.ceil(text.length / 8) * 8; // spaces up to the next 8, so that the values are aligned
  const file = new Uint8Array(LENGTH_BYTES + headerBytes + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerBytes);
  file.set(text, LENGTH_BYTES);
  let at = LENGTH_BYTES + headerBytes;
  entries.forEach(([, { dtype }], i) => {
    const bytes = dtype === 'bool' ? Uint8Array.from(values[i]) : new Uint8Array(values[i].buffer);
    file.set(bytes, at);
    at += bytes.length;
  });
  return file;
}

const broken = (what: string): LockstepError =>
  new LockstepError('bad-input', `loadSafetensors: ${what}; this is no whole safetensors file.`);

function readHeader(file: Uint8Array): { entries: [string, Entry][]; start: number } {
  if (file.length < LENGTH_BYTES) throw broken(`${file.length} bytes are too few`);
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const start = LENGTH_BYTES + length;
  if (length > LARGEST_HEADER || start > file.length) {
    throw broken(`the header would have ${length} bytes, the file has ${file.length}`);
  }
  let header: Record<string, Entry>;
  try {
    header = JSON.parse(new TextDecoder().decode(file.subarray(LENGTH_BYTES, start)));
  } catch (cause) {
    throw new LockstepError(
      'bad-input',
      `loadSafetensors: the header is no JSON: ${(cause as Error).message}.`,
      { cause },
    );
  }
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__');
  for (const [name, entry] of entries) {
    const whole = entry?.shape?.every?.(Number.isSafeInteger) && entry.data_offsets?.length === 2;
    if (!whole) throw broken(`${name} has no shape and place in the header`);
  }
  return { entries, start };
}

/**
 * The tensors of a safetensors file, by name. dtypes F32, I32, U32 and BOOL.
 *
 * @throws LockstepError `bad-input` for files that are cut off or hold other dtypes.
 * @example
 * model.loadStateDict(nn.loadSafetensors(await readFile('model.safetensors')));
 */
export function loadSafetensors(
  given: ArrayBufferView | ArrayBufferLike,
  options: { device?: Device } = {},
): StateDict {
  const file = bytesOf('loadSafetensors', given);
  const { entries, start } = readHeader(file);
  const tensors: StateDict = {};
  for (const [name, { dtype: given, shape, data_offsets: place }] of entries) {
    const dtype = DTYPES[given];
    if (!dtype) {
      throw new LockstepError(
        'bad-input',
        `loadSafetensors: ${name} is ${given}; F32, I32, U32 and BOOL can be read.`,
      );
    }
    const [first, last] = place;
    const bytes = new Uint8Array(file.subarray(start + first, start + last)); // a copy, aligned
    if (last - first !== numelOf(shape) * fileBytes(dtype) || bytes.length !== last - first) {
      throw broken(`${name} ${showShape(shape)} has ${bytes.length} bytes`);
    }
    const data = dtype === 'bool' ? Uint32Array.from(bytes) : hostArray(dtype, bytes.buffer);
    tensors[name] = upload(data, shape, dtype, options);
  }
  return tensors;
}

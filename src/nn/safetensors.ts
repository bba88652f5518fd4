/**
 * Saves state dicts to safetensors files, which PyTorch reads by `safetensors.torch.load_file`, and loads them. The format's
 * rules are in safetensors-header.ts, its dtypes in safetensors-dtypes.ts.
 */
import type { Device } from '../gpu/device.js';
import type { HostStateDict } from '../network/network.js';
import { bytesOf } from '../platform/bytes.js';
import { LockstepError } from '../platform/errors.js';
import { checkOptionNames, showKind } from '../platform/options.js';
import { upload } from '../tensor/create.js';
import { Tensor } from '../tensor/tensor.js';
import { Module, type StateDict } from './module.js';
import { decode, FORMAT_NAMES, fileBytes } from './safetensors-dtypes.js';
import { LARGEST_HEADER, LENGTH_BYTES, METADATA, readHeader, showName } from './safetensors-header.js';
import { isHostValue } from './stack-state.js';

/** A file's bytes: a Uint8Array (Node's Buffer is one) or another view of them, or the buffer itself. */
type Bytes = ArrayBufferView | ArrayBufferLike;

/** What a file contains besides the values. */
export interface SafetensorsHeader {
  /** Free texts by their keys; empty where the file has none. */
  metadata: Record<string, string>;
  /** The tensors by name; dtypes as the format names them: `F32`, `BF16`. */
  tensors: Record<string, { dtype: string; shape: number[] }>;
}

/**
 * The bytes of a safetensors file. f32, i32, u32 and bool become F32, I32, U32 and BOOL. Of a view, only its elements are written.
 *
 * @param tensors Tensors by name, or values on the host with their shapes, as `weights()` of a `finish` event gives them.
 * @param metadata Texts that are stored with the tensors; {@link readSafetensorsHeader} reads them.
 * @throws LockstepError `bad-input` for the reserved name `__metadata__`, for values that are not tensors, and for metadata
 * that are not texts.
 * @example
 * await writeFile('model.safetensors', await nn.saveSafetensors(model.stateDict(), { epoch: '12' }));
 */
export async function saveSafetensors(
  tensors: Readonly<StateDict> | Readonly<HostStateDict>,
  metadata?: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  checkTensors(tensors);
  checkMetadata(metadata);
  // Bytes last, so that every value of four bytes is aligned.
  const entries = Object.entries<Tensor | HostStateDict[string]>(tensors)
    .map(([name, value]) => [name, value instanceof Tensor ? value : hostTensor(value)] as const)
    .sort(([, a], [, b]) => fileBytes(b.dtype) - fileBytes(a.dtype));
  const text = headerOf(entries, metadata);
  const values = await Promise.all(entries.map(([, tensor]) => tensor.data()));
  const headerBytes = Math.ceil(text.length / 8) * 8; // spaces up to the next 8, so that the values are aligned
  const dataBytes = entries.reduce((sum, [, { dtype, numel }]) => sum + numel * fileBytes(dtype), 0);
  const file = new Uint8Array(LENGTH_BYTES + headerBytes + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerBytes);
  file.set(text, LENGTH_BYTES);
  let at = LENGTH_BYTES + headerBytes;
  entries.forEach(([, { dtype }], i) => {
    const bytes =
      dtype === 'bool' ? Uint8Array.from(values[i], (value) => +(value !== 0)) : bytesOf('', values[i]);
    file.set(bytes, at);
    at += bytes.length;
  });
  return file;
}

/** What a file wants of a tensor. */
type Saved = Pick<Tensor, 'dtype' | 'shape' | 'numel' | 'data'>;

/** Values on the host, as they are saved. */
const hostTensor = ({ data, shape }: HostStateDict[string]): Saved => ({
  ...{ dtype: 'f32', shape, numel: data.length },
  data: async () => data as Float32Array<ArrayBuffer>,
});

function headerOf(
  entries: readonly (readonly [string, Saved])[],
  metadata: Readonly<Record<string, string>> | undefined,
): Uint8Array {
  let end = 0;
  const members = entries.map(([name, { dtype, shape, numel }]) => {
    const start = end;
    end += numel * fileBytes(dtype);
    return [name, { dtype: FORMAT_NAMES[dtype], shape, data_offsets: [start, end] }] as const;
  });
  // fromEntries: by assignment, a tensor called __proto__ would be lost.
  const header = Object.fromEntries<unknown>([
    ...(metadata ? [[METADATA, metadata] as const] : []),
    ...members,
  ]);
  const text = new TextEncoder().encode(JSON.stringify(header));
  if (text.length <= LARGEST_HEADER) return text;
  throw refuse(
    'saveSafetensors',
    `the header takes ${text.length} bytes; the format allows ${LARGEST_HEADER}`,
  );
}

const refuse = (where: string, what: string): LockstepError =>
  new LockstepError('bad-input', `${where}: ${what}.`);

function checkTensors(tensors: unknown): void {
  const isRecord = typeof tensors === 'object' && tensors !== null && !Array.isArray(tensors);
  if (!isRecord || tensors instanceof Module || tensors instanceof Map || tensors instanceof Tensor) {
    throw refuse(
      'saveSafetensors',
      `got ${showKind(tensors)}; give tensors by name, as model.stateDict() does`,
    );
  }
  for (const [name, tensor] of Object.entries(tensors)) {
    if (name === METADATA) {
      throw refuse(
        'saveSafetensors',
        `a tensor is called ${METADATA}, a name that the format keeps for texts`,
      );
    }
    checkText(`the name ${showName(name)}`, name);
    if (!(tensor instanceof Tensor) && !isHostValue(tensor)) {
      throw refuse('saveSafetensors', `${showName(name)} is ${showKind(tensor)}, not a tensor`);
    }
  }
}

function checkMetadata(metadata: unknown): void {
  if (metadata === undefined) return;
  if (
    typeof metadata !== 'object' ||
    metadata === null ||
    Array.isArray(metadata) ||
    metadata instanceof Map
  ) {
    throw refuse(
      'saveSafetensors',
      `metadata is ${showKind(metadata)}; give texts by their keys, { epoch: '12' }`,
    );
  }
  for (const [key, text] of Object.entries(metadata)) {
    if (typeof text !== 'string') {
      throw refuse(
        'saveSafetensors',
        `metadata.${showName(key)} is ${showKind(text)}; only texts fit: String(value)`,
      );
    }
    checkText(`metadata.${showName(key)}`, key + text);
  }
}

function checkText(what: string, text: string): void {
  if (!/\p{Surrogate}/u.test(text)) return;
  throw refuse('saveSafetensors', `${what} has half of a surrogate pair, which no UTF-8 holds`);
}

/**
 * The tensors of a safetensors file, by name. F32, I32, U32 and BOOL are taken as they are. Of the other dtypes, F16 and
 * BF16 become f32, I8 and I16 i32, U8 and U16 u32, all exactly; F64 is rounded to f32; I64 and U64 become i32 and u32
 * where every value fits.
 *
 * @param file The whole file: what `readFile` gives, or an ArrayBuffer of `fetch`.
 * @throws LockstepError `bad-input` for a file that breaks the format, and for values and dtypes that cannot be converted.
 * @example
 * model.loadStateDict(nn.loadSafetensors(await readFile('model.safetensors')));
 */
export function loadSafetensors(file: Bytes, options: { device?: Device } = {}): StateDict {
  checkOptionNames('loadSafetensors', options, ['device']);
  const bytes = bytesOf('loadSafetensors', file);
  const made: [string, Tensor][] = [];
  try {
    for (const { name, dtype, shape, start, end } of readHeader('loadSafetensors', bytes).entries) {
      const where = `loadSafetensors: ${showName(name)}`;
      const values = decode(where, dtype, bytes.subarray(start, end));
      made.push([name, upload(values.data, shape, values.dtype, options)]);
    }
  } catch (error) {
    for (const [, tensor] of made) tensor.dispose();
    throw error;
  }
  return Object.fromEntries(made); // also __proto__ becomes a name like any other
}

/**
 * The header of a safetensors file: its metadata, and the names, dtypes and shapes of its tensors. No device is needed.
 *
 * @param file The whole file.
 * @throws LockstepError `bad-input` for what breaks a rule of the format.
 * @example
 * const { metadata, tensors } = nn.readSafetensorsHeader(await readFile('model.safetensors'));
 * console.log(metadata.epoch, tensors['0.weight'].shape);
 */
export function readSafetensorsHeader(file: Bytes): SafetensorsHeader {
  const { entries, metadata } = readHeader('readSafetensorsHeader', bytesOf('readSafetensorsHeader', file));
  const tensors = entries.map(({ name, dtype, shape }): [string, { dtype: string; shape: number[] }] => [
    name,
    { dtype, shape: [...shape] },
  ]);
  return { metadata: Object.fromEntries(metadata), tensors: Object.fromEntries(tensors) };
}

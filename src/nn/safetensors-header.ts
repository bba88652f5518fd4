/**
 * Reads the header of a safetensors file and checks all rules of the published format: eight bytes of length, JSON with the
 * dtype, shape and place of each tensor, and values that fill the rest of the file without holes or overlaps. Values are
 * read elsewhere. Format: huggingface/safetensors, README "Format"; `validate` in its src/tensor.rs.
 */
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';
import { type Json, parseStrictJson } from '../platform/strict-json.js';
import { FORMAT_BITS, type FormatDtype, isFormatDtype } from './safetensors-dtypes.js';

/** One tensor of a file. */
interface Entry {
  readonly name: string;
  readonly dtype: FormatDtype;
  readonly shape: readonly number[];
  /** The place of its first byte in the file, and of the byte after its last. */
  readonly start: number;
  readonly end: number;
}

interface Header {
  /** In the order of the header. */
  readonly entries: readonly Entry[];
  readonly metadata: ReadonlyMap<string, string>;
}

export const LENGTH_BYTES = 8;
/** The format's own limit on the length of the header. */
export const LARGEST_HEADER = 100_000_000;
/** The one name that no tensor can have. */
export const METADATA = '__metadata__';

/** @throws LockstepError `bad-input` that begins with `where` and names what breaks the format. */
export function readHeader(where: string, file: Uint8Array): Header {
  try {
    const { text, dataStart } = headerText(file);
    const members = headerMembers(text);
    const metadata = metadataOf(members.get(METADATA));
    members.delete(METADATA);
    const entries = [...members].map(([name, value]) => entryOf(name, value, dataStart));
    checkPlaces(entries, dataStart, file.length);
    return { entries, metadata };
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    throw new LockstepError('bad-input', `${where}: ${error.message}; this is no whole safetensors file.`);
  }
}

/** A problem, before the name of the calling function is put before it. */
class Broken extends Error {}

function headerText(file: Uint8Array): { text: string; dataStart: number } {
  if (file.length < LENGTH_BYTES) throw new Broken(`${file.length} bytes are too few`);
  const length = new DataView(file.buffer, file.byteOffset).getBigUint64(0, true);
  if (length > LARGEST_HEADER || length > file.length - LENGTH_BYTES) {
    throw new Broken(`the header would have ${length} bytes, the file has ${file.length}`);
  }
  const dataStart = LENGTH_BYTES + Number(length);
  const bytes = file.subarray(LENGTH_BYTES, dataStart);
  if (bytes[0] !== 0x7b) {
    const found = bytes.length === 0 ? 'is empty' : `begins with byte ${bytes[0]}`;
    throw new Broken(`the header ${found}, where the format has {`);
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), dataStart };
  } catch {
    throw new Broken('the header is no UTF-8');
  }
}

function headerMembers(text: string): Map<string, Json> {
  try {
    return parseStrictJson(text) as Map<string, Json>; // it begins with {
  } catch (error) {
    throw new Broken(
      `the header is no JSON as the format has it: ${printable((error as Error).message, 200)}`,
    );
  }
}

function metadataOf(value: Json | undefined): Map<string, string> {
  if (value === undefined) return new Map();
  if (!(value instanceof Map)) throw new Broken(`${METADATA} is ${show(value)}, not an object of texts`);
  for (const [key, text] of value) {
    if (typeof text !== 'string') {
      throw new Broken(`${METADATA} has ${show(text)} for "${printable(key)}", where only texts fit`);
    }
  }
  return value as Map<string, string>;
}

function entryOf(name: string, value: Json, dataStart: number): Entry {
  const shown = showName(name);
  if (!(value instanceof Map)) throw new Broken(`${shown} is ${show(value)} in the header, not an object`);
  const [dtype, extents, place] = ['dtype', 'shape', 'data_offsets'].map((key) => value.get(key));
  if (dtype === undefined || extents === undefined || place === undefined) {
    throw new Broken(`${shown} has no ${dtype === undefined ? 'dtype' : 'shape and place'} in the header`);
  }
  if (typeof dtype !== 'string' || !isFormatDtype(dtype)) {
    throw new Broken(`${shown} has the dtype ${show(dtype)}, which the format does not know`);
  }
  const shape = wholeNumbers(extents);
  if (!shape) throw new Broken(`${shown} has the shape ${show(extents)}, not a list of whole numbers`);
  const offsets = wholeNumbers(place);
  if (offsets?.length !== 2 || offsets[0] > offsets[1]) {
    throw new Broken(`${shown} has the data_offsets ${show(place)}, not two whole numbers in order`);
  }
  const [start, end] = offsets;
  // BigInts, as the product of extents may be larger than a number can hold.
  const bits = shape.reduce((product, extent) => product * BigInt(extent), BigInt(FORMAT_BITS[dtype]));
  if (bits !== 8n * BigInt(end - start)) {
    const has = `${end - start} bytes by its data_offsets`;
    throw new Broken(`${shown} ${dtype} ${printable(`[${shape.join(', ')}]`)} has ${has}`);
  }
  return { name, dtype, shape, start: dataStart + start, end: dataStart + end };
}

/** Whole numbers of 0 or more, written in digits, up to 2^53; undefined for all else. */
function wholeNumbers(value: Json): number[] | undefined {
  const fits = (each: Json) => typeof each === 'bigint' && each <= Number.MAX_SAFE_INTEGER;
  return Array.isArray(value) && value.every(fits) ? value.map(Number) : undefined;
}

/** Checks that values lie without gaps from the header's end to the file's, in any order of names. */
function checkPlaces(entries: readonly Entry[], dataStart: number, fileEnd: number): void {
  let end = dataStart;
  for (const entry of [...entries].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (entry.start !== end) {
      const what = entry.start > end ? 'leaves a hole before it' : 'overlaps another tensor';
      throw new Broken(`${showName(entry.name)} at byte ${entry.start} ${what}: the values go to ${end}`);
    }
    end = entry.end;
  }
  if (end !== fileEnd) throw new Broken(`the values end at byte ${end}, the file at ${fileEnd}`);
}

/** A name as errors have it; one that is empty or begins or ends with a space could not be seen. */
export const showName = (name: string): string =>
  name === '' || name !== name.trim() ? `"${printable(name)}"` : printable(name);

function show(value: Json): string {
  if (value instanceof Map) return 'an object';
  if (Array.isArray(value))
    return printable(`[${value.slice(0, 8).map(show).join(', ')}${value.length > 8 ? ', …' : ''}]`);
  return typeof value === 'string' ? `"${printable(value, 40)}"` : printable(value, 40);
}

/**
 * The seal on files that `--resume` reads: the format, the version that wrote it, and a SHA-256 of everything. It reveals files
 * that were damaged, cut short, changed or written by other programs, before their content is used. The content is defined in
 * checkpoint-file.ts and summary-file.ts.
 */
import { createHash } from 'node:crypto';
import { LockstepError } from '../platform/errors.js';

const sha256 = (...parts: (string | Uint8Array)[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

/** Makes the error about a file: `reason`, what is wrong with it, follows the path; then comes what to do. */
export type RefuseFile = (path: string, reason: string, cause?: unknown) => LockstepError;

/** About files of an evaluation. @param reason What is wrong with the file; it follows the path in the message. */
export function refuseFile(path: string, reason: string, cause?: unknown): LockstepError {
  return new LockstepError(
    'bad-input',
    `${path} ${reason}. Delete it or leave out --resume, and this configuration begins anew.`,
    { cause },
  );
}

/** The first bytes of a sealed file. The format, the program's version, the hash and the body follow. */
const MAGIC = 'lockstep-gpu checkpoint\n';
const HASH_BYTES = 32;
/** Bytes of the format (a u32) and of the length of the program's version (a u8). */
const FORMAT_BYTES = 4;

/** The number of the format, which changes with the content of the body, and the version of the program that writes. */
export interface Writer {
  format: number;
  version: string;
}

/** `body` with header and seal: magic, u32 format, u8 length and text of the version, SHA-256 of all else, body. */
export function sealBytes({ format, version }: Writer, body: Uint8Array): Buffer {
  const head = Buffer.alloc(MAGIC.length + FORMAT_BYTES + 1);
  head.write(MAGIC, 'latin1');
  head.writeUInt32LE(format, MAGIC.length);
  head.writeUInt8(Buffer.byteLength(version), MAGIC.length + FORMAT_BYTES);
  const header = Buffer.concat([head, Buffer.from(version)]);
  return Buffer.concat([header, sha256(header, body), body]);
}

/**
 * The body of what {@link sealBytes} made.
 *
 * @throws LockstepError `bad-input` that names `path`, for other files, other formats or versions, and damaged files.
 */
export function unsealBytes(
  path: string,
  { format, version }: Writer,
  bytes: Uint8Array,
  refuse: RefuseFile = refuseFile,
): Buffer {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const least = MAGIC.length + FORMAT_BYTES + 1;
  if (file.length < least || file.toString('latin1', 0, MAGIC.length) !== MAGIC)
    throw refuse(path, 'is no checkpoint of lockstep-gpu, or it is damaged');
  const headerEnd = least + file.readUInt8(least - 1);
  const bodyStart = headerEnd + HASH_BYTES;
  const damaged = 'is damaged or was cut short: its checksum does not fit';
  if (file.length < bodyStart) throw refuse(path, damaged);
  const body = file.subarray(bodyStart);
  // The checksum first: a damaged header must not be reported as another version.
  if (!sha256(file.subarray(0, headerEnd), body).equals(file.subarray(headerEnd, bodyStart)))
    throw refuse(path, damaged);
  const found = file.readUInt32LE(MAGIC.length);
  if (found !== format)
    throw refuse(path, `has format ${found}; this version of lockstep-gpu reads format ${format}`);
  const writer = file.toString('utf8', least, headerEnd);
  if (writer !== version)
    throw refuse(path, `was written by lockstep-gpu ${writer}, and this is ${version}: bits may differ`);
  return body;
}

/** Format of the seal in a JSON, `1 sha256 HEX`; the number changes with what the object means. */
const JSON_FORMAT = 1;

function jsonSeal(value: object): string {
  return `${JSON_FORMAT} sha256 ${sha256(`lockstep-gpu result ${JSON_FORMAT}\n`, JSON.stringify(value)).toString('hex')}`;
}

/** An object with its seal. */
export type Sealed<T> = T & {
  /** The format and the SHA-256 of everything else in the object, by which `--resume` detects changes. */
  integrity: string;
};

/** Adds `integrity`, last. It covers the content, not the layout: white space may change. */
export function sealJson<T extends object>(value: T): Sealed<T> {
  return { ...value, integrity: jsonSeal(value) };
}

/**
 * The object in a JSON text that {@link sealJson} made, without its seal.
 *
 * @throws LockstepError `bad-input` that names `path`, if it is not JSON, has no seal or one of another format, or was changed.
 */
export function unsealJson(
  path: string,
  text: string,
  refuse: RefuseFile = refuseFile,
): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw refuse(path, 'is no JSON, or it is damaged or was cut short', cause);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw refuse(path, 'is no result of lockstep-gpu');
  const { integrity, ...rest } = parsed as Record<string, unknown>;
  const format = typeof integrity === 'string' ? /^(\d{1,9}) sha256 /.exec(integrity)?.[1] : undefined;
  if (format === undefined)
    throw refuse(path, 'has no "integrity" field that this version of lockstep-gpu can check');
  if (Number(format) !== JSON_FORMAT)
    throw refuse(path, `has format ${format}; this version of lockstep-gpu reads format ${JSON_FORMAT}`);
  if (integrity !== jsonSeal(rest)) throw refuse(path, 'is damaged or was changed after it was written');
  return rest;
}

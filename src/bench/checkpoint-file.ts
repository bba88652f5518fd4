/**
 * The bytes of `LABEL_seedSEED.checkpoint` in `--output-dir`: an interrupted evaluation, for `--resume`. It is a sealed file
 * (seal.ts) around Node's own serialization (`node:v8`), which keeps typed arrays and NaN. A shard's checkpoint has the same
 * form (shards/checkpoint.ts). result-store.ts and shards/store.ts write and read the files.
 */
import { deserialize, serialize } from 'node:v8';
import { version } from '../platform/version.js';
import { type RefuseFile, refuseFile, sealBytes, unsealBytes, type Writer } from './seal.js';

/** Increase `format` whenever a checkpoint's fields, or what one of them means, change. */
const WRITER: Writer = { format: 4, version };

export const checkpointBytes = (checkpoint: object): Buffer => sealBytes(WRITER, serialize(checkpoint));

/**
 * The checkpoint in a file's bytes.
 *
 * @throws LockstepError `bad-input` that names `path`, unless this version wrote these bytes.
 */
export function checkpointOf<Checkpoint>(
  path: string,
  bytes: Uint8Array,
  refuse: RefuseFile = refuseFile,
): Checkpoint {
  const body = unsealBytes(path, WRITER, bytes, refuse);
  try {
    return deserialize(body) as Checkpoint;
  } catch (cause) {
    throw refuse(path, `cannot be read by Node ${process.version} (${(cause as Error).message})`, cause);
  }
}

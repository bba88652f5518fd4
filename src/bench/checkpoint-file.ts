/**
 * The bytes of `LABEL_seedSEED.checkpoint` in `--output-dir`: an interrupted evaluation, for `--resume`. It is a sealed file
 * (seal.ts) around Node's own serialization (`node:v8`), which keeps typed arrays and NaN. result-store.ts writes and reads
 * the file.
 */
import { deserialize, serialize } from 'node:v8';
import { version } from '../platform/version.js';
import type { EvaluationCheckpoint } from './events.js';
import { refuseFile, sealBytes, unsealBytes, type Writer } from './seal.js';

/** Increase `format` whenever {@link EvaluationCheckpoint} or the meaning of something in it changes. */
const WRITER: Writer = { format: 1, version };

export const checkpointBytes = (checkpoint: EvaluationCheckpoint): Buffer =>
  sealBytes(WRITER, serialize(checkpoint));

/**
 * The checkpoint in a file's bytes. Its content is checked when an evaluation resumes from it.
 *
 * @throws LockstepError `bad-input` that names `path`, unless this version wrote these bytes.
 */
export function checkpointOf(path: string, bytes: Uint8Array): EvaluationCheckpoint {
  const body = unsealBytes(path, WRITER, bytes);
  try {
    return deserialize(body) as EvaluationCheckpoint;
  } catch (cause) {
    throw refuseFile(path, `cannot be read by Node ${process.version} (${(cause as Error).message})`, cause);
  }
}

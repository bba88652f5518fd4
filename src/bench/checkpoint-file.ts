/**
 * `LABEL_seedSEED.checkpoint` in `--output-dir`: an evaluation that was interrupted, for `--resume`. A sealed file
 * (seal.ts) around Node's own serialization (`node:v8`), which keeps typed arrays and NaN. Bytes only; when they are
 * written and read is result-store.ts's.
 */
import { deserialize, serialize } from 'node:v8';
import { version } from '../platform/version.js';
import type { EvaluationCheckpoint } from './events.js';
import { refuseFile, sealBytes, unsealBytes, type Writer } from './seal.js';

/** The format's number goes up whenever {@link EvaluationCheckpoint} or the meaning of something in it changes. */
const WRITER: Writer = { format: 1, version };

export const checkpointBytes = (checkpoint: EvaluationCheckpoint): Buffer =>
  sealBytes(WRITER, serialize(checkpoint));

/**
 * What {@link checkpointBytes} was given. What it holds is checked where an evaluation takes it.
 *
 * @throws LockstepError `bad-input` that names `path` where these are not the bytes that this version wrote.
 */
export function checkpointOf(path: string, bytes: Uint8Array): EvaluationCheckpoint {
  const body = unsealBytes(path, WRITER, bytes);
  try {
    return deserialize(body) as EvaluationCheckpoint;
  } catch (cause) {
    throw refuseFile(path, `cannot be read by Node ${process.version} (${(cause as Error).message})`, cause);
  }
}

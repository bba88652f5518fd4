/**
 * `LABEL_seedSEED.checkpoint` in `--output-dir`: an evaluation that was interrupted, for `--resume`. A sealed file
 * (seal.ts) around Node's own serialization (`node:v8`), which keeps typed arrays and NaN. Bytes only; when they are
 * written and read is result-store.ts's.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { version } from '../../package.json';
import type { EvaluationCheckpoint } from './events.js';
import { resultPath, writeResult } from './result-files.js';
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

/** Writes the file whole or not at all, over the one before, and returns its path. */
export function writeCheckpoint(
  folder: string,
  label: string,
  seed: number,
  checkpoint: EvaluationCheckpoint,
): string {
  return writeResult(folder, label, seed, 'checkpoint', checkpointBytes(checkpoint));
}

/** @throws LockstepError `bad-input` where the file is there and cannot be trusted. */
export function readCheckpoint(
  folder: string,
  label: string,
  seed: number,
): EvaluationCheckpoint | undefined {
  const path = resultPath(folder, label, seed, 'checkpoint');
  return existsSync(path) ? checkpointOf(path, readFileSync(path)) : undefined;
}

/** Whether there is something to go on from. */
export function hasCheckpoint(folder: string, label: string, seed: number): boolean {
  return existsSync(resultPath(folder, label, seed, 'checkpoint'));
}

/** Takes the file away once its evaluation is complete. */
export function removeCheckpoint(folder: string, label: string, seed: number): void {
  rmSync(resultPath(folder, label, seed, 'checkpoint'), { force: true });
}

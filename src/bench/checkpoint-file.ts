/**
 * `LABEL_seedSEED.checkpoint` in `--output-dir`: an evaluation that was interrupted, for `--resume`. Node's own
 * serialization (`node:v8`), which keeps typed arrays and NaN.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { LockstepError } from '../platform/errors.js';
import type { EvaluationCheckpoint } from './events.js';
import { resultPath, writeResult } from './result-files.js';
import { type Summary, summaryConfig } from './summary.js';
import type { Task } from './task.js';

/** Writes the file whole or not at all, over the one before, and returns its path. */
export function writeCheckpoint(
  folder: string,
  label: string,
  seed: number,
  checkpoint: EvaluationCheckpoint,
): string {
  return writeResult(folder, label, seed, 'checkpoint', serialize(checkpoint));
}

/** @throws LockstepError `bad-input` where the file is there and is no checkpoint. */
export function readCheckpoint(
  folder: string,
  label: string,
  seed: number,
): EvaluationCheckpoint | undefined {
  const path = resultPath(folder, label, seed, 'checkpoint');
  if (!existsSync(path)) return undefined;
  try {
    const checkpoint = deserialize(readFileSync(path)) as EvaluationCheckpoint;
    if (typeof checkpoint.identity === 'string' && Array.isArray(checkpoint.runs)) return checkpoint;
    throw new Error('it holds something else');
  } catch (cause) {
    const { message } = cause as Error;
    throw new LockstepError(
      'bad-input',
      `${path} cannot be read as a checkpoint (${message}); delete it to begin this configuration anew.`,
      { cause },
    );
  }
}

/** Whether there is something to go on from. */
export function hasCheckpoint(folder: string, label: string, seed: number): boolean {
  return existsSync(resultPath(folder, label, seed, 'checkpoint'));
}

/** Takes the file away once its evaluation is complete. */
export function removeCheckpoint(folder: string, label: string, seed: number): void {
  rmSync(resultPath(folder, label, seed, 'checkpoint'), { force: true });
}

/** The summary of the same evaluation, if an earlier process ended it. */
export function readComplete(
  folder: string,
  label: string,
  { strategy, task, seed }: { strategy: string; task: Task; seed: number },
): Summary | undefined {
  const path = resultPath(folder, label, seed, 'json');
  if (!existsSync(path)) return undefined;
  try {
    const summary = JSON.parse(readFileSync(path, 'utf8')) as Summary;
    const same =
      summary.strategy === strategy && isDeepStrictEqual(summary.config, summaryConfig(task, seed));
    return same && summary.complete ? summary : undefined;
  } catch {
    return undefined; // not ours, or cut short: the configuration is evaluated, and the file written anew
  }
}

/**
 * Where `--output-dir` puts things: `LABEL_seedSEED.json` and, beside it, the learning curves. Refuses a folder that
 * cannot be written before any work is done.
 */
import { accessSync, constants, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockstepError } from '../platform/errors.js';

/** Makes the folder if need be. @throws LockstepError `bad-input` where nothing can be written. */
export function prepareOutputFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    const { message } = cause as Error;
    throw new LockstepError(
      'bad-input',
      `--output-dir ${folder}: nothing can be written there (${message}).`,
      { cause },
    );
  }
}

/** What is evaluated in one go: a strategy on a configuration. */
export interface Evaluated {
  strategy: string;
  config: string;
}

/**
 * A label for each evaluation, no two alike. A label of the user's stands alone where there is one evaluation and is
 * followed by what tells them apart where there are several; without one, strategy and configuration make it.
 */
export function resultLabels(evaluations: readonly Evaluated[], label?: string): string[] {
  const strategies = new Set(evaluations.map(({ strategy }) => strategy));
  const wanted = evaluations.map(({ strategy, config }) => {
    if (label === undefined) return `${fileSafe(strategy)}-${config}`;
    if (evaluations.length === 1) return label;
    return strategies.size > 1 ? `${label}-${fileSafe(strategy)}-${config}` : `${label}-${config}`;
  });
  // Two files may hold strategies of one name.
  return wanted.map((name, i) => {
    const earlier = wanted.slice(0, i).filter((other) => other === name).length;
    return earlier === 0 ? name : `${name}-${earlier + 1}`;
  });
}

/** A label is part of a file name: it must not lead elsewhere. */
export function checkLabel(label: string): void {
  if (label === '' || /[/\\\0]/.test(label) || label.startsWith('.')) {
    throw new LockstepError(
      'bad-input',
      `--label ${JSON.stringify(label)}: give a plain file name without slashes.`,
    );
  }
}

const fileSafe = (name: string) => name.replace(/[^\w.-]+/g, '-');

/** Where `LABEL_seedSEED.EXTENSION` stands. */
export function resultPath(folder: string, label: string, seed: number, extension: string): string {
  return join(folder, `${label}_seed${seed}.${extension}`);
}

/** Writes `LABEL_seedSEED.EXTENSION` whole or not at all, over the one before, and returns its path. */
export function writeResult(
  folder: string,
  label: string,
  seed: number,
  extension: string,
  content: string | Uint8Array,
): string {
  const path = resultPath(folder, label, seed, extension);
  writeFileSync(`${path}.part`, content);
  renameSync(`${path}.part`, path);
  return path;
}

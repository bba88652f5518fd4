/**
 * Names of the files in `--output-dir`: a label for each evaluation, no two alike, and each fit for a file system. Words
 * only; result-store.ts writes.
 */
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';
import { PART_BYTES } from './patient-files.js';

/** What is evaluated in one go: a strategy on a configuration. */
interface Evaluated {
  strategy: string;
  config: string;
}

/** What file systems allow for one name, in bytes of UTF-8. */
const NAME_BYTES = 255;
/** The longest of the names that begin with a stem: a checkpoint while it is written. */
const STEM_BYTES = NAME_BYTES - '.checkpoint'.length - PART_BYTES;

/**
 * A label for each evaluation, no two alike. A label of the user's stands alone where there is one evaluation and is
 * followed by what tells them apart where there are several; without one, strategy and configuration make it.
 */
export function resultLabels(evaluations: readonly Evaluated[], label?: string): string[] {
  const strategies = new Set(evaluations.map(({ strategy }) => strategy));
  const taken = new Set<string>();
  return evaluations.map(({ strategy, config }) => {
    if (label !== undefined && evaluations.length === 1) return label;
    const parts = label === undefined || strategies.size > 1 ? [fileSafe(strategy), config] : [config];
    return untaken([...(label === undefined ? [] : [label]), ...parts].join('-'), taken);
  });
}

/** Two files may hold strategies of one name. Not every file system tells `A` from `a`, or one way to write `é` from another. */
function untaken(name: string, taken: Set<string>): string {
  const key = (text: string) => text.normalize('NFC').toLowerCase();
  let found = name;
  for (let i = 2; taken.has(key(found)); i++) found = `${name}-${i}`;
  taken.add(key(found));
  return found;
}

const fileSafe = (name: string) => name.replace(/[^\w.-]+/g, '-');

/**
 * A label is part of a file name: it must not lead elsewhere, nor hold what a terminal obeys.
 *
 * @throws LockstepError `bad-input` that says what of it cannot be.
 */
export function checkLabel(label: string): void {
  const problem = labelProblem(label);
  if (problem) throw new LockstepError('bad-input', `--label "${printable(label)}" ${problem}.`);
}

function labelProblem(label: string): string | undefined {
  if (label.trim() === '') return 'is empty; give a plain file name, or leave it out';
  if (/[/\\]/.test(label)) return 'has a slash; give a plain file name, and the folder by --output-dir';
  if (label.startsWith('.')) return 'begins with a dot; give a plain file name';
  if (printable(label, label.length) !== label) return 'has control characters; give a plain file name';
  // NTFS takes `a:b` as a stream of the file a.
  if (process.platform === 'win32' && /[<>:"|?*]/.test(label))
    return 'has one of <>:"|?*, which Windows allows in no file name';
  return undefined;
}

/** What the names of an evaluation's files begin with. */
export const stemOf = (label: string, seed: number): string => `${label}_seed${seed}`;

/** @throws LockstepError `bad-input` where a file name would be longer than file systems allow. */
export function checkStems(stems: readonly string[]): void {
  for (const stem of stems) {
    const bytes = Buffer.byteLength(stem);
    if (bytes <= STEM_BYTES) continue;
    throw new LockstepError(
      'bad-input',
      `The name "${printable(stem, 40)}" of the result files has ${bytes} bytes, and ${STEM_BYTES} fit; give a shorter --label.`,
    );
  }
}

/**
 * The names of the files in `--output-dir`: a different label for each evaluation, valid on every file system. result-store.ts
 * writes the files.
 */
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';
import { PART_BYTES } from './patient-files.js';

/** One evaluation: a strategy on a configuration. */
interface Evaluated {
  strategy: string;
  config: string;
}

/** The longest name that file systems allow, in bytes of UTF-8. */
const NAME_BYTES = 255;
/** The longest of the names that begin with a stem: a checkpoint while it is written. */
const STEM_BYTES = NAME_BYTES - '.checkpoint'.length - PART_BYTES;

/**
 * A different label for each evaluation. The user's label is taken as it is for one evaluation; for several, what differs
 * between them is appended. Without it, the label is made of strategy and configuration.
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

/** The name, with a number if it is taken. Some file systems do not distinguish `A` from `a`, or two encodings of `é`. */
function untaken(name: string, taken: Set<string>): string {
  const key = (text: string) => text.normalize('NFC').toLowerCase();
  let found = name;
  for (let i = 2; taken.has(key(found)); i++) found = `${name}-${i}`;
  taken.add(key(found));
  return found;
}

const fileSafe = (name: string) => name.replace(/[^\w.-]+/g, '-');

/**
 * Checks a label, as it becomes part of a file name: no path separators and no control characters.
 *
 * @throws LockstepError `bad-input` that says what is wrong with it.
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

/** The beginning of the names of an evaluation's files. */
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

/**
 * A fingerprint says what an evaluation was made of: the strategy's source, its optimizer settings and datasets, the task, the
 * seed, and the kernel that was asked for. Checkpoints and summaries contain it, so that `--resume` never joins two
 * different evaluations. This file has its type, its digests and the comparison of two; source-files.ts reads a strategy's
 * files.
 */
import type { AdamWSettings } from '../lockstep/types.js';
import { LockstepError } from '../platform/errors.js';
import { showKind } from '../platform/options.js';
import { printable } from '../platform/printable.js';
import type { BinaryDataset } from '../tensor/bits.js';
import type { SummaryConfig } from './summary-config.js';

/** SHA-256 in hexadecimal by file name; for a built-in strategy, the package's version. Empty where it is not known. */
export type SourceDigests = Readonly<Record<string, string>>;

/** The only file name in the digests of a built-in strategy. */
export const PACKAGE = 'lockstep-gpu';

/** What an evaluation was made of. Plain data: survives JSON and `structuredClone`. */
export interface Fingerprint {
  strategy: string;
  source: SourceDigests;
  optimizer: AdamWSettings;
  /** Task and seed. */
  config: SummaryConfig;
  /** The kernel that was asked for, `auto` or a name; not the one that was chosen. */
  kernel: string;
  /** SHA-256 of each secret's training set; null where it was not made. */
  datasets: (string | null)[];
}

/** SHA-256 of a training set's size and bits, in hexadecimal. */
export async function datasetDigest({ x, y }: BinaryDataset): Promise<string> {
  const parts = [Uint32Array.of(x.rows, x.cols), x.words, y.words];
  const digests = await Promise.all(parts.map((part) => sha256(part)));
  return hex(await sha256(Uint8Array.from(digests.flatMap((digest) => [...digest]))));
}

/** SHA-256 by the platform, off this thread. */
async function sha256(bytes: Uint32Array | Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
}

const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * Lists the differences in words. An empty list means that one evaluation can go on as the other.
 *
 * @param before A value of any kind, from a file or a program.
 */
export function differences(before: unknown, now: Fingerprint): string[] {
  if (typeof before !== 'object' || before === null)
    return [`it does not say of which (${showKind(before)})`];
  const then = before as Partial<Record<keyof Fingerprint, unknown>>;
  const config = fieldsOf(then.config);
  return [
    ...changes('', { strategy: then.strategy }, { strategy: now.strategy }),
    ...sourceDifferences(fieldsOf(then.source), now.source),
    ...changes('optimizer ', fieldsOf(then.optimizer), fieldsOf(now.optimizer)),
    ...changes('', { seed: config.seed }, { seed: now.config.seed }),
    ...changes('task ', { ...config, seed: 0 }, { ...now.config, seed: 0 }),
    ...changes('', { kernel: then.kernel }, { kernel: now.kernel }),
    ...datasetDifferences(then.datasets, now.datasets),
  ];
}

/**
 * Refuses to resume from another evaluation.
 *
 * @param what The beginning of the message, as `The checkpoint`.
 * @throws LockstepError `bad-input` that says what differs.
 */
export function checkFingerprint(what: string, before: unknown, now: Fingerprint): void {
  const different = differences(before, now);
  if (different.length === 0) return;
  throw new LockstepError(
    'bad-input',
    `${what} is of another evaluation: ${different.join('; ')}. Use the flags and the strategy that it was made with, ` +
      'or begin anew.',
  );
}

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};

/** Whether two values are equal; of two lists, as betas, each entry. */
const same = (a: unknown, b: unknown): boolean =>
  Array.isArray(a) && Array.isArray(b)
    ? a.length === b.length && a.every((value, i) => Object.is(value, b[i]))
    : Object.is(a, b);

/** `optimizer lr was 0.1 and is 0.2`, for each field of either that differs. */
function changes(prefix: string, before: Fields, now: Fields): string[] {
  return [...new Set([...Object.keys(now), ...Object.keys(before)])]
    .filter((name) => !same(before[name], now[name]))
    .map((name) => `${prefix}${name} was ${printable(before[name])} and is ${printable(now[name])}`);
}

function sourceDifferences(before: Fields, now: SourceDigests): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter((file) => before[file] !== now[file])
    .map((file) => {
      if (before[file] === undefined) return `source ${file} is new`;
      if (now[file] === undefined) return `source ${file} is gone`;
      return file === PACKAGE
        ? `source ${file} was ${printable(before[file])} and is ${now[file]}`
        : `source ${file} was changed`;
    });
}

/** Sets that only one of the two has made are not compared. */
function datasetDifferences(before: unknown, now: Fingerprint['datasets']): string[] {
  if (!Array.isArray(before)) return ['it has no digests of datasets'];
  return now.flatMap((digest, secret) =>
    digest && before[secret] && before[secret] !== digest
      ? [`the dataset of secret ${secret} is another`]
      : [],
  );
}

/** What is wrong with a set of shards: which are missing, in numbers and in words, and whether they are of one count. */
import { LockstepError } from '../../platform/errors.js';
import { printable } from '../../platform/printable.js';
import type { Shard } from '../../platform/shard.js';

/** How many numbers a message lists. */
const MOST = 10;

/** `1, 2, 3`, with the number of further ones where they are many. */
export const listed = (names: readonly (string | number)[]): string =>
  names.length > MOST
    ? `${names.slice(0, MOST).join(', ')} and ${names.length - MOST} more`
    : names.join(', ');

/**
 * How many shards there are to be, by those that a folder has files of.
 *
 * @throws LockstepError `bad-input` where it has none, or some of different counts.
 */
export function countIn(folder: string, shards: readonly Shard[]): number {
  const counts = [...new Set(shards.map(({ count }) => count))].sort((a, b) => a - b);
  if (counts.length === 1) return counts[0];
  const there = counts.length === 0 ? 'no shards' : `shards of ${counts.join(' and of ')}`;
  throw new LockstepError(
    'bad-input',
    `${printable(folder, 300)}: there are ${there}; it must be the folder of shards of one count.`,
  );
}

/** @param shards At least one; all of one count. */
export function missingOf(shards: readonly Shard[]): number[] {
  const there = new Set(shards.map(({ index }) => index));
  return Array.from({ length: shards[0].count }, (_, i) => i + 1).filter((index) => !there.has(index));
}

export const missingText = (missing: readonly number[], count: number): string =>
  `Of ${count} shards ${missing.length === 1 ? 'this one is' : `${missing.length} are`} missing: ${listed(missing)}.`;

/** Which shards are missing among those that there are, in numbers and in words. */
import type { Shard } from '../../platform/shard.js';

/** How many numbers a message lists. */
const MOST = 10;

/** `1, 2, 3`, with the number of further ones where they are many. */
export const listed = (names: readonly (string | number)[]): string =>
  names.length > MOST
    ? `${names.slice(0, MOST).join(', ')} and ${names.length - MOST} more`
    : names.join(', ');

/** @param shards At least one; all of one count. */
export function missingOf(shards: readonly Shard[]): number[] {
  const there = new Set(shards.map(({ index }) => index));
  return Array.from({ length: shards[0].count }, (_, i) => i + 1).filter((index) => !there.has(index));
}

export const missingText = (missing: readonly number[], count: number): string =>
  `Of ${count} shards ${missing.length === 1 ? 'this one is' : `${missing.length} are`} missing: ${listed(missing)}.`;

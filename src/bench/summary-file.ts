/**
 * `LABEL_seedSEED.json`: the summary with a seal (seal.ts), so that `--resume` takes over only what it can trust. Text
 * only; when it is written and read is result-store.ts's.
 */
import { differences } from './differences.js';
import { refuseFile, type Sealed, sealJson, unsealJson } from './seal.js';
import { type Summary, summaryConfig } from './summary.js';
import type { Task } from './task.js';

/** The summary as the file and `--json` show it. */
export const sealedSummary = (summary: Summary): Sealed<Summary> => sealJson(summary);

export const summaryText = (summary: Summary): string =>
  `${JSON.stringify(sealedSummary(summary), null, 2)}\n`;

/** What tells one evaluation's summary from another's: these fields of it must be the same. */
export function summaryIdentity({ strategy, task, seed }: { strategy: string; task: Task; seed: number }) {
  return { strategy, seed, config: summaryConfig(task, seed) } satisfies Partial<Summary>;
}

/**
 * The summary in the text of a file, complete or of an interrupted evaluation.
 *
 * @param expected {@link summaryIdentity} of the evaluation that wants it.
 * @throws LockstepError `bad-input` that names `path`: not ours, damaged, changed, or of another evaluation.
 */
export function summaryIn(path: string, text: string, expected: ReturnType<typeof summaryIdentity>): Summary {
  const summary = unsealJson(path, text) as unknown as Summary;
  const found = Object.fromEntries(Object.keys(expected).map((key) => [key, summary[key as keyof Summary]]));
  const differing = differences(found, expected);
  if (differing.length > 0) throw refuseFile(path, `is of another evaluation: ${differing.join('; ')}`);
  return summary;
}

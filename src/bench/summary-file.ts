/**
 * `LABEL_seedSEED.json`: the summary with a seal (seal.ts), so that `--resume` takes over only what it can trust. Text
 * only; when it is written and read is result-store.ts's.
 */
import { differences, type Fingerprint } from './fingerprint.js';
import { refuseFile, type Sealed, sealJson, unsealJson } from './seal.js';
import type { Summary } from './summary.js';

/** The summary as the file and `--json` show it. */
export const sealedSummary = (summary: Summary): Sealed<Summary> => sealJson(summary);

export const summaryText = (summary: Summary): string =>
  `${JSON.stringify(sealedSummary(summary), null, 2)}\n`;

/**
 * The summary in the text of a file, complete or of an interrupted evaluation.
 *
 * @param expected Fingerprint of the evaluation that wants it.
 * @throws LockstepError `bad-input` that names `path`: not ours, damaged, changed, or of another evaluation.
 */
export function summaryIn(path: string, text: string, expected: Fingerprint): Summary {
  const summary = unsealJson(path, text) as unknown as Summary;
  const { strategy, config, complete, fingerprint } = summary;
  if (!complete && fingerprint === undefined) return summary; // interrupted before anything was computed
  const differing = differences({ strategy, config, ...fingerprint }, expected);
  if (differing.length > 0) throw refuseFile(path, `is of another evaluation: ${differing.join('; ')}`);
  return summary;
}

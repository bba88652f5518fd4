/**
 * The text of `LABEL_seedSEED.json`: the summary with a seal (seal.ts), so that `--resume` can trust it. result-store.ts writes
 * and reads the file.
 */
import { differences, type Fingerprint } from './fingerprint.js';
import { refuseFile, type Sealed, sealJson, unsealJson } from './seal.js';
import type { Summary } from './summary.js';

/** The summary with its seal, as in the file and from `--json`. */
const sealedSummary = (summary: Summary): Sealed<Summary> => sealJson(summary);

export const summaryText = (summary: Summary): string =>
  `${JSON.stringify(sealedSummary(summary), null, 2)}\n`;

/** What `--json` prints: the summary, or the list of several. */
export function summariesText(summaries: readonly Summary[]): string {
  const sealed = summaries.map(sealedSummary);
  return JSON.stringify(sealed.length === 1 ? sealed[0] : sealed, null, 2);
}

/**
 * The summary in a file's text. It may be of an interrupted evaluation.
 *
 * @param expected The fingerprint of the present evaluation.
 * @throws LockstepError `bad-input` that names `path`, if it is not a summary, damaged, changed, or of another evaluation.
 */
export function summaryIn(path: string, text: string, expected: Fingerprint): Summary {
  const summary = unsealJson(path, text) as unknown as Summary;
  const { strategy, config, complete, fingerprint } = summary;
  if (!complete && fingerprint === undefined) return summary; // interrupted before anything was computed
  const differing = differences({ strategy, config, ...fingerprint }, expected);
  if (differing.length > 0) throw refuseFile(path, `is of another evaluation: ${differing.join('; ')}`);
  return summary;
}

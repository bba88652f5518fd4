/** Runs `merge`: reads the shards' results, has them merged, and writes and prints what `bench` would have. */
import { stemOf } from '../bench/result-files.js';
import { ResultFolder } from '../bench/result-folder.js';
import { ResultFiles } from '../bench/result-store.js';
import { findShards } from '../bench/shards/find.js';
import { type Merged, type MergedEvaluation, mergeShards } from '../bench/shards/merge.js';
import { summariesText } from '../bench/summary-file.js';
import { configName } from '../bench/task.js';
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';
import { EXIT } from './failure.js';
import { LogWriter } from './log-writer.js';
import { out, say, stderr, stdout } from './outlets.js';
import { resultsTable } from './results-table.js';
import { colorsFor } from './style.js';

/** The values of the command's flags. */
export interface MergeFlags {
  outputDir?: string;
  partial?: boolean;
  mixed?: boolean;
  json?: boolean;
  log?: boolean;
  quiet?: boolean;
}

/** Writes JSON and curves of each. @returns How many files could not be written. */
async function write(
  folder: string,
  evaluations: readonly MergedEvaluation[],
  quiet = false,
): Promise<number> {
  const stems = evaluations.map(({ label, seed }) => stemOf(label, seed));
  const opened = await ResultFolder.open(folder, stems, { warn: say });
  try {
    for (const [i, evaluation] of evaluations.entries()) {
      const files = new ResultFiles(opened, stems[i], evaluation.checkpoint.fingerprint.kernel);
      const paths = await files.finish(evaluation, evaluation.summary);
      if (!quiet && paths.length > 0) say(`wrote ${paths.map((path) => printable(path, 500)).join(' and ')}`);
    }
  } finally {
    await opened.close();
  }
  return opened.failures;
}

/** The log lines of an evaluation, as one process prints them. */
function log({ task, checkpoint, summary }: MergedEvaluation): void {
  const writer = new LogWriter(task, out);
  for (const facts of checkpoint.datasets) writer.add({ type: 'dataset', ...facts });
  for (const point of checkpoint.windows) writer.add(point);
  for (const result of checkpoint.results) writer.add({ type: 'run', result });
  writer.end(summary);
}

function print({ evaluations, count, missing }: Merged, { json, log: logs }: MergeFlags): void {
  if (logs) evaluations.forEach(log);
  const rows = evaluations.map(({ task, summary, seconds, lost }) => ({
    config: configName(task),
    summary,
    seconds,
    lost,
    covers: `${count - missing.length} of ${count} shards; the figures cover their runs`,
  }));
  const outlet = json || logs ? stderr : stdout;
  outlet.line(resultsTable(rows, colorsFor(outlet.stream)));
  if (json) out(summariesText(rows.map(({ summary }) => summary)));
}

/** Merges the shards in the folders and returns the exit code. */
export async function runMerge(folders: readonly string[], flags: MergeFlags): Promise<number> {
  const { outputDir, partial, json, quiet } = flags;
  if (json && flags.log)
    throw new LockstepError('bad-input', '--json and --log both want standard output; give one of them.');
  if (partial && outputDir !== undefined)
    throw new LockstepError(
      'bad-input',
      '--partial only reports and writes no files; leave out --output-dir.',
    );
  const merged = mergeShards(await findShards(folders), flags);
  const { evaluations, count, missing } = merged;
  if (partial && missing.length > 0)
    say(`${count - missing.length} of ${count} shards are there; missing: ${missing.join(', ')}`);
  const failures = partial ? 0 : await write(outputDir ?? folders[0], evaluations, quiet);
  print(merged, flags);
  return failures > 0 ? EXIT.failed : EXIT.ok;
}

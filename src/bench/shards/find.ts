/** Finds the files of shards in folders, and reads their results. What they are together is merge.ts's concern. */
import { LockstepError } from '../../platform/errors.js';
import { printable } from '../../platform/printable.js';
import { codeOf, PatientFiles } from '../patient-files.js';
import { finishedShardIn, shardOfName } from './file.js';
import type { FoundShardFile } from './merge.js';

/**
 * The results of shards in each folder, by name.
 *
 * @throws LockstepError `bad-input` for a folder that is none, and for a file that is damaged or of another version; the
 * system's errors.
 */
export async function findShards(folders: readonly string[]): Promise<FoundShardFile[]> {
  const found: FoundShardFile[] = [];
  for (const folder of folders) {
    const files = new PatientFiles(folder);
    for (const name of (await namesIn(files)).sort()) {
      const named = shardOfName(name);
      const bytes = named?.kind === 'json' && (await files.read(name));
      if (!bytes) continue;
      const path = files.path(name);
      found.push({ path, shard: finishedShardIn(path, bytes.toString('utf8'), named.shard) });
    }
  }
  return found;
}

/** @throws LockstepError `bad-input` for a folder that is none. */
export async function namesIn(files: PatientFiles): Promise<string[]> {
  try {
    return await files.names();
  } catch (cause) {
    if (!['ENOENT', 'ENOTDIR'].includes(codeOf(cause) ?? '')) throw cause;
    throw new LockstepError('bad-input', `There is no folder ${printable(files.folder, 300)}.`, { cause });
  }
}

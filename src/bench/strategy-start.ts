/**
 * Finds the strategy that a name or a path means, and starts it in threads of its own. Node only.
 *
 * A file gets two threads, one that makes datasets and is told secrets, and one that makes weights and settings and is
 * not: what the first writes down in a variable, the second does not see. A built-in strategy gets one.
 */
import { existsSync, statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';
import { version } from '../platform/version.js';
import { PACKAGE } from './fingerprint.js';
import { sourceDigests } from './source-files.js';
import { strategies } from './strategies/index.js';
import type { StrategyHost } from './strategy-host.js';
import type { StrategyReference } from './strategy-messages.js';
import { StrategyThread } from './strategy-thread.js';

/**
 * What `--strategy` names: a built-in, or a file.
 *
 * @throws LockstepError `bad-input` for a name that is neither.
 */
export function strategyReference(nameOrFile: string): StrategyReference {
  const builtin = strategies.map(({ name }) => name);
  if (builtin.includes(nameOrFile)) return { builtin: nameOrFile };
  const file = resolve(nameOrFile);
  if (existsSync(file) && extname(file) !== '') {
    if (statSync(file).isFile()) return { file };
    throw new LockstepError('bad-input', `${printable(file, 300)} is no file, so it is no strategy.`);
  }
  const looksLikeFile = /[\\/]|\.[cm]?[jt]s$/.test(nameOrFile);
  const shown = printable(nameOrFile, 300);
  throw new LockstepError(
    'bad-input',
    looksLikeFile
      ? `There is no strategy file ${shown} (looked for ${printable(file, 300)}).`
      : `Unknown strategy '${shown}'; built in are ${builtin.join(', ')}. A file of your own is given by its path.`,
  );
}

/**
 * Starts a strategy. What it prints goes to standard error.
 *
 * @throws LockstepError `bad-input` where it cannot be loaded.
 */
export async function startStrategy(reference: StrategyReference): Promise<StrategyHost> {
  if ('builtin' in reference) {
    const thread = await StrategyThread.start(reference);
    return hostOf(thread, thread, { [PACKAGE]: version });
  }
  const source = sourceDigests(reference.file);
  const [data, weights] = await both([false, true].map((silent) => StrategyThread.start(reference, silent)));
  return hostOf(data, weights, source);
}

/** Both threads; where one of them cannot be started, none is left running. */
async function both(starting: Promise<StrategyThread>[]): Promise<StrategyThread[]> {
  try {
    return await Promise.all(starting);
  } catch (error) {
    for (const thread of starting) thread.then((started) => started.close()).catch(() => {});
    throw error;
  }
}

function hostOf(data: StrategyThread, weights: StrategyThread, source: StrategyHost['source']): StrategyHost {
  return {
    name: data.name,
    source,
    call: (call, ...args) => (call === 'dataset' ? data : weights).call(call, ...args),
    running: () => data.running() ?? weights.running(),
    close() {
      data.close();
      weights.close();
    },
  };
}

/**
 * Finds a strategy by its name or path and starts it in worker threads. Node only.
 *
 * A file gets two threads: one makes datasets and gets the secrets; the other makes weights and settings and does not. The
 * second cannot see what the first stores in a variable. A built-in strategy gets one thread.
 */
import { existsSync, statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { LockstepError } from '../platform/errors.js';
import { printable } from '../platform/printable.js';
import { version } from '../platform/version.js';
import { PACKAGE, type SourceDigests } from './fingerprint.js';
import { sourceDigests } from './source-files.js';
import { strategies } from './strategies/index.js';
import type { StrategyHost } from './strategy-host.js';
import type { StrategyReference } from './strategy-messages.js';
import { StrategyThread } from './strategy-thread.js';

/**
 * The strategy that `--strategy` names: a built-in one, or a file.
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
 * The digests of a strategy's files.
 *
 * @throws LockstepError `bad-input` where one cannot be read.
 */
export const sourceOf = (reference: StrategyReference): SourceDigests =>
  'builtin' in reference ? { [PACKAGE]: version } : sourceDigests(reference.file);

/**
 * Starts a strategy. What it prints goes to standard error.
 *
 * @throws LockstepError `bad-input` where it cannot be loaded.
 */
export async function startStrategy(reference: StrategyReference): Promise<StrategyHost> {
  if ('builtin' in reference) {
    const thread = await StrategyThread.start(reference);
    return hostOf(thread, thread, sourceOf(reference));
  }
  const source = sourceOf(reference);
  const [data, weights] = await both([false, true].map((silent) => StrategyThread.start(reference, silent)));
  return hostOf(data, weights, source);
}

/** Waits for both threads. If one of them cannot be started, the other is ended. */
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

/**
 * Strategies in a worker thread: built-in ones and files of each kind give what the same functions give in this
 * thread, and every way to be a bad strategy ends in an error that names strategy and function. The worker is the built
 * one where that is as new as its source, as in `npm test`: from the source it takes two seconds to start.
 */
import { existsSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, expect, test, vi } from 'vitest';
import { sampleSecrets } from '../../src/bench/secrets.js';
import { strategyNamed } from '../../src/bench/strategies/index.js';
import { localStrategy, type StrategyHost } from '../../src/bench/strategy-host.js';
import { startStrategy, strategyReference } from '../../src/bench/strategy-start.js';
import { makeTask } from '../../src/bench/task.js';
import { positiveRate } from '../../src/tensor/bits.js';

const { worker } = vi.hoisted(() => ({ worker: { fromSource: false } }));
vi.mock('../../src/platform/node-worker.js', async (original) => {
  const { startWorker } = await original<typeof import('../../src/platform/node-worker.js')>();
  const built = new URL('../../dist/src/bench/strategy-worker.js', import.meta.url);
  const modified = (path: string | URL) => statSync(new URL(path, import.meta.url)).mtimeMs;
  const source = ['../../src', '../../shaders'].flatMap((folder) =>
    readdirSync(new URL(folder, import.meta.url), { recursive: true }).map((name) => `${folder}/${name}`),
  );
  const isNew = existsSync(built) && source.every((file) => modified(file) <= modified(built));
  return {
    startWorker: (...args: Parameters<typeof startWorker>) =>
      isNew && !worker.fromSource ? Promise.resolve(new Worker(built, args[2])) : startWorker(...args),
  };
});

const task = makeTask('n12-k3', 'smoke', { hiddenWidth: 16, testSetSize: 64 });
const [secret] = sampleSecrets(task, 42);
const folder = mkdtempSync(join(tmpdir(), 'lockstep-strategies-'));
const open: StrategyHost[] = [];
afterEach(() => {
  for (const host of open.splice(0)) host.close();
});

async function start(nameOrFile: string): Promise<StrategyHost> {
  const host = await startStrategy(strategyReference(nameOrFile));
  open.push(host);
  return host;
}

/** Starts a file of the given text. */
function startFile(name: string, text: string): Promise<StrategyHost> {
  const file = join(folder, name);
  writeFileSync(file, text);
  return start(file);
}

const BODY = `
  initModel(model) { init.zeros_(model.output.bias); },
  makeDataset(secret, task, seed) {
    const x = BitMatrix.random(100, task.nFeatures, new Generator(seed));
    return { x, y: parity(x, secret) };
  },
  getOptimizerConfig: () => ({ lr: 1e-3, wd: 0, beta1: 0.9, beta2: 0.999 }),`;

const IMPORTS = `import { BitMatrix, defineStrategy, Generator, init, parity } from 'lockstep-gpu/bench';\n`;

/** A strategy file whose one function is replaced. */
const broken = (replacement: string) =>
  `${IMPORTS}export default { name: 'broken', ${BODY}\n${replacement} };`;

test.each([
  ['as npm test builds it', false],
  ['from its source', true],
])('a built-in strategy gives the same data and weights in a thread: %s', async (_, fromSource) => {
  worker.fromSource = fromSource;
  const there = await start('exhaustive-coverage');
  worker.fromSource = false;
  const here = localStrategy(strategyNamed('exhaustive-coverage'));
  expect(there.name).toBe(here.name);
  for (const host of [there]) {
    expect(await host.call('optimizer', task)).toEqual(await here.call('optimizer', task));
    expect(await host.call('dataset', task, secret, 7)).toEqual(await here.call('dataset', task, secret, 7));
    expect(await host.call('weights', task, 7)).toEqual(await here.call('weights', task, 7));
  }
});

test.each([
  [
    'typed.ts',
    `${IMPORTS}import type { Task } from 'lockstep-gpu/bench';
    const rows: number = 100; export type Unused = Task;
    export default defineStrategy({ name: 'mine', ${BODY} });`,
  ],
  ['module.mjs', `${IMPORTS}export default defineStrategy({ name: 'mine', ${BODY} });`],
  [
    'script.js',
    `${IMPORTS}import * as gpu from 'lockstep-gpu';
    if (typeof gpu.openDevice !== 'function') throw new Error('no openDevice');
    export default defineStrategy({ name: 'mine', ${BODY} });`,
  ],
  [
    'mine.ts',
    `${IMPORTS}const s = { ${BODY} };
    export const { initModel, makeDataset, getOptimizerConfig } = s;`,
  ],
])('%s is loaded without a build step', async (name, text) => {
  const host = await startFile(name, text);
  expect(host.name).toBe('mine');
  const dataset = await host.call('dataset', task, secret, 7);
  expect([dataset.x.rows, dataset.x.cols]).toEqual([100, 12]);
  expect(dataset.x.get(99, 11)).toBeTypeOf('number'); // a BitMatrix again, not a plain object
  expect(positiveRate(dataset)).toBeGreaterThan(0.2);
});

test.each([
  ['makeDataset() { throw new Error("boom"); }', 'dataset', /Strategy 'broken', makeDataset: threw: boom/],
  ['async makeDataset() { return {}; }', 'dataset', /'broken', makeDataset: returned a promise/],
  [
    'initModel(model) { model.hidden.weight.data[3] = NaN; }',
    'weights',
    /'broken', initModel: .*hidden.weight.data\[3\] as NaN/,
  ],
  ['getOptimizerConfig: () => ({ lr: 1 })', 'optimizer', /'broken', getOptimizerConfig: wd is missing/],
] as const)('%s: named in the error', async (replacement, call, reason) => {
  const host = await startFile('broken.mjs', broken(replacement));
  const args = { optimizer: [task], dataset: [task, secret, 7], weights: [task, 7] }[call];
  const answer = host.call(call, ...(args as [typeof task, never, never]));
  await expect(answer).rejects.toThrow(
    expect.objectContaining({ code: 'bad-input', message: expect.stringMatching(reason) }),
  );
});

test.each([
  ['syntax.ts', 'export default {', /syntax\.ts cannot be loaded/],
  ['throws.mjs', 'throw new Error("on load");', /throws\.mjs cannot be loaded: on load/],
  ['missing.mjs', `import 'no-such-package';`, /missing\.mjs cannot be loaded: .*no-such-package/],
  ['partial.mjs', 'export function initModel() {}', /'partial' has no function makeDataset/],
  ['empty.mjs', '', /'empty' has no function initModel/],
  ['leaves.mjs', 'process.exit(0);', /leaves\.mjs' ended its thread/],
])('%s cannot be started', async (name, text, reason) => {
  await expect(startFile(name, text)).rejects.toThrow(
    expect.objectContaining({ code: 'bad-input', message: expect.stringMatching(reason) }),
  );
});

test('a strategy that never returns can be closed, and its call is rejected', async () => {
  const host = await startFile('endless.mjs', broken('makeDataset() { for (;;); }'));
  const answer = host.call('dataset', task, secret, 7);
  host.close();
  await expect(answer).rejects.toThrow(/was closed/);
});

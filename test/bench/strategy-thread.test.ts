/**
 * Strategies in a worker thread: built-in ones and files of each kind give what the same functions give in this
 * thread, and every way to be a bad strategy ends in an error that names strategy and function. The worker is the built
 * one where that is as new as its source, as in `npm test`: from the source it takes two seconds to start.
 */
import { existsSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { sampleSecrets } from '../../src/bench/secrets.js';
import { strategyNamed } from '../../src/bench/strategies/index.js';
import { localStrategy, type StrategyHost } from '../../src/bench/strategy-host.js';
import { startStrategy, strategyReference } from '../../src/bench/strategy-start.js';
import { StrategyThread } from '../../src/bench/strategy-thread.js';
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
const open: { close(): void }[] = [];
afterEach(() => {
  for (const host of open.splice(0)) host.close();
});

async function start(nameOrFile: string): Promise<StrategyHost> {
  const host = await startStrategy(strategyReference(nameOrFile));
  open.push(host);
  return host;
}

function written(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

/** Starts a file of the given text in its two threads. */
const startFile = (name: string, text: string): Promise<StrategyHost> => start(written(name, text));

/** Starts it in one thread, for what each of the two does: a thread takes most of a second to start. */
async function startThread(name: string, text: string): Promise<StrategyThread> {
  const thread = await StrategyThread.start({ file: written(name, text) });
  open.push(thread);
  return thread;
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
  const host = await startThread('broken.mjs', broken(replacement));
  const args = { optimizer: [task], dataset: [task, secret, 7], weights: [task, 7] }[call];
  const answer = host.call(call, ...(args as [typeof task, never, never]));
  await expect(answer).rejects.toThrow(
    expect.objectContaining({ code: 'bad-input', message: expect.stringMatching(reason) }),
  );
});

test.each([
  [
    'syntax.ts',
    'const a = 1;\nexport default {\n  x: 1,,\n}',
    /cannot be loaded: \S*syntax\.ts:3:8: Unexpected token$/,
  ],
  [
    'throws.mjs',
    '\n  throw new Error("on load");',
    /throws\.mjs cannot be loaded: on load, at throws\.mjs:2$/,
  ],
  [
    'package.mjs',
    `import 'no-such-package';`,
    /: \S*package\.mjs:1:8: there is no module 'no-such-package'$/,
  ],
  [
    'local.ts',
    `\nimport x from "./no-such.js"; x();`,
    /: \S*local\.ts:2:15: there is no module '\.\/no-such\.js'$/,
  ],
  ['null.mjs', 'throw null;', /null\.mjs cannot be loaded: null$/],
  ['function.mjs', 'export default () => 1;', /the strategy is a function; it must be an object/],
  ['partial.mjs', 'export function initModel() {}', /'partial' has no function makeDataset/],
  ['empty.mjs', '', /'empty' has no function initModel/],
  ['leaves.mjs', 'process.exit(0);', /leaves\.mjs' ended its thread/],
  [
    'rejects.mjs',
    'Promise.reject(7); await new Promise(() => {});',
    /rejects\.mjs' failed outside of its functions/,
  ],
])('%s cannot be started', async (name, text, reason) => {
  const error = await startThread(name, text).then(
    () => undefined,
    (error) => error,
  );
  expect(error).toMatchObject({ code: 'bad-input', message: expect.stringMatching(reason) });
  expect(error.message).not.toContain('\n');
});

test('what ends both threads of a file is one error', async () => {
  await expect(startFile('both.mjs', 'process.exit(0);')).rejects.toMatchObject({
    code: 'bad-input',
    message: expect.stringMatching(/both\.mjs' ended its thread/),
  });
});

test.each([
  ['exits.mjs', 'process.exit(3);', /'broken', makeDataset: ended its thread/],
  [
    'rejection.mjs',
    'Promise.reject(new Error("later"));',
    /makeDataset: (returned undefined|failed outside of its functions, .*later)/,
  ],
  [
    'timer.mjs',
    'process.nextTick(() => { throw null; }); return new Promise(() => {});',
    /'broken', makeDataset: /,
  ],
])('%s: a thread that ends or breaks is a mistake of the function that ran', async (name, body, reason) => {
  const host = await startThread(name, broken(`makeDataset() { ${body} },`));
  await expect(host.call('dataset', task, secret, 7)).rejects.toThrow(
    expect.objectContaining({ code: 'bad-input', message: expect.stringMatching(reason) }),
  );
});

test('a strategy that never returns says which function is running, and can be closed', async () => {
  const host = await startThread('endless.mjs', broken('makeDataset() { for (;;); }'));
  expect(host.running()).toBeUndefined();
  const answer = host.call('dataset', task, secret, 7);
  expect(host.running()).toBe('makeDataset');
  host.close();
  await expect(answer).rejects.toThrow(/was closed/);
});

test('a mutation is refused with its place in the file, also in one that the strategy imports', async () => {
  writeFileSync(join(folder, 'helper.ts'), 'export const cut = (secret: number[]) =>\n  secret.splice(1);');
  const host = await startThread(
    'cuts.ts',
    `import { cut } from './helper';\n${broken('makeDataset(secret) { return cut(secret); },')}`,
  );
  await expect(host.call('dataset', task, secret, 7)).rejects.toThrow(
    /'broken', makeDataset: tried to change an argument, or another frozen object: .*, at helper\.ts:2\. secret and task are read-only/,
  );
});

describe('a strategy as an adversary', () => {
  test('initModel and getOptimizerConfig do not see what makeDataset was told', async () => {
    const spy = `${IMPORTS}import { parentPort } from 'node:worker_threads';
      const told = []; parentPort.on('message', (message) => told.push(message));
      const good = { ${BODY} };
      export default { name: 'spy', ...good,
        makeDataset(secret, task, seed) {
          told.push(secret); globalThis.told = secret; process.env.TOLD = secret.join();
          Array.prototype.told = secret;
          return good.makeDataset(secret, task, seed);
        },
        initModel() { throw new Error(JSON.stringify([told, globalThis.told, process.env.TOLD, [].told])); },
      };`;
    const host = await startFile('spy.mjs', spy);
    await host.call('optimizer', task);
    await host.call('dataset', task, secret, 7);
    const said = await host.call('weights', task, 9).catch(({ message }) => JSON.stringify(message));
    const calls = [
      { id: 1, call: 'optimizer', args: [task] },
      { id: 2, call: 'weights', args: [task, 9] },
    ];
    expect(said).toContain(JSON.stringify(JSON.stringify([calls, null, null, null])).slice(1, 290));
    expect(said).not.toContain(secret.join());
  });

  test('forged answers are judged as its own, and junk is nothing', async () => {
    const dataset = [task, secret, 7] as const;
    const weights = [task, 7] as const;
    const cases: [forged: string, call: 'dataset' | 'weights' | 'optimizer', reason: RegExp][] = [
      ['null', 'dataset', /makeDataset: its thread answered with null/],
      ['{ rows: 1, x: [0], y: [1] }', 'dataset', /answered with an array/],
      ['{ rows: 9e9, x: new Uint32Array(1), y: new Uint32Array(1) }', 'dataset', /bits that are no dataset/],
      [
        '{ rows: 1, x: Uint32Array.of(1 << 12), y: Uint32Array.of(1) }',
        'dataset',
        /x has bits set beyond column 11/,
      ],
      [
        '{ rows: 1, x: new Uint32Array(new SharedArrayBuffer(4)), y: Uint32Array.of(1) }',
        'dataset',
        /shared memory/,
      ],
      ['{ w1: new Float32Array(3), b1: 0, w2: 0, b2: 0 }', 'weights', /initModel: .*another size/],
      ['{ w1: new Float32Array(192).fill(NaN), b1: 0, w2: 0, b2: 0 }', 'weights', /w1.data\[0\] as NaN/],
      ['{ lr: NaN, weightDecay: 0, betas: [0.9, 0.9] }', 'optimizer', /getOptimizerConfig: lr is NaN/],
    ];
    const text = `${IMPORTS}import { parentPort } from 'node:worker_threads';
      const junk = [null, 7, 'x', {}, { id: 'x' }, { id: 99, answer: 1 }, [], { fault: undefined, id: 5 }];
      for (const message of junk) parentPort.postMessage(message);
      const forged = { ${['dataset', 'weights', 'optimizer'].map((kind) => `${kind}: [${cases.filter(([, call]) => call === kind).map(([text]) => text)}]`)} };
      parentPort.on('message', ({ id, call }) => parentPort.postMessage({ id, answer: forged[call].shift() }));
      export default { name: 'forger', ${BODY} };`;
    const host = await startThread('forger.mjs', text);
    const args = { optimizer: [task], dataset, weights };
    for (const [, call, reason] of cases) {
      await expect(host.call(call, ...(args[call] as never))).rejects.toThrow(
        expect.objectContaining({ code: 'bad-input', message: expect.stringMatching(reason) }),
      );
    }
  });

  test('built-in objects that it changes are its own loss: the answer is refused or is a dataset', async () => {
    const text = broken(`makeDataset(secret, task) {
        Math.random = () => 0.5; Object.freeze = (x) => x; Number.isFinite = () => true; Number.isSafeInteger = () => true;
        Array.prototype.map = function () { return []; }; Array.isArray = () => true;
        Uint32Array.prototype.fill = () => 1; Generator.prototype.random32 = () => 4;
        return { x: [[0, 2, NaN]], y: [7] };
      },`);
    const host = await startFile('patches.mjs', text);
    const before = JSON.stringify([Math.random.name, [1].map(String), Number.isFinite(Number.NaN)]);
    await expect(host.call('dataset', task, secret, 7)).rejects.toMatchObject({ code: 'bad-input' });
    expect(JSON.stringify([Math.random.name, [1].map(String), Number.isFinite(Number.NaN)])).toBe(before);
    expect(await host.call('optimizer', task)).toEqual({ lr: 1e-3, weightDecay: 0, betas: [0.9, 0.999] });
  });
});

test('lockstep-gpu/bench is this library from any folder: in modules that are imported, and by require', async () => {
  const deep = mkdtempSync(join(tmpdir(), 'elsewhere-'));
  writeFileSync(join(deep, 'package.json'), '{ "type": "commonjs" }');
  writeFileSync(
    join(deep, 'rows.ts'),
    `import { BitMatrix } from 'lockstep-gpu/bench'; export const rows: BitMatrix = new BitMatrix(3, 12);`,
  );
  writeFileSync(
    join(deep, 'old.cjs'),
    `const { parity } = require('lockstep-gpu/bench'); module.exports = { parity };`,
  );
  writeFileSync(
    join(deep, 'mine.js'),
    `import { rows } from './rows'; import { parity } from './old.cjs';
    export default { name: 'mine', initModel() {}, getOptimizerConfig: () => ({ lr: 1, wd: 0, beta1: 0.5, beta2: 0.5 }),
      makeDataset: (secret) => ({ x: rows, y: parity(rows, secret) }) };`,
  );
  const host = await start(join(deep, 'mine.js'));
  for (let i = 0; i < 2; i++) expect((await host.call('dataset', task, secret, i)).x.rows).toBe(3); // the same bits again
});

test('what is compiled is kept nowhere: a file in jiti’s place is not run', async () => {
  const before = existsSync(join(tmpdir(), 'jiti')) ? readdirSync(join(tmpdir(), 'jiti')) : [];
  await startThread('uncached-strategy.ts', `${IMPORTS}export default { name: 'mine', ${BODY} };`);
  const after = existsSync(join(tmpdir(), 'jiti')) ? readdirSync(join(tmpdir(), 'jiti')) : [];
  expect(after.filter((name) => name.includes('uncached-strategy') && !before.includes(name))).toEqual([]);
});

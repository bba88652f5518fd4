/**
 * The evaluation in this process: what is asked of a strategy and when, in which order runs reach the trainer, and how
 * it ends early. Models of 16 hidden units; the arithmetic is tested with the trainer.
 */
import { afterAll, expect, test } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { Evaluation, evaluate } from '../../src/bench/evaluate.js';
import type { EvaluationCheckpoint, EvaluationEvent } from '../../src/bench/events.js';
import { strategyNamed } from '../../src/bench/strategies/index.js';
import type { Strategy } from '../../src/bench/strategy.js';
import { localStrategy, type StrategyHost } from '../../src/bench/strategy-host.js';
import { makeTask } from '../../src/bench/task.js';
import { BitMatrix, BitVector } from '../../src/tensor/bits.js';

const device = await openDevice();
afterAll(() => device.destroy());

const tiny = { hiddenWidth: 16, secrets: 3, orders: 2, maxSteps: 30, logInterval: 10, testSetSize: 32 };
const task = makeTask('n8-k2', 'smoke', tiny);

/** `starter`, with a note of each call. */
function watched(calls: string[], changes: Partial<Strategy> = {}): Strategy {
  const base = { ...strategyNamed('starter'), ...changes };
  return {
    ...base,
    initModel(model, task) {
      calls.push(`init ${model.generator.seed}`);
      base.initModel(model, task);
    },
    makeDataset(secret, task, seed) {
      calls.push(`data ${seed}`);
      return base.makeDataset(secret, task, seed);
    },
  };
}

async function collect(events: AsyncGenerator<EvaluationEvent>): Promise<EvaluationEvent[]> {
  const all: EvaluationEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

test('all runs, with the seeds of the protocol, and a summary at the end', async () => {
  const calls: string[] = [];
  const events = await collect(evaluate(device, watched(calls), { task, seed: 5 }));
  expect(new Set(calls)).toEqual(
    new Set(
      [0, 1, 2].flatMap((s) => [
        `data ${50_000 + s}`,
        ...[0, 1].map((o) => `init ${5_000_000 + 1000 * s + o}`),
      ]),
    ),
  );
  const last = events.at(-1);
  if (last?.type !== 'end') throw new Error('the last event is the summary');
  expect(last.summary).toMatchObject({
    strategy: 'starter',
    seed: 5,
    complete: true,
    metrics: { num_runs: 6, mean_steps: 30 },
  });
  const plans = events.flatMap((event) => (event.type === 'plan' ? [event.kernel] : []));
  expect(plans.length).toBeGreaterThan(0);
  expect(last.summary.kernels).toEqual([...new Set(plans)]);
  const steps = (secret: number, order: number) =>
    events.flatMap((event) =>
      event.type === 'window' && event.secret === secret && event.order === order ? [event.step] : [],
    );
  for (const s of [0, 1, 2]) for (const o of [0, 1]) expect(steps(s, o)).toEqual([1, 10, 20, 30]);
  expect(events.filter((event) => event.type === 'dataset')).toHaveLength(3);
});

test('small data and weights are all made and checked before anything is trained', async () => {
  const bad = {
    initModel: (model: Parameters<Strategy['initModel']>[0]) =>
      void (model.generator.seed === 42_002_001 && model.hidden.bias.data.fill(Number.NaN)),
  };
  await expect(Evaluation.prepare({ ...strategyNamed('starter'), ...bad }, task)).rejects.toThrow(
    /Strategy 'starter', initModel: left model.hidden.bias.data\[0\] as NaN/,
  );
  const calls: string[] = [];
  await Evaluation.prepare(watched(calls), task);
  expect(calls.filter((call) => call.startsWith('data'))).toHaveLength(3);
  expect(new Set(calls.filter((call) => call.startsWith('init')))).toHaveLength(6);
});

test('large data is made secret by secret, while the device trains', async () => {
  // 4 million rows of one word: 16 MB, and 8 secrets of it are above what is made ahead.
  const rows = 4_000_000;
  const large = makeTask('n8-k2', 'smoke', { ...tiny, secrets: 8, orders: 1 });
  const calls: string[] = [];
  const makeDataset = () => ({ x: new BitMatrix(rows, 8), y: new BitVector(rows) });
  const evaluation = await Evaluation.prepare(watched(calls, { makeDataset }), large);
  expect(calls.filter((call) => call.startsWith('data'))).toHaveLength(1);
  const events = await collect(evaluation.train(device));
  expect(calls.filter((call) => call.startsWith('data'))).toHaveLength(8);
  expect(events.filter((event) => event.type === 'run')).toHaveLength(8);
});

test('a signal ends it: the summary covers what had finished', async () => {
  const long = makeTask('n8-k2', 'smoke', { ...tiny, maxSteps: 1_000_000, minStepsBeforeStop: 1_000_000 });
  const controller = new AbortController();
  const evaluation = await Evaluation.prepare(strategyNamed('starter'), long);
  const events: EvaluationEvent[] = [];
  for await (const event of evaluation.train(device, { signal: controller.signal })) {
    events.push(event);
    if (event.type === 'window') controller.abort();
  }
  expect(events.at(-1)).toMatchObject({
    type: 'end',
    summary: { complete: false, metrics: { num_runs: 0 } },
  });
});

test('goes on from a checkpoint: the events before it again, then the rest, to the same summary', async () => {
  const starter = strategyNamed('starter');
  const whole = await collect(evaluate(device, starter, { task }));
  const events: EvaluationEvent[] = [];
  let resume: EvaluationCheckpoint | undefined;
  for await (const event of evaluate(device, starter, { task, checkpointSeconds: 1e-6 })) {
    if (event.type === 'checkpoint') resume = structuredClone(event.checkpoint);
    if (resume?.runs.some(({ checkpoint }) => checkpoint.steps > 10)) break;
  }
  for await (const event of evaluate(device, starter, { task, resume })) events.push(event);
  expect(events.at(-1)).toEqual(whole.at(-1));
  // A kernel that had no run left by the checkpoint stays in the summary.
  const earlier = { ...resume!, kernels: ['portable', 'subgroup'] } as EvaluationCheckpoint;
  const again = (await collect(evaluate(device, starter, { task, resume: earlier }))).at(-1);
  expect(again?.type === 'end' && again.summary.kernels).toEqual(expect.arrayContaining(earlier.kernels));
  const windows = (all: EvaluationEvent[]) =>
    all
      .filter((event) => event.type === 'window')
      .map((event) => Object.values(event).join())
      .sort();
  expect(windows(events)).toEqual(windows(whole));
});

test('refuses the checkpoint of another evaluation before anything is trained', async () => {
  let resume: EvaluationCheckpoint | undefined;
  for await (const event of evaluate(device, strategyNamed('starter'), { task, checkpointSeconds: 1e-6 })) {
    if (event.type !== 'checkpoint') continue;
    resume = event.checkpoint;
    break;
  }
  const other = collect(evaluate(device, strategyNamed('starter'), { task, seed: 43, resume }));
  await expect(other).rejects.toThrow(/The checkpoint is of another evaluation: seed was 42 and is 43/);
});

test('a resume names what was changed: source, optimizer, kernel or dataset', async () => {
  const local = (changes: Partial<Strategy> = {}) =>
    localStrategy({ ...strategyNamed('starter'), ...changes });
  const source = { 'mine.ts': 'aa', 'rows.ts': 'bb' };
  let resume: EvaluationCheckpoint | undefined;
  const options = { task, checkpointSeconds: 1e-6 };
  for await (const event of evaluate(device, { ...local(), source }, options)) {
    if (event.type === 'checkpoint') resume = structuredClone(event.checkpoint);
    if (resume?.runs.some(({ checkpoint }) => checkpoint.steps > 10)) break;
  }
  expect(resume?.fingerprint).toMatchObject({
    source,
    kernel: 'auto',
    datasets: Array(3).fill(expect.stringMatching(/^[0-9a-f]{64}$/)),
  });
  const again = (host: StrategyHost, more = {}) => collect(evaluate(device, host, { task, resume, ...more }));
  const refused = (host: StrategyHost, reason: RegExp, more = {}) =>
    expect(again(host, more)).rejects.toThrow(
      expect.objectContaining({ code: 'bad-input', message: expect.stringMatching(reason) }),
    );
  await refused({ ...local(), source: { ...source, 'rows.ts': 'cc' } }, /: source rows\.ts was changed\. /);
  await refused({ ...local(), source }, /: kernel was auto and is portable\. /, { kernel: 'portable' });
  const getOptimizerConfig = () => ({ lr: 0.5, wd: 0.01, beta1: 0.9, beta2: 0.999 });
  await refused({ ...local({ getOptimizerConfig }), source }, /: optimizer lr was 0\.001 and is 0\.5\. /);
  const makeDataset: Strategy['makeDataset'] = (secret, task, seed) =>
    strategyNamed('starter').makeDataset(secret, task, seed === 420_002 ? seed + 1 : seed);
  await refused({ ...local({ makeDataset }), source }, /: the dataset of secret 2 is another\. /);
  // Data that is too large to be made ahead is compared when it is made.
  const evaluation = await Evaluation.prepare({ ...local(), source }, task);
  const { fingerprint } = resume!;
  const other = {
    ...resume!,
    fingerprint: { ...fingerprint, datasets: [fingerprint.datasets[0], null, null] },
  };
  expect(() => evaluation.resume(other)).not.toThrow();
  expect(evaluation.fingerprint().datasets).toEqual(fingerprint.datasets);
});

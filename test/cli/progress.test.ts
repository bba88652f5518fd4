/**
 * The figures of the progress line, with time given from outside; and the order of the scaffold's log lines.
 */
import pc from 'picocolors';
import { expect, test } from 'vitest';
import type { EvaluationEvent } from '../../src/bench/events.js';
import { metricsOf } from '../../src/bench/summary.js';
import { makeTask } from '../../src/bench/task.js';
import { LogWriter } from '../../src/cli/log-writer.js';
import { describeTally, Tally } from '../../src/cli/progress.js';
import { duration } from '../../src/cli/style.js';

const work = { title: 'starter n32-k8', secrets: 2, orders: 2, maxSteps: 1000 };
const plan: EvaluationEvent = { type: 'plan', kernel: 'portable', features: 32, runsAtOnce: 4 };

const progress = (steps: number): EvaluationEvent => ({ type: 'progress', steps, running: 4 });

const window = (run: number, step: number, loss: number): EvaluationEvent => ({
  type: 'window',
  secret: run >> 1,
  order: run & 1,
  step,
  loss,
  accuracy: 0.5,
});

const finish = (run: number, steps: number): EvaluationEvent => ({
  type: 'run',
  result: { secretIndex: run >> 1, orderIndex: run & 1, steps, testAccuracy: 1 },
});

test('steps a second, median loss and the bound on the time left', () => {
  const tally = new Tally(work);
  tally.add(plan, 0);
  for (const run of [0, 1, 2, 3]) tally.add(window(run, 100, run + 1), 1000);
  tally.add(progress(400), 1000);
  expect(tally.stepsPerSecond()).toBe(400);
  expect(tally.medianLoss()).toBe(2.5);
  expect(tally.timeLeft()).toEqual({ seconds: 3600 / 400, bound: true });
  const plain = pc.createColors(false);
  expect(describeTally(tally, plain)).toBe(
    'starter n32-k8  0/4 runs · 400 steps/s · median loss 2.50 · at most 9 s left',
  );
});

test('finished runs tell how long the others take; a loss that is no number does not hide the others', () => {
  const tally = new Tally(work);
  tally.add(plan, 0);
  tally.add(window(0, 500, Number.NaN), 1000);
  tally.add(window(1, 500, 0.25), 1000);
  tally.add(progress(1000), 1000);
  tally.add(finish(1, 500), 1000);
  expect(tally.medianLoss()).toBe(0.25);
  // Four runs of 500 steps, 1000 of them done at 1000 a second.
  expect(tally.timeLeft()).toEqual({ seconds: 1, bound: false });
});

test('the rate follows the last seconds, not the whole run', () => {
  const tally = new Tally(work);
  tally.add(plan, 0);
  tally.add(progress(100_000), 10_000);
  for (let second = 11; second <= 40; second++)
    tally.add(progress(100_000 + 10 * (second - 10)), 1000 * second);
  expect(tally.stepsPerSecond()).toBe(10);
});

test('nothing is known before the first window', () => {
  const tally = new Tally(work);
  expect(tally.timeLeft()).toBeUndefined();
  expect(describeTally(tally, pc.createColors(false))).toBe('starter n32-k8  0/4 runs · preparing');
});

test.each([
  [0.4, '0 s'],
  [59.4, '59 s'],
  [60, '1:00'],
  [3599, '59:59'],
  [3661, '1:01:01'],
])('%d seconds are %s', (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

test('log lines come in run order, whatever the order of the events', () => {
  const lines: string[] = [];
  const task = makeTask('n32-k8', 'smoke');
  const log = new LogWriter(task, (line) =>
    lines.push(line.replace(/ (loss|test_accuracy|num_examples|N)=.*/, '')),
  );
  log.note({ type: 'dataset', secret: 0, examples: 10, positiveRate: 0.5 });
  log.note({ type: 'dataset', secret: 1, examples: 10, positiveRate: 0.5 });
  for (const run of [2, 3, 1, 0]) log.note(window(run, 1, 1));
  log.note(finish(1, 1));
  expect(lines).toEqual(['TASK_CONFIG']);
  log.note(finish(0, 1));
  log.note(finish(3, 1)); // run 2 never ends: an interrupt
  log.end({ metrics: metricsOf([]) } as Parameters<LogWriter['end']>[0]);
  expect(lines).toEqual([
    'TASK_CONFIG',
    'DATASET_METRICS secret=0',
    'TRAIN_METRICS secret=0 order=0 step=1',
    'RUN_METRICS secret=0 order=0 steps=1',
    'TRAIN_METRICS secret=0 order=1 step=1',
    'RUN_METRICS secret=0 order=1 steps=1',
    'DATASET_METRICS secret=1',
    'TRAIN_METRICS secret=1 order=1 step=1',
    'RUN_METRICS secret=1 order=1 steps=1',
    'FINAL_METRICS',
    'TEST_METRICS',
  ]);
});

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

const work = {
  title: 'starter n32-k8',
  secrets: 2,
  orders: 2,
  maxSteps: 1000,
  minStepsBeforeStop: 100,
  earlyStopWindows: 2,
  logInterval: 100,
};
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

test('steps a second, median loss, and the step while nothing tells the time left', () => {
  const tally = new Tally(work);
  tally.add(plan, 0);
  tally.add(progress(0), 5000); // shaders were compiled: no steps, and no part of the rate
  for (const run of [0, 1, 2, 3]) tally.add(window(run, 100, run + 1), 6000);
  tally.add(progress(400), 6000);
  expect(tally.stepsPerSecond()).toBe(400);
  expect(tally.medianLoss()).toBe(2.5);
  expect(tally.secondsLeft()).toBeUndefined();
  const plain = pc.createColors(false);
  expect(describeTally(tally, plain)).toBe(
    'starter n32-k8  0/4 runs · 400 steps/s · median loss 2.50 · step 100 of at most 1,000',
  );
});

test('finished runs tell how long the others take; a loss that is no number does not hide the others', () => {
  const tally = new Tally(work);
  tally.add(plan, 0);
  tally.add(progress(0), 1000);
  for (const run of [0, 2, 3]) tally.add(window(run, 100, Number.NaN), 2000);
  tally.add(window(1, 500, 0.25), 2000);
  tally.add(progress(800), 2000);
  tally.add(finish(1, 500), 2000);
  expect(tally.medianLoss()).toBe(0.25);
  // Three runs have 400 of 500 steps left, at 800 a second.
  expect(tally.secondsLeft()).toBe(1.5);
  expect(describeTally(tally, pc.createColors(false))).toMatch(/ · about 2 s left$/);
});

/** An evaluation on a device that does so many steps a second, of so many runs at once, after a start that takes a while. */
function* recorded(
  steps: readonly number[],
  {
    rate,
    slots,
    startMs,
    windowSteps,
  }: { rate: number; slots: number; startMs: number; windowSteps: number },
): Generator<{ at: number; event: EvaluationEvent }> {
  let at = 200;
  yield { at, event: { ...plan, runsAtOnce: slots } as EvaluationEvent };
  at += startMs;
  const waiting = steps.map((left, run) => ({ run, left, done: 0 }));
  let under = waiting.splice(0, slots);
  let all = 0;
  while (under.length > 0) {
    const chunk = Math.min(50, ...under.map(({ left }) => left));
    at += (1000 * chunk * under.length) / rate;
    all += chunk * under.length;
    for (const run of under) {
      run.left -= chunk;
      run.done += chunk;
      if (run.done % windowSteps === 0 || run.left === 0) yield { at, event: window(run.run, run.done, 0.1) };
      if (run.left === 0) yield { at, event: finish(run.run, run.done) };
    }
    under = under.filter(({ left }) => left > 0);
    under.push(...waiting.splice(0, slots - under.length));
    yield { at, event: { type: 'progress', steps: all, running: under.length } };
  }
}

const many = (of: (run: number) => number) =>
  Array.from({ length: 100 }, (_, run) => 50 * Math.round(of(run) / 50));
const together = { rate: 10_000, slots: 100, startMs: 3000, windowSteps: 250 };
const inWaves = { ...together, slots: 10 };

test.each([
  ['all stop at the same step', many(() => 1750), together, false],
  ['all stop at the same step, in waves', many(() => 1750), inWaves, true],
  ['spread by half, all at once', many((run) => 1750 + 10 * ((run * 37) % 100)), together, true],
  ['spread by half, in waves', many((run) => 1750 + 10 * ((run * 37) % 100)), inWaves, true],
  ['some stop, most never do', many((run) => (run % 10 === 0 ? 1750 : 100_000)), together, false],
  ['one in a hundred stops', many((run) => (run === 50 ? 1750 : 100_000)), together, false],
  ['a long start', many((run) => 1750 + 10 * run), { ...together, startMs: 60_000 }, true],
])('time left is within a factor of 3 of the truth whenever it is shown: %s', (_, steps, device, isShown) => {
  const events = [...recorded(steps, device)];
  const end = events.at(-1)!.at;
  const tally = new Tally({
    ...work,
    secrets: 50,
    maxSteps: 100_000,
    minStepsBeforeStop: 1000,
    logInterval: 250,
  });
  let shown = 0;
  for (const { at, event } of events) {
    tally.add(event, at);
    const left = tally.secondsLeft();
    const truth = (end - at) / 1000;
    // Events of one moment come together, and the display is drawn between them.
    if (event.type !== 'progress' || left === undefined || truth < 1) continue; // of the last second one is told half a second too many
    shown++;
    expect(left / truth, `at ${at}`).toBeGreaterThan(1 / 3);
    expect(left / truth, `at ${at}`).toBeLessThan(3);
  }
  expect(shown > 0).toBe(isShown);
});

test('where no run can stop before its last step, the time left is known from the first seconds on', () => {
  const events = [
    ...recorded(
      many(() => 10_000),
      together,
    ),
  ];
  const end = events.at(-1)!.at;
  const tally = new Tally({
    ...work,
    secrets: 50,
    maxSteps: 10_000,
    minStepsBeforeStop: 10_000,
    logInterval: 250,
  });
  for (const { at, event } of events) {
    tally.add(event, at);
    const left = tally.secondsLeft();
    if (event.type !== 'progress' || at < 200 + 3000 + 1500 || end - at < 1000) continue;
    expect(left! / ((end - at) / 1000)).toBeGreaterThan(0.7);
    expect(left! / ((end - at) / 1000)).toBeLessThan(1.5);
  }
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
  expect(tally.secondsLeft()).toBeUndefined();
  expect(describeTally(tally, pc.createColors(false))).toBe('starter n32-k8  0/4 runs · preparing');
  const stuck = new Tally({ ...work, running: () => 'makeDataset' });
  expect(describeTally(stuck, pc.createColors(false))).toContain('preparing: makeDataset is running');
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
  log.add({ type: 'dataset', secret: 0, examples: 10, positiveRate: 0.5 });
  log.add({ type: 'dataset', secret: 1, examples: 10, positiveRate: 0.5 });
  for (const run of [2, 3, 1, 0]) log.add(window(run, 1, 1));
  log.add(finish(1, 1));
  expect(lines).toEqual(['TASK_CONFIG']);
  log.add(finish(0, 1));
  log.add(finish(3, 1)); // run 2 never ends: an interrupt
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

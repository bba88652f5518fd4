/**
 * Evaluations whose device is lost, in every phase and at random moments: the summary, the windows and the checkpoints are those
 * of an evaluation that nothing happened to. How a training is recovered is tested with the trainer.
 */
import { afterEach, expect, test, vi } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { type EvaluateOptions, evaluate } from '../../src/bench/evaluate.js';
import type { EvaluationCheckpoint, EvaluationEvent } from '../../src/bench/events.js';
import { strategyNamed } from '../../src/bench/strategies/index.js';
import { summaryText } from '../../src/bench/summary-file.js';
import { makeTask } from '../../src/bench/task.js';
import { Staged } from '../../src/gpu/staging.js';
import { Scorer } from '../../src/kernels/train/scoring.js';
import { Slot } from '../../src/lockstep/slots.js';
import { onceAfter } from '../lockstep/once-after.js';
import fc from '../properties.js';

const tiny = { hiddenWidth: 16, secrets: 2, orders: 2, maxSteps: 60, logInterval: 10, testSetSize: 32 };
const task = makeTask('n8-k2', 'smoke', tiny);
const saving = { checkpointSeconds: 1e-6 };

let lose = () => {};
afterEach(() => vi.restoreAllMocks());

interface Evaluated {
  json: string;
  /** Windows in the order of runs and steps; none comes twice. */
  windows: string[];
  lost: number;
  checkpoints: EvaluationCheckpoint[];
}

async function evaluated(
  options: Partial<EvaluateOptions> = {},
  at: (event: EvaluationEvent) => void = () => {},
): Promise<Evaluated> {
  const device = await openDevice();
  lose = () => device.gpu.destroy();
  const result: Evaluated = { json: '', windows: [], lost: 0, checkpoints: [] };
  const recover = { waitSeconds: 0, checkpointSeconds: 0.01 };
  for await (const event of evaluate(device, strategyNamed('starter'), { task, recover, ...options })) {
    if (event.type === 'recovered') lose = () => event.device.gpu.destroy();
    if (event.type === 'lost') result.lost++;
    if (event.type === 'window') result.windows.push(JSON.stringify(event));
    if (event.type === 'checkpoint') result.checkpoints.push(structuredClone(event.checkpoint));
    if (event.type === 'end') result.json = summaryText(event.summary);
    at(event);
  }
  result.windows.sort();
  device.destroy();
  return result;
}

const { json, windows } = await evaluated();

const once = (type: EvaluationEvent['type']) => {
  let isLost = false;
  return (event: EvaluationEvent) => {
    if (event.type !== type || isLost) return;
    isLost = true;
    lose();
  };
};

const loseAt = (prototype: object, method: string) => onceAfter(prototype, method, () => lose());

const PHASES: [string, (() => void)?, ((event: EvaluationEvent) => void)?, Partial<EvaluateOptions>?][] = [
  ['while runs are admitted', () => loseAt(Slot.prototype, 'load')],
  ['while a chunk trains', () => loseAt(Staged.prototype, 'wait')],
  ['while runs are scored', () => loseAt(Scorer.prototype, 'accuracies')],
  ['while a checkpoint is read', () => loseAt(Slot.prototype, 'save'), undefined, saving],
  ['after a checkpoint', undefined, once('checkpoint'), saving],
  ['when a kernel is there', undefined, once('plan')],
  ['between two chunks', undefined, once('progress')],
];
test.each(PHASES)('lost %s: the same bytes', async (_phase, before = () => {}, at, options) => {
  before();
  const result = await evaluated(options, at);
  expect(result.lost).toBe(1);
  expect(result.json).toBe(json);
  expect(result.windows).toEqual(windows);
});

test('lost at random moments: the same bytes, and so from each checkpoint that was made', async () => {
  const kinds = ['plan', 'progress', 'window', 'checkpoint', 'run'] as const;
  let lost = 0;
  const moments = fc.asyncProperty(
    fc.constantFrom(...kinds),
    fc.integer({ min: 1, max: 12 }),
    fc.nat(1000),
    async (kind, after, which) => {
      let left = after;
      const result = await evaluated(saving, ({ type }) => {
        if (type === kind && --left % 5 === 0) lose();
      });
      lost += result.lost;
      expect(result.json).toBe(json);
      expect(result.windows).toEqual(windows);
      const resume = result.checkpoints[which % result.checkpoints.length];
      const resumed = await evaluated({ resume });
      expect(resumed.json).toBe(json);
      expect(resumed.windows).toEqual(windows);
    },
  );
  await fc.assert(moments, { numRuns: 4 });
  expect(lost).toBeGreaterThan(0);
});

test('a loss is an error where it is not to be recovered', async () => {
  await expect(evaluated({ recover: false }, once('window'))).rejects.toMatchObject({ code: 'device-lost' });
});

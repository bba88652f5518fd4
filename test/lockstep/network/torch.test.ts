/**
 * Networks of many shapes, losses, optimizers and schedules against PyTorch's own training of each
 * (test/fixtures/torch/networks_reference.py), all in one call. The fixture says what to train.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Device,
  Generator,
  type LossDescription,
  type NetworkDescription,
  type NetworkRun,
  type OptimizerDescription,
  openDevice,
  optim,
  type ScheduledOptimizer,
  type StepSchedule,
  trainLockstep,
} from '../../../src/index.js';

interface Case {
  seed: number;
  network: NetworkDescription;
  loss: LossDescription;
  optimizer: OptimizerDescription;
  /** The class of `optim` and its settings; those of LambdaLR are the base of a power of the step. */
  schedule: [string, Record<string, unknown>] | null;
  examples: number;
  batchSize: number;
  losses: number[];
  norm: number;
}

const fixture = new URL('../../fixtures/torch/networks.json', import.meta.url);
const { cases, kept, steps }: { cases: Case[]; kept: number[]; steps: number } = JSON.parse(
  readFileSync(fixture, 'utf8'),
);

/** PyTorch's kernels add in other orders: while a trajectory has not spread that stays at the size of rounding errors. */
const FIRST_STEPS = { count: 25, tolerance: 1e-5 };
/**
 * After it, by the share that a loss of this size may be off: a ReLU or a sign that falls on the other side of 0 moves the
 * weights for good, by a learning rate.
 */
const LATER = 2e-2;
const NORM = 2e-3;

type Schedules = Record<string, new (optimizer: ScheduledOptimizer, settings: object) => StepSchedule>;

function scheduleOf([name, settings]: NonNullable<Case['schedule']>): NetworkRun['schedule'] {
  if (name === 'LambdaLR') {
    const lrLambda = (step: number) => (settings.base as number) ** step;
    return (optimizer) => new optim.LambdaLR(optimizer, { lrLambda });
  }
  return (optimizer) => new (optim as unknown as Schedules)[name](optimizer, settings);
}

const kindOf = ({ loss }: Case): string => (typeof loss === 'string' ? loss : loss.type);

function dataOf(one: Case) {
  const generator = new Generator(one.seed + 1000);
  const { inputs, layers } = one.network;
  const outputs = layers[layers.length - 1].units;
  const x = new Float32Array(one.examples * inputs);
  generator.uniform(x, -1, 1);
  const kind = kindOf(one);
  const y = new Float32Array(one.examples * (kind === 'crossEntropy' ? 1 : outputs));
  if (kind === 'crossEntropy') generator.randintFill(y, 0, outputs);
  else if (['bce', 'bceWithLogits', 'hinge'].includes(kind)) generator.randintFill(y, 0, 2);
  else generator.uniform(y, -1, 1);
  return { x, y };
}

const runOf = (one: Case): NetworkRun => ({
  network: one.network,
  data: dataOf(one),
  loss: one.loss,
  optimizer: one.optimizer,
  schedule: one.schedule ? scheduleOf(one.schedule) : undefined,
  batchSize: one.batchSize,
  seed: one.seed,
  orderSeed: one.seed + 2000,
});

let device: Device;
const losses: number[][] = cases.map(() => []);
const norms: number[] = [];

beforeAll(async () => {
  device = await openDevice();
  for await (const event of trainLockstep(device, {
    runs: cases.map(runOf),
    maxSteps: steps,
    logInterval: 1,
  })) {
    if (event.type === 'window') losses[event.run].push(event.loss);
    if (event.type !== 'finish') continue;
    const squares = Object.values(await event.weights()).map(({ data }) =>
      data.reduce((sum, w) => sum + w * w, 0),
    );
    norms[event.run] = Math.sqrt(squares.reduce((a, b) => a + b, 0));
  }
}, 240_000);
afterAll(() => device.destroy());

it('has every class of schedules by step', () => {
  const classes = Object.entries(optim).filter(([, one]) => one.prototype instanceof optim.Schedule);
  const tried = cases.flatMap(({ schedule }) => (schedule ? [schedule[0]] : []));
  expect(new Set(tried)).toEqual(new Set(classes.map(([name]) => name)));
});

describe.each(
  cases.map(
    (one, k) =>
      [`${one.seed}: ${JSON.stringify([one.network, one.loss, one.optimizer, one.schedule])}`, k] as const,
  ),
)('%s', (_, k) => {
  const expected = cases[k].losses;
  const off = (j: number) =>
    Math.abs(losses[k][kept[j] - 1] - expected[j]) / Math.max(1, Math.abs(expected[j]));

  it("has PyTorch's first losses", () => {
    for (let j = 0; j < FIRST_STEPS.count; j++)
      expect(off(j), `step ${kept[j]}`).toBeLessThan(FIRST_STEPS.tolerance);
  });

  it("ends where PyTorch's does", () => {
    expect(losses[k].length).toBe(steps);
    for (let j = FIRST_STEPS.count; j < kept.length; j++)
      expect(off(j), `step ${kept[j]}`).toBeLessThan(LATER);
    expect(Math.abs(norms[k] / cases[k].norm - 1)).toBeLessThan(NORM);
  });
});

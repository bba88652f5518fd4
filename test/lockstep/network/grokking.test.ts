/**
 * Networks that grok (Merrill et al. 2023; examples/grokking.ts shows twenty) beside PyTorch's of the same seeds, data and order
 * (test/fixtures/torch/grokking_reference.py): the same for hundreds of steps, then, as roundings are multiplied by kinks, within
 * the spread of the seeds.
 *
 * One seed goes on until it has grokked; with `GROKKING_SEEDS=20` the first twenty.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BitMatrix, type Device, Generator, openDevice, parity, trainLockstep } from '../../../src/index.js';

interface Curves {
  training: number[];
  test: number[];
}

const fixture = new URL('../../fixtures/torch/grokking.json', import.meta.url);
const { epochs, runs: torch }: { epochs: number[]; runs: Curves[] } = JSON.parse(
  readFileSync(fixture, 'utf8'),
);
const few = process.env.GROKKING_SEEDS === undefined;
/** This one groks first. */
const LONG = few ? [8] : torch.map((_, seed) => seed).slice(0, Number(process.env.GROKKING_SEEDS));
const LAST = few ? 116 : 160;
/** Epochs in which nothing but an output within rounding of 0 may differ. */
const ALIKE = 8;
/** Two of a thousand examples. */
const OUTPUTS_NEAR_ZERO = 0.0021;
/** Three standard errors of an accuracy on a thousand examples: less than this says nothing. */
const NOISE = 0.05;
/** Steps of an epoch. */
const STEPS = Math.ceil(1000 / 32);

let device: Device;
const ours: Curves[] = torch.map(() => ({ training: [], test: [] }));

function bits(examples: number, seed: number) {
  const x = BitMatrix.random(examples, 40, new Generator(seed));
  return { x, y: parity(x, [0, 1, 2]), signs: true };
}

beforeAll(async () => {
  device = await openDevice();
  const training = trainLockstep(device, {
    runs: ours.map((_, seed) => ({
      seed,
      data: bits(1000, 1000 + seed),
      maxSteps: STEPS * (LONG.includes(seed) ? LAST : ALIKE),
    })),
    network: {
      inputs: 40,
      layers: [
        { units: 1000, activation: 'relu' },
        { units: 1, bias: false },
      ],
    },
    loss: 'hinge',
    optimizer: { type: 'sgd', lr: 0.1, weightDecay: 0.01 },
    batchSize: 32,
    logInterval: STEPS,
    evaluate: { data: bits(1000, 1), every: STEPS },
  });
  for await (const event of training) {
    if (event.type !== 'window' && event.type !== 'evaluation') continue;
    if (!epochs.includes(event.step / STEPS)) continue;
    ours[event.run][event.type === 'window' ? 'training' : 'test'].push(event.accuracy);
  }
}, 600_000);
afterAll(() => device.destroy());

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const spread = (values: readonly number[]) =>
  Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)));

it("have PyTorch's accuracies for some epochs, seed by seed", () => {
  expect(epochs[ALIKE - 1]).toBe(ALIKE);
  for (const [seed, { training, test }] of ours.entries()) {
    for (let k = 0; k < ALIKE; k++) {
      const where = `seed ${seed}, epoch ${epochs[k]}`;
      expect(Math.abs(training[k] - torch[seed].training[k]), where).toBeLessThan(OUTPUTS_NEAR_ZERO);
      expect(Math.abs(test[k] - torch[seed].test[k]), where).toBeLessThan(OUTPUTS_NEAR_ZERO);
    }
  }
});

it("know the examples, and then the rule, when PyTorch's networks do", () => {
  for (const seed of LONG) {
    expect(ours[seed].test.length).toBe(epochs.filter((epoch) => epoch <= LAST).length);
    ours[seed].test.forEach((accuracy, k) => {
      const where = `seed ${seed}, epoch ${epochs[k]}`;
      for (const kind of ['training', 'test'] as const) {
        const theirs = torch.map((run) => run[kind][k]);
        // Of many seeds some grok some epochs earlier or later than PyTorch's of the same seed: those count together (below).
        const off = Math.abs(ours[seed][kind][k] - torch[seed][kind][k]);
        if (few) expect(off, `${kind}, ${where}`).toBeLessThan(Math.max(NOISE, spread(theirs)));
      }
      if (epochs[k] >= 48 && epochs[k] < 60) expect(accuracy, where).toBeLessThan(0.6);
      if (epochs[k] >= 48) expect(ours[seed].training[k], where).toBeGreaterThan(0.97);
      if (few && epochs[k] >= 116) expect(accuracy, where).toBeGreaterThan(0.95);
    });
  }
});

/** The largest distance between the shares of two samples that are below a value (Kolmogorov and Smirnov's statistic). */
function distance(a: readonly number[], b: readonly number[]): number {
  const below = (values: readonly number[], most: number) =>
    values.filter((value) => value <= most).length / values.length;
  return Math.max(...[...a, ...b].map((value) => Math.abs(below(a, value) - below(b, value))));
}

if (!few) {
  it("are spread like PyTorch's, and have their mean accuracies", () => {
    for (const [k, epoch] of epochs.entries()) {
      for (const kind of ['training', 'test'] as const) {
        const [got, theirs] = [ours, torch].map((runs) => LONG.map((seed) => runs[seed][kind][k]));
        const where = `${kind}, epoch ${epoch}: ${mean(got)} and ${mean(theirs)}`;
        // Beyond it, one of twenty pairs of samples of one distribution is: 1.36 sqrt(2 / n).
        expect(distance(got, theirs), where).toBeLessThan(1.36 * Math.sqrt(2 / LONG.length));
        // Three standard errors of the difference of two such means, were their seeds not even the same.
        const most = 3 * Math.sqrt((spread(got) ** 2 + spread(theirs) ** 2) / LONG.length);
        expect(Math.abs(mean(got) - mean(theirs)), where).toBeLessThan(Math.max(OUTPUTS_NEAR_ZERO, most));
      }
    }
  });
}

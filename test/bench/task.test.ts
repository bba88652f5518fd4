// Presets, configuration names, seeds and the validation of every field of a task.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { sampleSecrets } from '../../src/bench/secrets.js';
import * as seeds from '../../src/bench/seeds.js';
import { configName, makeTask, parseConfig, presets, type Task } from '../../src/bench/task.js';

describe('makeTask', () => {
  it('is the preset, the configuration and the overrides that are given', () => {
    const task = makeTask('n50-k8', 'smoke', { maxSteps: 10, orders: undefined });
    expect(task).toEqual({ ...presets.smoke, nFeatures: 50, secretSize: 8, maxSteps: 10 });
    expect(configName(task)).toBe('n50-k8');
  });

  it('has the protocol’s presets', () => {
    expect(makeTask('n32-k8')).toMatchObject({
      secrets: 10,
      orders: 10,
      maxSteps: 100_000,
      testSetSize: 16_384,
    });
    expect(presets.scaffold).toMatchObject({ secrets: 5, orders: 3, maxSteps: 30_000, logInterval: 250 });
    expect(presets.smoke).toMatchObject({ logInterval: 100, minStepsBeforeStop: 400, earlyStopWindows: 3 });
  });

  it.each<[Partial<Task>, RegExp]>([
    [{ nFeatures: 0 }, /nFeatures is 0; it must be a whole number of 1 to 1024/],
    [{ nFeatures: 1025 }, /nFeatures is 1025/],
    [{ secretSize: 40 }, /secretSize is 40, but there are only 32 features/],
    [{ secretSize: 0 }, /secretSize is 0/],
    [{ hiddenWidth: 1.5 }, /hiddenWidth is 1.5/],
    [{ batchSize: Number.NaN }, /batchSize is NaN/],
    [{ maxSteps: -1 }, /maxSteps is -1/],
    [{ maxTrainExamples: 0 }, /maxTrainExamples is 0/],
    [{ secrets: 0 }, /secrets is 0/],
    [{ orders: 1001 }, /orders is 1001/],
    [{ testSetSize: 0 }, /testSetSize is 0/],
    [{ logInterval: 0 }, /logInterval is 0/],
    [{ minStepsBeforeStop: -5 }, /minStepsBeforeStop is -5/],
    [{ earlyStopAcc: 1.5 }, /earlyStopAcc is 1.5; it must be above 0 and at most 1/],
    [{ earlyStopAcc: Number.NaN }, /earlyStopAcc is NaN/],
    [{ earlyStopWindows: 0 }, /earlyStopWindows is 0/],
    [{ nFeatures: 5, secretSize: 4, secrets: 6 }, /secrets is 6, but 5 features have only 5 subsets of 4/],
  ])('refuses %o', (overrides, message) => {
    expect(() => makeTask('n32-k8', 'full', overrides)).toThrow(message);
  });

  it('takes as many secrets as there are subsets', () => {
    const task = makeTask('n5-k4', 'full', { secrets: 5 });
    expect(new Set(sampleSecrets(task, 1).map((secret) => secret.join())).size).toBe(5);
  });

  it('refuses other names', () => {
    for (const name of ['n32k8', 'n-k8', 'N32-K8', 'n32-k8 ', '']) {
      expect(() => parseConfig(name)).toThrow(`'${name}'; write nN-kK`);
    }
    expect(() => makeTask('n32-k8', 'huge' as 'full')).toThrow(/'huge'; known are full, scaffold, smoke/);
    expect(() => makeTask('n32-k8', 'toString' as 'full')).toThrow(/Unknown preset/);
  });
});

describe('sampleSecrets', () => {
  it('gives the reference’s secrets', () => {
    const fixtures: { seed: number; secrets: Record<string, number[][]> }[] = JSON.parse(
      readFileSync(new URL('../fixtures/torch/rng.json', import.meta.url), 'utf8'),
    );
    for (const { seed, secrets } of fixtures) {
      for (const [n, expected] of Object.entries(secrets)) {
        expect(sampleSecrets({ nFeatures: Number(n), secretSize: 8, secrets: 10 }, seed)).toEqual(expected);
      }
    }
  });
});

describe('seeds', () => {
  it('are the protocol’s', () => {
    expect(seeds.secretsSeed(42)).toBe(59);
    expect(seeds.trainingSetSeed(42, 3)).toBe(420_003);
    expect(seeds.testSetSeed(42, 3)).toBe(840_003);
    expect(seeds.weightsSeed(42, 3, 7)).toBe(42_003_007);
    expect(seeds.orderSeed(42, 3, 7)).toBe(84_003_007);
  });

  it('keep every digit of the largest top-level seed, and refuse more', () => {
    expect(Number.isSafeInteger(seeds.orderSeed(2 ** 32 - 1, 999, 999))).toBe(true);
    expect(() => seeds.validateSeed(2 ** 32 - 1)).not.toThrow();
    for (const seed of [2 ** 32, -1, 0.5, Number.NaN]) {
      expect(() => seeds.validateSeed(seed)).toThrow(`The seed is ${seed}`);
    }
  });
});

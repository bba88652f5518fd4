// Evaluations by group: the numbers that each group has as a set of its own, whole numbers as before, nothing else changed.
import '../../quick-to-compile.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Device, NetworkLockstepEvent, NetworkLockstepOptions, Sampler } from '../../../src/index.js';
import { Generator, openDevice, samplers, trainLockstep } from '../../../src/index.js';
import { evaluationBatch } from '../../../src/lockstep/network/evaluation.js';
import { NetworkPacer } from '../../../src/lockstep/network/pacer.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());

type Evaluation = Extract<NetworkLockstepEvent, { type: 'evaluation' }>;

async function trained(options: Omit<NetworkLockstepOptions, 'runs'>) {
  const evaluations: Evaluation[] = [];
  let bits: number[] = [];
  for await (const event of trainLockstep(device, {
    runs: [{ seed: 5 }],
    maxSteps: 12,
    batchSize: 8,
    ...options,
  })) {
    if (event.type === 'evaluation') evaluations.push(event);
    if (event.type !== 'finish') continue;
    bits = Object.values(await event.weights()).flatMap(({ data }) => [
      ...new Uint32Array(data.slice().buffer),
    ]);
  }
  return { evaluations, bits };
}

describe('of a dataset', () => {
  const examples = 61;
  const generator = new Generator(9);
  const x = new Float32Array(examples * 3);
  generator.uniform(x, -1, 1);
  // Class 2 is not counted; the fourth group has no examples.
  const y = Array.from({ length: examples }, (_, k) => k % 3);
  const groups = Array.from({ length: examples }, (_, k) => (k * k) % 5);
  const rows = Array.from({ length: examples }, (_, k) => [...x.slice(3 * k, 3 * k + 3)]);
  const loss = { type: 'crossEntropy' as const, ignoreIndex: 2 };
  const network = { inputs: 3, layers: [{ units: 7, activation: 'tanh' as const }, { units: 3 }] };
  const data = { x, y };
  const settings = { network, data, loss };

  it('each group has the numbers that it has as a set of its own, and training its bits', async () => {
    const grouped = await trained({ ...settings, evaluate: { data, every: 6, groups } });
    expect(grouped.evaluations.map(({ step }) => step)).toEqual([6, 12]);
    for (const group of [0, 1, 4]) {
      const own = groups.flatMap((g, k) => (g === group ? [k] : []));
      const set = { x: own.map((k) => rows[k]), y: own.map((k) => y[k]) };
      const alone = await trained({ ...settings, evaluate: { data: set, every: 6 } });
      expect(alone.bits).toEqual(grouped.bits);
      grouped.evaluations.forEach((evaluation, e) => {
        const { loss: l, accuracy } = alone.evaluations[e];
        expect(evaluation.groups![group]).toEqual({ examples: own.length, loss: l, accuracy });
      });
    }
    for (const { groups: parts } of grouped.evaluations) {
      expect(parts!.map((part) => part.examples)).toEqual([13, 24, 0, 0, 24]);
      expect(parts![2]).toEqual({ examples: 0, loss: Number.NaN, accuracy: Number.NaN });
    }
  });

  it('the whole set has the mean of its groups, a little off the one in the order of the set by rounding', async () => {
    const grouped = await trained({
      ...settings,
      evaluate: { data, every: 6, groups: Uint8Array.from(groups) },
    });
    const whole = await trained({ ...settings, evaluate: { data, every: 6 } });
    whole.evaluations.forEach(({ loss: l, accuracy }, e) => {
      expect(grouped.evaluations[e].accuracy).toBe(accuracy);
      expect(Math.abs(grouped.evaluations[e].loss - l)).toBeLessThan(1e-6);
    });
  });

  it('has the same bits in pieces of any length: on a GPU none may last long', async () => {
    // A gradient takes sets of which every example counts.
    const probed = {
      network,
      data,
      loss: 'crossEntropy' as const,
      probes: ['gradientNorm', 'norms'] as const,
    };
    const evaluated = () => trained({ ...probed, evaluate: { data, every: 6, groups, keepBest: true } });
    const whole = await evaluated();
    for (const work of [0, 15_000, 50_000]) {
      vi.spyOn(NetworkPacer.prototype, 'mostWork', 'get').mockReturnValue(work);
      expect(await evaluated()).toEqual(whole);
    }
    vi.restoreAllMocks();
  });

  it('refuses groups that do not fit, by name', async () => {
    const refused = (bad: unknown) => trained({ ...settings, evaluate: { data, groups: bad as number[] } });
    await expect(refused([0, 1])).rejects.toThrow(
      'run 0: evaluate: the length of groups is the number 2; the group of',
    );
    await expect(refused(groups.map((g) => g - 0.5))).rejects.toThrow('groups[0] is the number -0.5');
    await expect(refused('class')).rejects.toThrow('evaluate: groups is the text');
  });
});

describe('of runs with small batches', () => {
  const generator = new Generator(3);
  const x = new Float32Array(75 * 5);
  generator.uniform(x, -1, 1);
  const y = Array.from({ length: 75 }, (_, k) => k % 2);
  const groups = Array.from({ length: 75 }, (_, k) => k % 3);
  const network = { inputs: 5, layers: [{ units: 9, activation: 'gelu' as const }, { units: 1 }] };
  const fresh = samplers.parity({ inputs: 5, secret: [1, 3] });
  // Weights that stay: the evaluations are those of one network.
  const still = { optimizer: { type: 'sgd' as const, lr: 0 }, loss: 'bceWithLogits' as const };
  const probes = ['gradientNorm', 'activeUnits', { parities: [[0, 1]] }] as const;
  const looks: NonNullable<NetworkLockstepOptions['evaluate']>[] = [
    { data: { x, y } },
    { data: { x, y }, groups },
    { data: fresh, examples: 75 },
  ];

  it('has the numbers that they have in larger ones, as it takes larger ones itself', async () => {
    for (const evaluate of looks) {
      const all = await Promise.all(
        [1, 7, 31, 75].map((batchSize) =>
          trained({ network, data: { x, y }, ...still, probes, batchSize, maxSteps: 2, evaluate }),
        ),
      );
      const numbers = all.map(({ evaluations: [one] }) => [
        ...[one.loss, one.accuracy, one.probes!.gradientNorm!.all],
        ...(one.groups ?? []).flatMap(({ loss, accuracy }) => [loss, accuracy]),
        ...one.probes!.activeUnits![0].units,
        ...one.probes!.parities!.flat(),
      ]);
      for (const few of numbers)
        for (const [k, value] of few.entries()) expect(value).toBeCloseTo(numbers[3][k], 6);
    }
  });

  it('takes batches of 32 where there are as many examples', () => {
    const of = (...sizes: number[]) =>
      ({ sections: sizes.map((size) => ({ examples: size })) }) as unknown as Parameters<
        typeof evaluationBatch
      >[0];
    expect(evaluationBatch(undefined, 1)).toBe(1);
    expect([of(75), of(5, 40), of(4), of(1)].map((one) => evaluationBatch(one, 1))).toEqual([32, 32, 4, 1]);
    expect([of(75), of(5)].map((one) => evaluationBatch(one, 48))).toEqual([48, 48]);
  });
});

describe('of samplers', () => {
  // Each sampler is another kernel to compile.
  const options = {
    bits: 6,
    secrets: [
      [0, 1],
      [2, 5],
    ],
  };
  const tasks = options.secrets.map((_, task) => samplers.parities({ ...options, task }));
  const data = samplers.parities(options);
  const network = { inputs: 8, layers: [{ units: 12, activation: 'relu' as const }, { units: 2 }] };
  const settings = { network, data, loss: 'crossEntropy' as const, ...{ batchSize: 32, maxSteps: 40 } };

  it('each group has the numbers of its own sampler, and the whole those that it had', async () => {
    const grouped = await trained({
      ...settings,
      evaluate: { data, every: 20, examples: 100, groups: tasks },
    });
    const looks: [Sampler, (evaluation: Evaluation) => { loss: number; accuracy: number }][] = [
      [data, (one) => one],
      ...tasks.map((task, k): (typeof looks)[number] => [task, (one) => one.groups![k]]),
    ];
    for (const [sampler, of] of looks) {
      const alone = await trained({ ...settings, evaluate: { data: sampler, every: 20, examples: 100 } });
      expect(alone.bits).toEqual(grouped.bits);
      alone.evaluations.forEach(({ loss, accuracy }, e) => {
        const { loss: l, accuracy: a } = of(grouped.evaluations[e]);
        expect([l, a]).toEqual([loss, accuracy]);
      });
    }
    expect(new Set(grouped.evaluations[1].groups!.map(({ loss }) => loss)).size).toBe(2);
  });

  it('refuses groups of examples, which a sampler has not', async () => {
    const refused = trained({ ...settings, evaluate: { data, groups: [0, 1, 2] } });
    await expect(refused).rejects.toThrow(
      'groups[0] is the number 0; the data is a sampler: a list of samplers fits',
    );
  });
});

// A run's numbers are the same bits alone, among others, arriving late, in groups and in any chunking: window losses,
// accuracies, steps and final weights are compared bit by bit. That tiles of another size and GPUs' text give them too,
// tile-texts.test.ts says.
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import { Pacer } from '../../src/lockstep/pacer.js';
import { trainLockstep } from '../../src/lockstep/trainer.js';
import type { LockstepOptions, LockstepRun } from '../../src/lockstep/types.js';
import { withLimits } from './limits.js';
import { bitsOf, outcomes, randomDataset, randomWeights } from './outcomes.js';

/** Steps of a chunk that no run has to wait for. */
const ALL = Number.POSITIVE_INFINITY;
const FEATURES = 16;
const HIDDEN = 32;
const options = {
  features: FEATURES,
  hidden: HIDDEN,
  maxSteps: 80,
  logInterval: 25,
  stop: { minSteps: 40, accuracy: 0.7, windows: 2 },
  keepWeights: true,
};

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());
afterEach(() => {
  vi.restoreAllMocks();
});

/** Sixteen live columns in the first two, eight in the third: another kernel. Small ones are learned and stop early. */
const datasets = [
  randomDataset(300, FEATURES, 1),
  randomDataset(90, FEATURES, 2),
  randomDataset(200, FEATURES, 3, { dead: [0, 2, 4, 6, 8, 10, 12, 14] }),
];
const testSet = randomDataset(500, FEATURES, 4);

function runNumber(k: number): LockstepRun {
  return {
    weights: randomWeights(FEATURES, HIDDEN, 100 + k),
    dataset: datasets[k % 3],
    testSet,
    orderSeed: 200 + k,
    optimizer: { lr: 0.002 * (1 + (k % 5)), weightDecay: 0.01 * (k % 4), betas: [0.9, 0.99] },
  };
}

const all = Array.from({ length: 30 }, (_, k) => runNumber(k));
const probes = [0, 1, 2];
/** Chunks asked for, for those of changing length. */
let chunk = 0;
const kernels = ['subgroup', 'tiles-persistent', 'tiles-batched', 'portable'] as const;
/** Bytes of the largest buffer of one run in each of them. */
const largest = {
  subgroup: 4 * (3 * 32 * 16 + 6 * 32 + 4),
  'tiles-persistent': 12 * (32 * (16 + 2) + 4),
  'tiles-batched': 12 * (32 * (16 + 2) + 4),
  portable: 128 * 33 * 4,
};

async function bits(
  runs: LockstepOptions['runs'],
  kernel: LockstepOptions['kernel'],
  on = device,
  more: Partial<LockstepOptions> = {},
) {
  const trained = await outcomes(on, { ...options, ...more, kernel, runs });
  return { ...trained, bits: trained.runs.map(bitsOf) };
}

/** All 30 runs, trained together once by each kernel. */
const trainings = new Map<LockstepOptions['kernel'], ReturnType<typeof bits>>();
function together(kernel: LockstepOptions['kernel']) {
  if (!trainings.has(kernel)) trainings.set(kernel, bits(all, kernel));
  return trainings.get(kernel)!;
}

describe.each(kernels)('the %s kernel', (kernel) => {
  let alone: unknown[];
  beforeAll(async () => {
    alone = [];
    for (const k of probes) alone.push((await bits([all[k]], kernel)).bits[0]);
  });

  it('gives different runs different numbers, of which some stop early', async () => {
    const { runs, bits: numbers } = await together(kernel);
    expect(new Set(numbers.map((one) => JSON.stringify(one))).size).toBe(all.length);
    const reasons = new Set(runs.map(({ finish }) => finish!.reason));
    expect(reasons).toEqual(new Set(['stopped', 'max-steps']));
  });

  it('gives the same bits twice, and alone as among 30 with other data, settings and lengths', async () => {
    const first = await together(kernel);
    const second = await bits([...all].reverse(), kernel);
    expect(second.bits.reverse()).toEqual(first.bits);
    expect(probes.map((k) => first.bits[k])).toEqual(alone);
  });

  it('gives the same bits to runs that arrive while others train', async () => {
    async function* late() {
      for (const run of all.slice(0, 9).reverse()) {
        yield run;
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    }
    const trained = await bits(late(), kernel, device, { expectedRuns: 5 });
    expect(probes.map((k) => trained.bits[8 - k])).toEqual(alone);
  });

  it.each([
    ['single steps', () => 1],
    ['chunks of 7', () => 7],
    ['chunks as long as a window', () => 1000],
    ['chunks of changing length', (runs: number) => 1 + ((runs * 7 + chunk++ * 5) % 13)],
  ])('gives the same bits in %s', async (_, steps) => {
    vi.spyOn(Pacer.prototype, 'chunk').mockImplementation((ready) => ({
      steps: steps(ready),
      runSteps: ALL,
    }));
    const trained = await bits(all.slice(0, 6), kernel);
    expect(probes.map((k) => trained.bits[k])).toEqual(alone);
  });

  it.each([1, 12, 30])(
    'gives the same bits where chunks take %i steps in all, of some runs',
    async (runSteps) => {
      vi.spyOn(Pacer.prototype, 'chunk').mockReturnValue({ steps: 7, runSteps });
      const trained = await bits(all.slice(0, 6), kernel);
      expect(probes.map((k) => trained.bits[k])).toEqual(alone);
    },
  );

  // Threads take seconds to start, and draw the same rows for every kernel.
  if (kernel === 'subgroup' || kernel === 'tiles-batched')
    it('gives the same bits where threads draw the batches', async () => {
      const trained = await bits(all, kernel, device, { batchThreads: 2 });
      expect(probes.map((k) => trained.bits[k])).toEqual(alone);
    });

  it('gives the same bits in groups where the device binds little, and says so', async () => {
    const on = withLimits(device, { maxStorageBufferBindingSize: 4 * largest[kernel] });
    const trained = await bits(all.slice(0, 9), kernel, on, { expectedRuns: 9 });
    expect(trained.plans[0].runsAtOnce).toBeLessThan(9);
    expect(trained.plans[0].note).toMatch(
      /^\d of 9 runs at a time: one takes \d+ bytes, this device binds \d+/,
    );
    expect(probes.map((k) => trained.bits[k])).toEqual(alone);
  });
});

// Which of the two trains may depend on the number of runs: lockstep/autotune/candidates.ts.
it('gives the same bits in the persistent and in the batched kernel', async () => {
  const [persistent, batched] = [await together('tiles-persistent'), await together('tiles-batched')];
  expect(batched.bits).toEqual(persistent.bits);
});

it.each(['tiles-persistent', 'tiles-batched', 'portable'] as const)(
  'gives the same bits in the %s kernel within WebGPU’s default limits and without features',
  async (kernel) => {
    const plain = await openDevice({ requiredLimits: 'default', wantedFeatures: [] });
    const [there, here] = [await bits(all.slice(0, 3), kernel, plain), await bits(all.slice(0, 3), kernel)];
    plain.destroy();
    expect(there.bits).toEqual(here.bits);
  },
);

it('refuses a training set that the device cannot bind at once, before any run trains', async () => {
  const large = { ...all[0], dataset: randomDataset(5000, FEATURES, 9) };
  const events: string[] = [];
  const trained = async () => {
    const on = withLimits(device, { maxStorageBufferBindingSize: 17_000 });
    for await (const { type } of trainLockstep(on, { ...options, kernel: 'portable', runs: [all[1], large] }))
      events.push(type);
  };
  await expect(trained()).rejects.toThrow(
    'A training set of 5000 examples of 16 features takes 20000 bytes; this device binds at most 17000 at once ' +
      '(maxStorageBufferBindingSize). Use at most 4250 examples.',
  );
  expect(events).toEqual([]);
});

it('has no note where all runs fit', async () => {
  const { plans } = await bits(all.slice(0, 3), 'portable');
  expect(plans.map(({ features, runsAtOnce, note }) => ({ features, runsAtOnce, note }))).toEqual([
    { features: 16, runsAtOnce: 3, note: undefined },
    { features: 8, runsAtOnce: 3, note: undefined },
  ]);
});

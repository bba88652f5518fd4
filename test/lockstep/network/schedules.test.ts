// The two schedules of the kernel: the same bits from both, in both forms, in company and alone; the choice between them.
import '../../quick-to-compile.js';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDevice } from '../../../src/adapter/open.js';
import type { Device } from '../../../src/gpu/device.js';
import { NetworkPacer } from '../../../src/lockstep/network/pacer.js';
import { ScheduleChoice } from '../../../src/lockstep/network/schedule-choice.js';
import type {
  NetworkLockstepOptions,
  NetworkRun,
  NetworkSchedule,
} from '../../../src/lockstep/network/types.js';
import { trainLockstep } from '../../../src/lockstep/train.js';
import * as samplers from '../../../src/network/samplers.js';
import { takeProfile } from '../../../src/profiler/take-profile.js';
import fc from '../../properties.js';
import { useForm } from './forms.js';
import { bitsOf, type NetworkOutcome, networkOutcomes } from './outcomes.js';
import { anyCase, materialize } from './random-networks.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());
afterEach(() => {
  vi.restoreAllMocks();
});

const parity = samplers.parity({ inputs: 8, secret: [0, 3], signs: true });

/** Products of many tiles and of few columns, batches in parts, examples of a dataset and of a sampler, evaluations, gradients. */
const wide = {
  inputs: 8,
  layers: [{ units: 150, activation: 'gelu' as const }, { units: 70 }, { units: 2 }],
};
const rows = Array.from({ length: 333 }, (_, k) => Array.from({ length: 8 }, (_, j) => Math.sin(k * 8 + j)));
const data = { x: rows, y: rows.map((_, k) => k % 2) };
const evaluate = { data, every: 2 };
const given: NetworkRun[] = [
  {
    network: wide,
    data,
    loss: 'crossEntropy',
    batchSize: 333,
    evaluate,
    probes: ['gradientNorm', 'activeUnits'],
  },
  {
    network: {
      inputs: 8,
      layers: [
        { units: 30, activation: 'relu' },
        { units: 1, bias: false },
      ],
    },
    ...{ data: parity, loss: 'hinge', batchSize: 50 },
    evaluate: { data: parity, examples: 700 },
  },
  // Which of the examples count only the device knows.
  {
    network: { inputs: 8, layers: [{ units: 9, activation: 'tanh' }, { units: 2 }] },
    ...{ data: parity, loss: { type: 'crossEntropy', ignoreIndex: 1 }, batchSize: 1300 },
    probes: ['gradientNorm'],
  },
];

const probed = ({ windows, evaluations }: NetworkOutcome) =>
  [...windows, ...evaluations].map(({ probes }) => probes);

const trained = (
  kernel: NetworkSchedule,
  runs: NetworkRun[],
  options: Partial<NetworkLockstepOptions> = {},
) => networkOutcomes(device, { runs, logInterval: 1, maxSteps: 3, kernel, ...options });

describe.each(['lanes', 'blocks'] as const)('the kernel by %s', (form) => {
  it('comes to the same bits a launch for each stage as a workgroup for each run', async () => {
    // With batches in parts and a sampler, the form by lanes compiles for a minute.
    const isQuick = form === 'blocks';
    if (isQuick) useForm(form, { cuts: true, sampler: parity.wgsl });
    else useForm(form);
    await fc.assert(
      fc.asyncProperty(fc.array(anyCase, { minLength: 1, maxLength: 6 }), async (cases) => {
        const runs = [...given.slice(0, isQuick ? 3 : 1), ...cases.map((one) => materialize(one).run)];
        const expected = await trained('persistent', runs);
        const kernels = new Set<string>();
        const got = await networkOutcomes(
          device,
          { runs, logInterval: 1, maxSteps: 3, kernel: 'batched' },
          (event) => event.type === 'progress' && kernels.add(event.kernel),
        );
        expect([...kernels]).toEqual(['batched']);
        expect(got.map(bitsOf)).toEqual(expected.map(bitsOf));
        expect(got.map(probed)).toEqual(expected.map(probed));
      }),
      { numRuns: 3 },
    );
  });
});

it('changes the schedule in the middle of a training to the same bits', async () => {
  useForm('blocks', { cuts: true, sampler: parity.wgsl });
  const [expected] = await trained('persistent', [given[0]], { maxSteps: 8 });
  vi.spyOn(NetworkPacer.prototype, 'steps').mockReturnValue(1);
  const schedules: NetworkSchedule[] = ['persistent', 'batched', 'batched', 'persistent', 'batched'];
  vi.spyOn(ScheduleChoice.prototype, 'next').mockImplementation(() => schedules.shift() ?? 'persistent');
  const [got] = await trained('persistent', [given[0]], { maxSteps: 8 });
  expect(schedules).toEqual([]);
  expect(bitsOf(got)).toEqual(bitsOf(expected));
});

it('has each stage in a profile by name, with the operations of its products', async () => {
  useForm('blocks', { cuts: true, sampler: parity.wgsl });
  const network = { inputs: 8, layers: [{ units: 30, activation: 'relu' as const }, { units: 2 }] };
  const runs = [5, 6].map(
    (seed): NetworkRun => ({ network, data, loss: 'crossEntropy', batchSize: 50, seed }),
  );
  const { kernels } = await takeProfile(device, () => trained('batched', runs));
  const ofStages = kernels.filter(({ kernel }) => kernel === 'network-blocks');
  expect(ofStages.map(({ shapes }) => shapes).slice(0, 5)).toEqual([
    'gather',
    'forward 50 x 30 x 8',
    'forward 50 x 2 x 30',
    'loss',
    'tally',
  ]);
  const flops = ofStages.reduce((sum, stage) => sum + stage.flops!, 0);
  expect(flops).toBe(2 * 3 * 2 * 50 * (2 * 8 * 30 + 3 * 30 * 2));
});

describe('the choice', () => {
  const LONG = 60_000;
  /** What it chose for 40 chunks, each as `costs` says what a unit of work takes. */
  const chosen = (
    choice: ScheduleChoice,
    costs: Record<NetworkSchedule, number>,
    runs = (_chunk: number) => 64,
  ) =>
    Array.from({ length: 40 }, (_, chunk) => {
      const schedule = choice.next(runs(chunk), LONG);
      choice.took(10, 10 * costs[schedule]);
      return schedule;
    });
  const counted = (list: readonly string[], wanted: string) => list.filter((one) => one === wanted).length;

  it('tries the other schedule for two chunks, and goes on with the faster', () => {
    const slower = chosen(new ScheduleChoice('auto', false), { persistent: 1, batched: 2 });
    expect(counted(slower, 'batched')).toBe(2);
    expect(slower.at(-1)).toBe('persistent');
    const faster = chosen(new ScheduleChoice('auto', false), { persistent: 2, batched: 1 });
    expect(faster.slice(0, 5)).toEqual(Array(5).fill('persistent'));
    expect(counted(faster, 'batched')).toBe(35);
  });

  it('tries again when half of the runs are gone', () => {
    const runs = (chunk: number) => (chunk < 20 ? 64 : 32);
    expect(
      counted(chosen(new ScheduleChoice('auto', false), { persistent: 1, batched: 2 }, runs), 'batched'),
    ).toBe(4);
  });

  it('tries nothing on an adapter that computes on the CPU, in a short training, or where one was named', () => {
    const costs = { persistent: 2, batched: 1 };
    expect(counted(chosen(new ScheduleChoice('auto', true), costs), 'batched')).toBe(0);
    expect(counted(chosen(new ScheduleChoice('persistent', false), costs), 'batched')).toBe(0);
    expect(counted(chosen(new ScheduleChoice('batched', false), costs), 'persistent')).toBe(0);
    const choice = new ScheduleChoice('auto', false);
    for (let chunk = 0; chunk < 20; chunk++) {
      expect(choice.next(64, 2000)).toBe('persistent');
      choice.took(10, 10);
    }
  });
});

it('another name is refused, also the name of a kernel for two-layer networks of bits', async () => {
  for (const [kernel, message] of [
    ['batch', 'kernel is the text "batch"; did you mean batched?'],
    ['tiles-persistent', 'kernel is the text "tiles-persistent"'],
  ])
    await expect(
      trainLockstep(device, { runs: [given[1]], maxSteps: 3, kernel: kernel as NetworkSchedule }).next(),
    ).rejects.toThrow(message);
});

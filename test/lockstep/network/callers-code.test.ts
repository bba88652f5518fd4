// What a caller's functions and objects throw names the run and the option, whichever it is, and nothing stays on the device.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Device,
  type LockstepError,
  type NetworkLockstepOptions,
  type NetworkRun,
  nn,
  openDevice,
  optim,
  type ScheduledOptimizer,
  samplers,
  tensor,
  trainLockstep,
} from '../../../src/index.js';
import { errorOf } from '../../error-of.js';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const data = { x: [[0, 1], [1, 0]], y: [0, 1] }; // biome-ignore format: a matrix
const network = { inputs: 2, layers: [{ units: 1 }] };
const fine: NetworkRun = { network, data, maxSteps: 4 };

const no = (): never => {
  throw new Error('not today');
};
/** An object like this one, of which one property cannot be read. */
const but = <T extends object>(object: T, name: string): T =>
  Object.defineProperty({ ...object }, name, { get: no, enumerable: true });

/** The error of a training whose second run has these settings. */
async function refusal(
  run: NetworkRun,
  options: Partial<NetworkLockstepOptions> = {},
): Promise<LockstepError> {
  return errorOf(async () => {
    for await (const _ of trainLockstep(device, { runs: [fine, run], ...options }));
  });
}

/** Each option of a run: values whose functions or properties throw. */
const THROWING: Record<string, readonly unknown[]> = {
  network: [but(network, 'inputs'), { ...network, layers: [but({ units: 1 }, 'activation')] }],
  model: [no, () => ({ describe: no }), () => ({ describe: () => ({ network, weights: async () => no() }) })],
  data: [but(data, 'x'), but(data, 'signs'), but(samplers.parity({ inputs: 2, secret: [0] }), 'parameters')],
  loss: [but({ type: 'huber' }, 'delta')],
  optimizer: [but({ type: 'sgd' }, 'lr')],
  schedule: [
    no,
    () => ({ step: no }),
    (one: ScheduledOptimizer) => new optim.LambdaLR(one, { lrLambda: no }),
  ],
  evaluate: [but({ data }, 'every'), { data: but(data, 'y') }],
  stop: [but({ accuracy: 1 }, 'windows')],
  probes: [[but({ parities: [[0]] }, 'parities')]],
  weights: [but({}, '0.weight')],
  checkpoint: [but({}, 'steps')],
};

describe.each(Object.entries(THROWING))('%s', (option, values) => {
  it.each(values.map((value, k) => [k, value]))(
    'that throws, case %i, is named with its run',
    async (_, value) => {
      const own = { ...fine, loss: 'bceWithLogits', ...(option === 'model' && { network: undefined }) };
      const error = await refusal({ ...own, [option]: value } as NetworkRun);
      expect(error.message).toMatch(new RegExp(`^trainLockstep: run 1: ${option} threw: not today$`));
      expect(error.code).toBe('bad-input');
      expect(error.cause).toMatchObject({ message: 'not today' });
    },
  );
});

it.each([...Object.keys(THROWING), 'seed', 'orderSeed', 'batchSize', 'maxSteps'])(
  'a run of which %s cannot be read is named',
  async (option) => {
    const error = await refusal(but(fine, option));
    expect(error.message).toBe(`trainLockstep: run 1: ${option} threw: not today`);
  },
);

it('an option of all runs that cannot be read is told as such', async () => {
  const options = but({ runs: [fine], logInterval: 1 }, 'logInterval');
  const { message } = await errorOf(() => trainLockstep(device, options).next());
  expect(message).toBe('trainLockstep: an option threw: not today');
});

it('errors of this library keep their code, and say whose they are', async () => {
  const freed = tensor([[1, 2]]);
  freed.dispose();
  const error = await refusal({ ...fine, data: { x: freed, y: [1] } });
  expect(error.code).toBe('disposed');
  expect(error.message).toMatch(/^trainLockstep: run 1: data: /);
  const cycle = (one: ScheduledOptimizer) => new optim.OneCycleLR(one, { maxLr: 0.1, totalSteps: 2 });
  expect((await refusal({ ...fine, schedule: cycle })).message).toBe(
    'trainLockstep: run 1: schedule: OneCycleLR: step() was called 3 times; the cycle has 2 steps.',
  );
  const model = () => new nn.Sequential(new nn.Linear(2, 1), new nn.LayerNorm(1));
  expect((await refusal({ data, maxSteps: 4, model })).message).toMatch(
    /^trainLockstep: run 1: module 1 of the model is /,
  );
});

it.each<[string, object, NetworkRun['optimizer'], string]>([
  ['at once', { lr: Number.NaN }, {}, 'the learning rate after 0 steps is the number NaN'],
  ['at once', { betas: [1, 0.9] }, {}, 'betas[0] after 0 steps is the number 1; a number of [0, 1) fits'],
  ['in a step', { lr: -1 }, {}, 'the learning rate after 1 steps is the number -1'],
  ['in a step', { betas: [Number.NaN, 0.9] }, {}, 'betas[0] after 1 steps is the number NaN'],
  [
    'in a step',
    { momentum: -0.5 },
    { type: 'sgd', momentum: 0.5 },
    'momentum after 1 steps is the number -0.5',
  ],
  [
    'in a step',
    { momentum: 0 },
    { type: 'sgd', momentum: 0.5 },
    'momentum after 1 steps is the number 0; of an sgd',
  ],
])('a schedule that sets %s what does not fit: %o', async (when, wrong, optimizer, message) => {
  expect(await scheduling(when, wrong, optimizer)).toContain(`trainLockstep: run 1: schedule: ${message}`);
});

/** The error of a run whose schedule does this to its group, when it is made or in its first step. */
async function scheduling(when: string, wrong: object, optimizer: NetworkRun['optimizer']): Promise<string> {
  const schedule: NetworkRun['schedule'] = ({ groups: [group] }) => {
    if (when === 'at once') Object.assign(group, wrong);
    return { step: () => void Object.assign(group, wrong) };
  };
  return (await refusal({ ...fine, optimizer, schedule })).message;
}

/** Settings of each optimizer other than those that a schedule sets, with PyTorch's spelling of one, and what else it may set. */
const WITHOUT_EFFECT = ['eps', 'weightDecay', 'weight_decay', 'dampening', 'nesterov', 'momentum', 'betas'];
const SCHEDULED: [NonNullable<NetworkRun['optimizer']>, string, string][] = [
  [{ type: 'adamw' }, 'betas', 'lr and betas[0]'],
  [{ type: 'adam' }, 'betas', 'lr and betas[0]'],
  [{ type: 'sgd', momentum: 0.9 }, 'momentum', 'lr and momentum'],
  [{ type: 'sgd' }, '', 'lr'],
  [{ type: 'signSgd', momentum: 0.9 }, 'momentum', 'lr and momentum'],
  [{ type: 'signSgd' }, '', 'lr'],
];

it.each(SCHEDULED)('a schedule of %o that sets what it cannot is refused', async (optimizer, own, sets) => {
  for (const name of WITHOUT_EFFECT.filter((one) => one !== own)) {
    for (const [steps, when] of ['at once', 'in a step'].entries()) {
      expect(await scheduling(when, { [name]: [0.5, 0.5] }, optimizer)).toBe(
        `trainLockstep: run 1: schedule: ${name} after ${steps} steps is an array; it would have no effect: ` +
          `a schedule sets ${sets} of ${optimizer.type}.`,
      );
    }
  }
});

it('a schedule that sets the second of the betas, or another group, is refused', async () => {
  expect(await scheduling('in a step', { betas: [0.9, 0.99] }, {})).toContain(
    'betas[1] after 1 steps is the number 0.99; a schedule sets the first one only, and the second stays 0.999.',
  );
  for (const betas of [undefined, null, 0.9, [0.9]])
    expect(await scheduling('in a step', { betas }, {})).toContain('betas after 1 steps is ');
  const replacing: NetworkRun['schedule'] = ({ groups }) => ({
    step: () => {
      (groups as unknown[])[0] = { lr: 0.1 };
    },
  });
  expect((await refusal({ ...fine, schedule: replacing })).message).toMatch(
    /^trainLockstep: run 1: schedule threw: Cannot assign to read only property/,
  );
});

// Optimizers and schedules: 50 steps follow PyTorch's, one launch updates all parameters, and states can be saved and loaded.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import { copy_ } from '../../src/autograd/ops/in-place.js';
import { add, mul, sum } from '../../src/autograd/ops/index.js';
import { noGrad } from '../../src/autograd/record.js';
import type { Device } from '../../src/gpu/device.js';
import * as nn from '../../src/nn/index.js';
import * as optim from '../../src/optim/index.js';
import { tensor } from '../../src/tensor/create.js';
import { scope } from '../../src/tensor/scope.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { firstDifference, type Tolerance } from '../tolerances.js';

interface Recorded {
  name: 'Adam' | 'AdamW' | 'SGD' | 'RMSprop' | 'SignSGD';
  settings: Record<string, never>;
  /** Parameters after steps 1, 2, 10 and 50. */
  path: number[][];
}
const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/torch/optim.json', import.meta.url), 'utf8'),
) as {
  optimizers: Recorded[];
  schedules: Record<string, number[]>;
  cycles: Record<string, [lr: number, momentum: number][]>;
  figures: number[];
  plateaus: Record<string, number[]>;
};

/** 50 float32 steps in two orders of rounding. */
const FIFTY_STEPS: Tolerance = { atol: 1e-5, rtol: 1e-5 };
const RECORDED_STEPS = [1, 2, 10, 50];

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.destroy());

const start = () =>
  tensor(
    Array.from({ length: 7 }, (_, i) => Math.sin(1 + 2 * i)),
    { requiresGrad: true },
  );

/** The problem of optim_reference.py. */
function step(optimizer: optim.Optimizer<never>, p: Tensor, t: number): void {
  optimizer.zeroGrad();
  scope(() => {
    const wave = tensor(Array.from({ length: 7 }, (_, i) => Math.cos(t + i)));
    sum(add(mul(mul(p, p), 0.15), mul(mul(wave, p), 0.2))).backward();
  });
  optimizer.step();
}

const KINDS = {
  Adam: optim.Adam,
  AdamW: optim.AdamW,
  SGD: optim.SGD,
  RMSprop: optim.RMSprop,
  SignSGD: optim.SignSGD,
};
const make = (name: Recorded['name'], params: Tensor[], settings: object) =>
  new KINDS[name](params, settings) as unknown as optim.Optimizer<never>;

describe('50 steps follow PyTorch', () => {
  it.each(
    fixture.optimizers.map((each) => ({ ...each, title: `${each.name} ${JSON.stringify(each.settings)}` })),
  )('$title', async ({ name, settings, path }) => {
    const p = start();
    const optimizer = make(name, [p], settings);
    for (let t = 0; t < 50; t++) {
      step(optimizer, p, t);
      const recorded = RECORDED_STEPS.indexOf(t + 1);
      if (recorded >= 0) expect(firstDifference(await p.data(), path[recorded], FIFTY_STEPS)).toBeUndefined();
    }
    optimizer.dispose();
    p.dispose();
  });
});

describe('a step', () => {
  it.each(['AdamW', 'Adam', 'SGD'] as const)(
    'of %s is one dispatch for all parameters whose state was made together',
    (name) => {
      const parameters = [start(), start(), start(), start(), start(), start()];
      const optimizer = make(name, parameters, { lr: 0.1, ...(name === 'SGD' && { momentum: 0.9 }) });
      // The state of every other parameter is made in a second step.
      const gradient = () => tensor(new Float32Array(7));
      for (const i of [0, 2, 4]) parameters[i].grad = gradient();
      optimizer.step();
      for (const p of parameters) p.grad = gradient();
      optimizer.step();
      device.commands.flush();
      optimizer.step();
      expect(device.commands.pending).toBe(2); // one for each memory of states
    },
  );
});

describe('state', () => {
  it('saved and loaded in mid-course gives the same bits', async () => {
    const [p, q] = [start(), start()];
    const settings = { lr: 0.05, weightDecay: 0.1 };
    const first = make('AdamW', [p], settings);
    for (let t = 0; t < 20; t++) step(first, p, t);
    const { tensors, ...numbers } = first.stateDict();
    expect(numbers.steps).toEqual([20]);
    expect(Object.keys(tensors)).toEqual(['0.exp_avg', '0.exp_avg_sq']);

    // Another optimizer, with other settings, takes over what went through files.
    const saved = nn.loadSafetensors(await nn.saveSafetensors(tensors));
    const second = make('AdamW', [q], { lr: 1 });
    noGrad(() => copy_(q, p));
    second.loadStateDict({ ...JSON.parse(JSON.stringify(numbers)), tensors: saved });
    for (let t = 20; t < 30; t++) {
      step(first, p, t);
      step(second, q, t);
    }
    expect([...(await q.data())]).toEqual([...(await p.data())]);
  });

  it.each([
    ['AdamW', { lr: 0.05 }, { exp_avg: 'mean', exp_avg_sq: 'square' }],
    ['SGD', { lr: 0.05, momentum: 0.9 }, { momentum_buffer: 'velocity' }],
  ] as const)('of %s with the names that earlier versions gave it loads', async (name, settings, before) => {
    const [p, q] = [start(), start()];
    const [first, second] = [make(name, [p], settings), make(name, [q], settings)];
    for (let t = 0; t < 5; t++) step(first, p, t);
    const state = first.stateDict();
    const tensors = Object.entries(before).map(([now, then]) => [`0.${then}`, state.tensors[`0.${now}`]]);
    noGrad(() => copy_(q, p));
    second.loadStateDict({ ...state, tensors: Object.fromEntries(tensors) });
    expect(Object.keys(second.stateDict().tensors)).toEqual(Object.keys(state.tensors));
    step(first, p, 5);
    step(second, q, 5);
    expect([...(await q.data())]).toEqual([...(await p.data())]);
  });

  // In its first step with the setting, each takes a step as without it: squares that grow, a buffer that begins.
  it.each([
    ['AdamW', {}, { amsgrad: true }, ['exp_avg', 'exp_avg_sq', 'max_exp_avg_sq']],
    ['RMSprop', { centered: true }, { momentum: 0.9 }, ['square_avg', 'grad_avg', 'momentum_buffer']],
  ] as const)(
    'of %s grows where a setting in mid-course asks for more',
    async (name, settings, later, names) => {
      const [p, q] = [start(), start()];
      const [first, second] = [make(name, [p], settings), make(name, [q], settings)];
      for (let t = 0; t < 3; t++) {
        if (t === 2) Object.assign(second.groups[0], later);
        for (const [optimizer, parameter] of [
          [first, p],
          [second, q],
        ] as const) {
          parameter.grad = mul(start(), 2 ** t);
          optimizer.step();
        }
      }
      expect(Object.keys(second.stateDict().tensors)).toEqual(names.map((each) => `0.${each}`));
      expect(await q.toArray()).toEqual(await p.toArray());
      second.step();
    },
  );

  type State = ReturnType<optim.AdamW['stateDict']>;
  it.each<[string, (state: State) => unknown, RegExp]>([
    ['more groups', (s) => ({ ...s, groups: [...s.groups, ...s.groups] }), /it has 2 groups, not 1/],
    [
      'other settings',
      (s) => ({ ...s, groups: [{ lr: 1 }] }),
      /groups\[0\] has the settings lr, not amsgrad, betas/,
    ],
    ['no settings', (s) => ({ ...s, groups: [null] }), /groups\[0\] is null/],
    ['more parameters', (s) => ({ ...s, steps: [1, 1] }), /the steps of 2 parameters, not of 1/],
    ['a part of a step', (s) => ({ ...s, steps: [1.5] }), /steps\[0\] is the number 1.5/],
    ['steps as texts', (s) => ({ ...s, steps: ['1'] }), /steps\[0\] is the text "1"/],
    ['no moments', (s) => ({ ...s, tensors: {} }), /tensors\['0.exp_avg'\] is missing, after 3 steps/],
    ['one moment', (s) => ({ ...s, tensors: { '0.exp_avg': start() } }), /'0.exp_avg_sq'\] is missing/],
    [
      'another place',
      (s) => ({ ...s, tensors: { ...s.tensors, '1.exp_avg': start() } }),
      /'1.exp_avg'\] is of none/,
    ],
    [
      'no place',
      (s) => ({ ...s, tensors: { ...s.tensors, '.exp_avg': start() } }),
      /'.exp_avg'\] is of none/,
    ],
    [
      'another shape',
      (s) => ({ ...s, tensors: { ...s.tensors, '0.exp_avg': tensor([[1]]) } }),
      /'0.exp_avg'\] is f32 \[1, 1\], its parameter f32 \[\d\]/,
    ],
  ])('with %s is refused by name, and changes nothing', (_, change, message) => {
    const p = start();
    const optimizer = new optim.AdamW([p]);
    for (let t = 0; t < 3; t++) step(optimizer as never, p, t);
    const state = optimizer.stateDict();
    expect(() => optimizer.loadStateDict(change(state) as State)).toThrow(message);
    expect(optimizer.stateDict()).toEqual(state);
    expect(Object.values(state.tensors).some(({ disposed }) => disposed)).toBe(false);
  });
});

describe('parameter groups', () => {
  it('have settings of their own and the defaults of the rest', async () => {
    const [p, q] = [start(), start()];
    const optimizer = new optim.SGD([{ params: [p], lr: 0 }, { params: [q] }], { lr: 0.5 });
    const before = [...(await p.data())];
    const settings = optimizer.groups.map(({ lr, momentum }) => ({ lr, momentum }));
    expect(settings).toEqual([
      { lr: 0, momentum: 0 },
      { lr: 0.5, momentum: 0 },
    ]);
    sum(add(p, q)).backward();
    optimizer.step();
    expect([...(await p.data())]).toEqual(before);
    expect([...(await q.data())]).toEqual(before.map((value) => Math.fround(value - 0.5)));
  });

  it.each([
    ['nothing', () => new optim.SGD([])],
    ['a tensor without gradients', () => new optim.SGD([tensor([1])])],
    ['a result', () => new optim.SGD([mul(start(), 2)])],
    ['a parameter twice', () => ((p) => new optim.Adam([p, p]))(start())],
    ['a negative rate', () => new optim.AdamW([start()], { lr: -1 })],
    ['a beta of 1', () => new optim.AdamW([start()], { betas: [0.9, 1] })],
    ['Nesterov without momentum', () => new optim.SGD([start()], { nesterov: true })],
  ])('refuse %s', (_, make) => {
    expect(make).toThrow(/SGD|Adam|lr|betas/);
  });
});

describe('schedules follow PyTorch', () => {
  const schedules: Record<string, (o: optim.SGD) => optim.Schedule> = {
    StepLR: (o) => new optim.StepLR(o, { stepSize: 3, gamma: 0.5 }),
    LinearLR: (o) => new optim.LinearLR(o, { startFactor: 0.25, endFactor: 1, totalIters: 5 }),
    CosineAnnealingLR: (o) => new optim.CosineAnnealingLR(o, { tMax: 10, etaMin: 0.05 }),
    MultiStepLR: (o) => new optim.MultiStepLR(o, { milestones: [7, 2, 2], gamma: 0.5 }),
    ExponentialLR: (o) => new optim.ExponentialLR(o, { gamma: 0.8 }),
    ConstantLR: (o) => new optim.ConstantLR(o, { factor: 0.25, totalIters: 4 }),
    LambdaLR: (o) => new optim.LambdaLR(o, { lrLambda: (t) => 0.9 ** t }),
  };
  /** PyTorch multiplies from step to step, in float64. */
  const CHAINED = 1e-12;
  // Beyond its last step PyTorch's chained cosine leaves its own closed formula.
  const COSINE_STEPS = 11;

  it.each(Object.keys(schedules))('%s', (name) => {
    const optimizer = new optim.SGD([start()], { lr: 0.4 });
    const schedule = schedules[name](optimizer);
    const expected =
      name === 'CosineAnnealingLR' ? fixture.schedules[name].slice(0, COSINE_STEPS) : fixture.schedules[name];
    for (const rate of expected) {
      expect(Math.abs((optimizer.groups[0].lr as number) - rate)).toBeLessThan(CHAINED);
      schedule.step();
    }
    expect(schedule.steps).toBe(expected.length);
  });

  it('go on where they were saved, with the optimizer', () => {
    const first = new optim.SGD([start()], { lr: 0.4 });
    const schedule = new optim.CosineAnnealingLR(first, { tMax: 10 });
    for (let i = 0; i < 4; i++) schedule.step();
    const second = new optim.SGD([start()]);
    second.loadStateDict(structuredClone(first.stateDict()));
    const resumed = new optim.CosineAnnealingLR(second, { tMax: 10 });
    resumed.loadStateDict(structuredClone(schedule.stateDict()));
    for (let i = 0; i < 4; i++) {
      expect(second.groups[0].lr).toBe(first.groups[0].lr);
      schedule.step();
      resumed.step();
    }
    expect(() => resumed.loadStateDict({ steps: 1, first: [1, 2] })).toThrow(/of 2 groups, not 1/);
    expect(() => resumed.loadStateDict({ steps: 1, first: ['0.1' as never] })).toThrow(
      /first\[0\] is the text "0.1"/,
    );
    expect([resumed.steps, second.groups[0].lr]).toEqual([8, first.groups[0].lr]);
  });

  it('of a plateau: a best figure that a file has made null is refused', () => {
    const schedule = new optim.ReduceLROnPlateau(new optim.SGD([start()]));
    schedule.step(Number.NaN);
    const state = schedule.stateDict();
    schedule.loadStateDict(state);
    expect(() => schedule.loadStateDict(JSON.parse(JSON.stringify(state)))).toThrow(/best\[0\] is null/);
    expect(schedule.stateDict()).toEqual(state);
  });

  it('refuse no steps', () => {
    expect(() => new optim.StepLR(new optim.SGD([start()]), { stepSize: 0 })).toThrow(/StepLR/);
  });

  const sgd = () => new optim.SGD([start()], { lr: 0.1, momentum: 0.5 });
  const cycles: Record<string, () => [optim.Optimizer<never>, optim.OneCycleLrSettings]> = {
    cos: () => [sgd() as never, { maxLr: 0.5, totalSteps: 12 }],
    linear: () => [
      new optim.Adam([start()]) as never,
      { maxLr: 0.5, totalSteps: 15, annealStrategy: 'linear', pctStart: 0.4 },
    ],
    three: () => [
      sgd() as never,
      {
        maxLr: 2,
        totalSteps: 20,
        threePhase: true,
        divFactor: 10,
        finalDivFactor: 100,
        baseMomentum: 0.7,
        maxMomentum: 0.9,
      },
    ],
    'constant momentum': () => [sgd() as never, { maxLr: 0.5, totalSteps: 8, cycleMomentum: false }],
  };
  it.each(Object.keys(cycles))('OneCycleLR: %s', (name) => {
    const [optimizer, settings] = cycles[name]();
    const schedule = new optim.OneCycleLR(optimizer, settings);
    const [group] = optimizer.groups as unknown as { lr: number; momentum: number; betas?: number[] }[];
    for (const [lr, momentum] of fixture.cycles[name]) {
      expect(Math.abs(group.lr - lr)).toBeLessThan(CHAINED);
      expect(Math.abs((group.betas?.[0] ?? group.momentum) - momentum)).toBeLessThan(CHAINED);
      schedule.step();
    }
    expect(() => schedule.step()).toThrow(/OneCycleLR: step\(\) was called/);
  });

  const plateaus: Record<string, optim.ReduceLrOnPlateauSettings> = {
    min: { patience: 1 },
    cooling: { patience: 0, cooldown: 3, factor: 0.5, minLr: 0.06 },
    absolute: { patience: 2, threshold: 0.5, thresholdMode: 'abs' },
    max: { mode: 'max', patience: 1, factor: 0.3 },
  };
  it.each(Object.keys(plateaus))('ReduceLROnPlateau: %s, and of models each by its own', (name) => {
    const optimizer = new optim.SGD([start()], { lr: 0.4 });
    const models = tensor([[1], [2], [3]], { requiresGrad: true });
    const stacked = new optim.SGD([models], { lr: [0.4, 0.4, 0.4] });
    const sign = name === 'max' ? -1 : 1;
    let schedule = new optim.ReduceLROnPlateau(optimizer, plateaus[name]);
    const byModel = new optim.ReduceLROnPlateau(stacked, plateaus[name]);
    const expected = fixture.plateaus[name];
    fixture.figures.forEach((figure, t) => {
      if (t === 7) {
        const before = schedule;
        schedule = new optim.ReduceLROnPlateau(optimizer, plateaus[name]);
        schedule.loadStateDict(structuredClone(before.stateDict()));
      }
      schedule.step(sign * figure);
      // The second model gets better all the time, the third two steps later what the first gets.
      byModel.step([sign * figure, sign * -t, sign * (fixture.figures[t - 2] ?? 1000 - t)]);
      const first = optimizer.groups[0].lr as number;
      const [a, b, c] = stacked.groups[0].lr as readonly number[];
      expect(Math.abs(first - expected[t])).toBeLessThan(CHAINED);
      expect([a, b]).toEqual([first, 0.4]);
      expect(Math.abs(c - (expected[t - 2] ?? 0.4))).toBeLessThan(CHAINED);
    });
    expect(() => byModel.step([1, 2])).toThrow(/a list of 2.*as long as those of the rates/);
  });
});

// Settings that are lists, one number for each of the models stacked in the parameters: the same bits as each model alone.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDevice } from '../../src/adapter/open.js';
import type { Device } from '../../src/gpu/device.js';
import * as optim from '../../src/optim/index.js';
import { Generator } from '../../src/random/generator.js';
import { randn, tensor } from '../../src/tensor/create.js';
import { numelOf } from '../../src/tensor/shape.js';
import type { Tensor } from '../../src/tensor/tensor.js';

let device: Device;
beforeAll(async () => {
  // The fewest bindings: more parameters than a launch takes.
  device = await openDevice({ requiredLimits: 'default' });
});
afterAll(() => device.destroy());

const MODELS = 5;
/** Of one model; more than a workgroup has elements, a scalar, nothing. */
const SHAPES: readonly (readonly number[])[] = [[64, 3], [64], [1], [], [0], [300], [2, 2, 2]];

type Kind = new (params: readonly Tensor[], settings: object) => optim.Optimizer;
/** The settings of model k. */
const kinds: [string, Kind, (k: number) => Record<string, unknown>][] = [
  [
    'AdamW',
    optim.AdamW as never,
    (k) => ({ lr: 0.01 * (k + 1), betas: [0.9 - 0.1 * k, 0.99], weightDecay: 0.1 * k, eps: 10 ** -(k + 3) }),
  ],
  ['Adam, amsgrad', optim.Adam as never, (k) => ({ lr: 0.01, betas: [0.9, 0.9 + 0.01 * k], amsgrad: true })],
  ['SGD', optim.SGD as never, (k) => ({ lr: k, weightDecay: 0.1 })],
  [
    'SGD with momentum, but for one model',
    optim.SGD as never,
    (k) => ({ lr: 0.1, momentum: [0.9, 0.5, 0, 0.1, 0.99][k], dampening: 0.1 * k }),
  ],
  ['RMSprop', optim.RMSprop as never, (k) => ({ lr: 0.01 * k, alpha: 0.9 + 0.01 * k, centered: true })],
  ['SignSGD', optim.SignSGD as never, (k) => ({ lr: 0.01 * k, momentum: 0.5, weightDecay: 0.3 * k })],
];

/** The settings of all models: a list where they differ; pairs, each by itself. */
function together(of: (k: number) => Record<string, unknown>): Record<string, unknown> {
  const all = Array.from({ length: MODELS }, (_, k) => of(k));
  const joined = (values: readonly unknown[]): unknown => {
    if (values.every((value) => value === values[0])) return values[0];
    if (!Array.isArray(values[0])) return values;
    return values[0].map((_, i) => joined(values.map((value) => (value as unknown[])[i])));
  };
  return Object.fromEntries(Object.keys(all[0]).map((key) => [key, joined(all.map((each) => each[key]))]));
}

const leaf = (values: Float32Array, shape: readonly number[]): Tensor =>
  tensor(values, { shape, device, requiresGrad: true });

describe('settings by model', () => {
  it.each(kinds)('%s: the same bits as each model alone', async (_, Kind, of) => {
    const generator = new Generator(3);
    const draw = async (shape: readonly number[]) =>
      (await randn(shape, { device, generator }).data()) as Float32Array;
    const part = (values: Float32Array, shape: readonly number[], k: number) =>
      values.slice(k * numelOf(shape), (k + 1) * numelOf(shape));

    const begin = await Promise.all(SHAPES.map((shape) => draw([MODELS, ...shape])));
    const stacked = SHAPES.map((shape, i) => leaf(begin[i], [MODELS, ...shape]));
    const alone = Array.from({ length: MODELS }, (_, k) =>
      SHAPES.map((shape, i) => leaf(part(begin[i], shape, k), shape)),
    );
    const one = new Kind(stacked, together(of));
    const each = alone.map((params, k) => new Kind(params, of(k)));
    for (let step = 0; step < 4; step++) {
      for (const [i, shape] of SHAPES.entries()) {
        if ((i + step) % 4 === 0) continue; // some have no gradient
        const gradient = await draw([MODELS, ...shape]);
        stacked[i].grad = tensor(gradient, { shape: [MODELS, ...shape], device });
        alone.forEach((params, k) => {
          params[i].grad = tensor(part(gradient, shape, k), { shape, device });
        });
      }
      one.step();
      for (const optimizer of each) optimizer.step();
    }
    for (const [i, shape] of SHAPES.entries()) {
      const values = (await stacked[i].data()) as Float32Array;
      for (let k = 0; k < MODELS; k++) {
        expect([...part(values, shape, k)]).toEqual([...(await alone[k][i].data())]);
      }
    }
    const before = device.pool.usedBuffers;
    one.step();
    expect(device.pool.usedBuffers).toBe(before);
  });

  it('schedules change each rate of a list, and go on from what was saved', () => {
    const rates = [0.4, 0.01, 0];
    const parameter = () => [leaf(new Float32Array(3), [3])];
    const stacked = new optim.SGD(parameter(), { lr: rates });
    const each = rates.map((lr) => new optim.SGD(parameter(), { lr }));
    const make = (optimizer: optim.SGD) =>
      new optim.CosineAnnealingLR(optimizer, { tMax: 10, etaMin: 0.001 });
    let schedule = make(stacked);
    const schedules = each.map(make);
    for (let step = 0; step < 12; step++) {
      expect(stacked.groups[0].lr).toEqual(each.map(({ groups }) => groups[0].lr));
      if (step === 5) {
        const state = structuredClone(schedule.stateDict());
        schedule = make(stacked);
        schedule.loadStateDict(state);
      }
      schedule.step();
      for (const one of schedules) one.step();
    }
  });

  it('a list that does not fit is refused, with the parameter', () => {
    expect(() => new optim.SGD([leaf(new Float32Array(6), [2, 3])], { lr: [1, 2, 3] })).toThrow(
      /^SGD: lr is a list of 3, one for each stacked model; the first axis of a parameter \[2, 3\] is not so long/,
    );
    expect(() => new optim.SGD([leaf(new Float32Array(2), [2])], { lr: tensor([1, 2]) as never })).toThrow(
      'SGD: lr is an object (Tensor); a number fits, or a list of numbers, one for each stacked model.',
    );
    expect(() => new optim.SGD([leaf(new Float32Array(1), [])], { momentum: [0.5] })).toThrow(
      /momentum is a list/,
    );
    const optimizer = new optim.AdamW([leaf(new Float32Array(2), [2])]);
    optimizer.groups[0].betas = [0.9, [0.9, 1]];
    expect(() => optimizer.step()).toThrow(/betas\[1\]\[1\] is the number 1/);
  });
});
